"""The computed modes: what rules do well, marked `computed`, with no model anywhere."""

from collections import defaultdict
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from gateway.runs.inputs import Inputs
from gateway.runs.materials import materials
from gateway.runs.rules import Made

Recipe = Callable[[Inputs], Awaitable[Made]]

_CV_LIMITS = (
    "Lecture par des règles : une mise en page inhabituelle peut masquer une expérience.",
)
_SKILL_LIMITS = (
    "Une compétence rapprochée d’un mot du texte reste à confirmer avec la personne.",
    "Aucun niveau n’est déduit : seule la personne, le conseiller ou un test en déclare un.",
)


def _span(document: str, found: Mapping[str, Any], text: str) -> dict[str, Any]:
    start, end = int(found["start"]), int(found["end"])
    return {
        "kind": "span",
        "source": document,
        "start": start,
        "end": end,
        "quote": text[start:end],
    }


async def cv_analysis(inputs: Inputs) -> Made:
    """Reconstruct the career from the document's own lines (UC-05)."""
    outline = dict(await inputs.outline())
    gaps = outline.get("periods_without_information", [])
    questions = [
        f"Souhaitez-vous dire un mot de la période {gap['from']} à {gap['to']} ?" for gap in gaps
    ]
    return Made(outline, open_questions=questions, limits=_CV_LIMITS)


async def skills_inventory(inputs: Inputs) -> Made:
    """List skills, each with the words that show it (UC-06)."""
    text, document = await inputs.text(), inputs.document_id()
    grouped: dict[str, dict[str, Any]] = {}
    evidence: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for skill in await inputs.skills():
        grouped.setdefault(
            skill["code"],
            {
                "label": skill["label"],
                "code": skill["code"],
                "scheme": skill["scheme"],
                "kind": skill["kind"],
                "how": skill["how"],
                "declared_level": None,
                "to_confirm": True,
            },
        )
        evidence[skill["code"]].append(_span(document, skill, text))
    skills = [{**skill, "evidence": evidence[code]} for code, skill in grouped.items()]
    outline = await inputs.outline()
    linked = [(e["start"], e["end"]) for spans in evidence.values() for e in spans]
    unlinked = [
        stated["text"]
        for stated in outline["skills"]
        if not any(s < stated["end"] and stated["start"] < e for s, e in linked)
    ]
    return Made({"skills": skills, "unlinked": unlinked}, limits=_SKILL_LIMITS)


async def occupation_exploration(inputs: Inputs) -> Made:
    """Propose occupations with the reasons of each (UC-11)."""
    found = await inputs.leads()
    leads = [
        {
            "code": item["code"],
            "label": item["label"],
            "reasons": item["reasons"],
            "reservations": [],
            "supporting_skills": item["supporting_skills"],
            "skills_to_acquire": item["skills_to_acquire"],
            "field_checks": [f"Rencontrer une personne qui exerce le métier « {item['label']} »."],
        }
        for item in found["items"]
    ]
    questions = [
        f"Quel métier se cache derrière l’intitulé « {title} » ?"
        for title in found.get("abstained", [])
    ]
    return Made(
        {"leads": leads, "sort_criterion": found["sort_criterion"]}, open_questions=questions
    )


async def market_trends(inputs: Inputs) -> Made:
    """Situate an occupation in a territory, every figure with its source (UC-12)."""
    params = {"occupation": inputs.occupation(), "territory": inputs.request.territory}
    return Made(await inputs.market("read_trends", "GET", "/trends", params=params))


async def skills_gap(inputs: Inputs) -> Made:
    """Compare the inventory with an occupation: held, partial, missing, unknown (UC-13)."""
    target, text, document = inputs.occupation(), await inputs.text(), inputs.document_id()
    spans: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for skill in await inputs.skills():
        spans[skill["code"]].append(_span(document, skill, text))
    proofs = [
        {"code": code, **{k: proof[k] for k in ("source", "start", "end", "quote")}}
        for code, found_at in spans.items()
        for proof in found_at
    ]
    body = {"held": list(spans)[:200], "target": target, "proofs": proofs[:200]}
    found = await inputs.market("compare_skills", "POST", "/skill-gaps", json=body)
    return Made(found, limits=("Ce n’est pas une évaluation de niveau.",))


async def training_suggestions(inputs: Inputs) -> Made:
    """List certifications for an occupation, and ways without training (UC-14)."""
    missing = [
        gap["code"]
        for run in inputs.of("skills-gap")
        for gap in run["result"]["gaps"]
        if gap["state"] == "missing"
    ]
    params: list[tuple[str, str]] = [("occupation", inputs.occupation())]
    params += [("skills", code) for code in missing[:50]]
    found = await inputs.market("list_trainings", "GET", "/trainings", params=params)
    return Made(found)


async def synthesis_draft(inputs: Inputs) -> Made:
    """Lay out the synthesis from validated runs, in their own words (UC-19)."""
    sections: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for material in materials(inputs.earlier):
        quote = {"kind": "run", "source": material["source"], "quote": material["text"]}
        sections[material["key"]].append(
            {"text": material["text"], "evidence": [quote], "hypothesis": False}
        )
    laid_out = [{"key": key, "paragraphs": found} for key, found in sections.items()]
    return Made({"sections": laid_out})


RECIPES: Mapping[str, Recipe] = {
    "cv-analysis": cv_analysis,
    "skills-inventory": skills_inventory,
    "occupation-exploration": occupation_exploration,
    "market-trends": market_trends,
    "skills-gap": skills_gap,
    "training-suggestions": training_suggestions,
    "synthesis-draft": synthesis_draft,
}
