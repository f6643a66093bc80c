"""Step 5: the synthesis document, drafted, reviewed passage by passage, signed and rendered."""

import hashlib
import json
import re
import zipfile
import zlib
from collections.abc import Iterator, Mapping
from contextlib import suppress
from io import BytesIO
from typing import Any

from demo.centre import Refused
from demo.stage import COUNSELLOR, ORGANISATION, Stage

WHAT = "The synthesis document is drafted, reviewed passage by passage, and signed"
_USED = (
    "cv-analysis/assisted",
    "skills-inventory/computed",
    "occupation-exploration/assisted",
    "market-trends/computed",
    "skills-gap/computed",
    "training-suggestions/computed",
)
_KINDS = ("pdf", "docx", "html", "json")
_MARK = b"DigitalSourceType"
_CONFLICT = 409
_FEWEST_CHARTS = 2
_STREAM = re.compile(rb"stream\r?\n(.*?)\r?\nendstream", re.DOTALL)


def play(stage: Stage) -> None:
    """Draft from accepted runs, review what a model wrote, sign, fetch the files."""
    story, centre = stage.story, stage.centre
    with story.step(WHAT) as step:
        with story.act("drafted from what the counsellor accepted") as told:
            drafted = centre.create_report(_content(stage))
            told.append(f"({len(drafted['sections'])} sections, {len(drafted['charts'])} charts)")
        report = stage.ids["report"] = drafted["id"]
        story.hold(len(drafted["charts"]) >= _FEWEST_CHARTS, "it has at least two charts")
        to_review = list(drafted["reviews_missing"])
        story.hold(to_review, f"{len(to_review)} passages were written with AI and wait for review")
        story.hold(_is_refused_unread(stage, report), "it cannot be signed before they are (409)")
        _review(stage, drafted, to_review)
        with story.act("signed by the counsellor; four formats rendered and sealed"):
            signed = centre.sign_off(report, _identity(stage))
        story.hold(
            signed["status"] == "signed_off", f"{report} is signed, version {_version(signed)}"
        )
        files = _fetch(stage, report, signed)
        _check_marks(stage, files)
        step.ids = {"report": report, "version": str(signed.get("version_id", ""))}
        step.outcome = (
            f"{len(to_review)} AI passages reviewed; synthesis.pdf, .docx, .html and .json signed"
        )


def _version(report: Mapping[str, Any]) -> int:
    return int(report["version"])


def _content(stage: Stage) -> dict[str, Any]:
    dates, project = stage.dates, stage.cv.about.get("project", {})
    return {
        "bilan": stage.ids["bilan"],
        "kind": "synthesis",
        "runs": [stage.runs[name].id for name in _USED],
        "circumstances": {
            "request": "Faire le point après plusieurs années dans les mêmes fonctions.",
            "need": "Choisir un projet réaliste et savoir par quelles étapes le rejoindre.",
            "funding": "CPF",
            "start": dates.ago(56),
            "end": dates.ahead(14),
            "hours": 20,
            "interviews": [
                {"date": dates.ago(days), "minutes": 120, "mode": mode}
                for days, mode in ((56, "in_person"), (35, "in_person"), (14, "video"))
            ],
            "tools": [
                {
                    "name": "Passerelle",
                    "version": "0.1.0",
                    "purpose": "Lecture du parcours, compétences, marché du travail",
                }
            ],
        },
        "projects": [
            {
                "title": project.get("title", "Évoluer vers un métier voisin"),
                "why": project.get("why", "Garder ce que je sais faire, et apprendre encore."),
                "occupation": stage.occupation,
            }
        ],
        "action_plan": [
            {
                "step": "Rencontrer deux personnes qui exercent le métier visé",
                "due_on": dates.ahead(14),
                "means": "Réseau professionnel, annuaire des anciens",
                "support": "Conseillère du centre",
                "indicator": "Deux comptes rendus écrits",
            },
            {
                "step": "Comparer deux formations et leur financement",
                "due_on": dates.ahead(60),
                "means": "Compte personnel de formation",
                "support": "Conseil en évolution professionnelle",
                "indicator": "Un dossier déposé",
            },
        ],
        "follow_up": {"offered": True, "on": dates.ahead(180)},
    }


def _is_refused_unread(stage: Stage, report: str) -> bool:
    try:
        stage.centre.sign_off(report, _identity(stage))
    except Refused as refusal:
        return (refusal.status, refusal.code) == (_CONFLICT, "review_missing")
    return False


def _identity(stage: Stage) -> dict[str, str]:
    """Return the names for the cover: the centre's own software knows them, Passerelle does not."""
    return {
        "beneficiary_name": stage.name(),
        "organisation": ORGANISATION,
        "counsellor_name": COUNSELLOR,
    }


def _review(stage: Stage, drafted: Mapping[str, Any], to_review: list[str]) -> None:
    """Read every AI passage: correct the first, accept the others."""
    story, centre, report = stage.story, stage.centre, stage.ids["report"]
    texts = {b["id"]: b["text"] for s in drafted["sections"] for b in s["blocks"]}
    first, *others = to_review
    with story.act(f"{len(to_review)} passages read one by one; the first was completed"):
        said = f"{texts[first]} Nous l’avons relu ensemble.".strip()
        review = {"decision": "accepted_modified", "reason": "completed", "text": said}
        centre.review_block(report, first, review)
        for block in others:
            centre.review_block(report, block, {"decision": "accepted", "reason": "verified"})
    story.terminal.quoted(texts[first])
    missing = centre.report(report)["reviews_missing"]
    story.hold(not missing, "no passage by AI is left without a named reader")


def _fetch(stage: Stage, report: str, signed: Mapping[str, Any]) -> dict[str, bytes]:
    digests = {file["format"]: file["sha256"] for file in signed["files"]}
    files = {}
    for kind in _KINDS:
        files[kind] = stage.centre.report_file(report, _version(signed), kind)
        stage.story.keep(f"synthesis.{kind}", files[kind])
    stage.story.hold(
        all(hashlib.sha256(files[k]).hexdigest() == digests[k] for k in _KINDS),
        "PDF, DOCX, HTML and JSON are the bytes that were signed",
    )
    return files


def _check_marks(stage: Stage, files: Mapping[str, bytes]) -> None:
    story, html = stage.story, files["html"].decode()
    provenances = list(_provenances(json.loads(files["json"])))
    ai = [p for p in provenances if str(p.get("origin", "")).startswith("ai_")]
    story.hold(
        ai and all(p.get("record_id") for p in ai),
        f"{len(ai)} AI passages, each with its record, in the JSON",
    )
    story.hold(
        "[IA]" in html and 'data-origin="ai_' in html and html.count("<figure") >= _FEWEST_CHARTS,
        "the HTML marks them with “[IA]” and holds the charts",
    )
    story.hold(
        files["pdf"].startswith(b"%PDF-") and _MARK in _readable(files["pdf"]),
        "the PDF carries the mark in its metadata",
    )
    story.hold(
        _docx_is_marked(files["docx"]), "the DOCX carries it in its properties, with the charts"
    )


def _provenances(value: Any) -> Iterator[Mapping[str, Any]]:  # noqa: ANN401 - any JSON value
    if isinstance(value, dict):
        if isinstance(value.get("provenance"), dict):
            yield value["provenance"]
        for member in value.values():
            yield from _provenances(member)
    elif isinstance(value, list):
        for member in value:
            yield from _provenances(member)


def _readable(pdf: bytes) -> bytes:
    """Return the bytes of a PDF and of its compressed streams."""
    parts = [pdf]
    for match in _STREAM.finditer(pdf):
        with suppress(zlib.error):
            parts.append(zlib.decompress(match.group(1)))
    return b"\n".join(parts)


def _docx_is_marked(docx: bytes) -> bool:
    with zipfile.ZipFile(BytesIO(docx)) as archive:
        names = archive.namelist()
        properties = archive.read("docProps/custom.xml") if "docProps/custom.xml" in names else b""
        pictures = [name for name in names if name.startswith("word/media/")]
    return _MARK in properties.replace(b"AI-", b"") and len(pictures) >= _FEWEST_CHARTS
