"""A bilan full of words that nobody mistakes, and a search for them through every file."""

import asyncio
import base64
import json
import re
import sqlite3
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import asyncpg
import pytest

from demo.beneficiary import Beneficiary, _form
from demo.centre import Centre
from keel.clock import utc_now
from keel.sealing import KeyEncryptionKey

SERVICES = {"gateway": "gateway", "anonymizer": "anonymizer", "labour-market": "labour_market", "reports": "reports"}  # fmt: skip

NAME = "Quitterie Zwolanski-Ourghi"
LINE = "Dressage de lamproies au conservatoire de Xaintrailles"
REFERENCE = "dossier-xylophage-77213"
NOTES = "Elle dit avoir quitté la marionnetterie pour un motif ombrageux"
NEED = "Retrouver le goût des horaires crépusculaires sans renoncer au trombone"
CONTESTED = "Je n’ai jamais parlé de girouettes ferrugineuses"
TERMS = "Neuf séances alternées au pavillon des hippocampes"
MAIL = "quitterie.zwolanski@example.org"
PLANTED = (NAME, "Zwolanski", LINE, REFERENCE, NOTES, NEED, CONTESTED, TERMS, MAIL)

CV = f"""{NAME}
Assistante de gestion
{MAIL}

Expériences
2019 - 2024 : Assistante de gestion, Menuiserie Valdor, Nantes
• {LINE}.
• Suivi des factures.

Langues : anglais B1
"""


@dataclass(frozen=True, slots=True)
class Key:
    """A key that was found wrapped in a database while it was alive."""

    subject: str
    wrapped: bytes
    raw: bytes = field(repr=False)


@dataclass
class Search:
    """Every file that an installation leaves, and what is looked for in it."""

    folders: list[Path]
    keys: list[Key] = field(default_factory=list)

    def files(self) -> Iterator[tuple[Path, bytes]]:
        for folder in self.folders:
            for path in sorted(folder.rglob("*")):
                if path.is_file() and not path.is_symlink():
                    try:
                        yield path, path.read_bytes()
                    except FileNotFoundError:  # a log segment that was just removed
                        continue

    def planted(self) -> Counter[str]:
        return self._count({text: _written(text) for text in PLANTED})

    def raw_keys(self) -> Counter[str]:
        return self._count({key.subject: _as_bytes(key.raw) for key in self.keys})

    def wrapped_keys(self) -> Counter[str]:
        return self._count({key.subject: _as_bytes(key.wrapped) for key in self.keys})

    def _count(self, forms: Mapping[str, list[bytes]]) -> Counter[str]:
        found: Counter[str] = Counter()
        for path, content in self.files():
            for name, ways in forms.items():
                if times := sum(content.count(way) for way in ways):
                    found[f"{name} in {path.name}"] += times
        return found


def _written(text: str) -> list[bytes]:
    escaped = json.dumps(text)[1:-1].encode()
    return list({text.encode(), text.encode("utf-16-le"), escaped})


def _as_bytes(key: bytes) -> list[bytes]:
    return [
        key,
        key.hex().encode(),
        key.hex().upper().encode(),
        base64.b64encode(key).rstrip(b"="),
        base64.urlsafe_b64encode(key).rstrip(b"="),
    ]


@dataclass
class Installation:
    """A running platform, where its databases are, and how to look into them."""

    platform: Any
    search: Search
    rows: Callable[[str, str], list[tuple[Any, ...]]]
    """Read rows of a service's database, past every policy."""
    maintain: Callable[[], None]
    """What docs/operations/erasure.md tells an operator to do after a destruction."""

    def learn_keys(self, *subjects: str) -> list[Key]:
        """Note every key of these subjects, wrapped and raw."""
        found = []
        for service in ("gateway", "anonymizer", "reports"):
            kek = KeyEncryptionKey.from_file(self.platform.data / "keys" / f"{service}.kek")
            tables = ["content_keys", *(["record_keys"] if service == "gateway" else [])]
            for table in tables:
                for tenant, subject, wrapped in self.rows(
                    service,
                    f"SELECT tenant, subject, wrapped FROM {table}",  # noqa: S608 - our own names
                ):
                    if subject in subjects:
                        context = f"{tenant}|{subject}"
                        raw = kek.unwrap(bytes(wrapped), context)
                        found.append(Key(f"{service}/{table}", bytes(wrapped), raw))
        self.search.keys = found
        return found


@pytest.fixture
def on_sqlite(new_platform, deployments, tmp_path, monkeypatch) -> Installation:
    _own_temporary_folder(tmp_path, monkeypatch)
    platform = new_platform("data", "--deployments", str(deployments)).start()

    def rows(service: str, query: str) -> list[tuple[Any, ...]]:
        connection = sqlite3.connect(f"file:{platform.data / service}.sqlite3?mode=ro", uri=True)
        try:
            return connection.execute(query).fetchall()
        finally:
            connection.close()

    def maintain() -> None:
        platform.stop()

    return Installation(platform, Search([tmp_path]), rows, maintain)


@pytest.fixture
def on_postgresql(
    postgresql, new_migrated, new_platform, deployments, tmp_path, monkeypatch
) -> Installation:
    _own_temporary_folder(tmp_path, monkeypatch)
    urls = {s: new_migrated("postgresql", package, tmp_path) for s, package in SERVICES.items()}
    platform = new_platform("data", "--deployments", str(deployments))
    platform.program = (str(Path(__file__).with_name("on_postgresql.py")),)
    platform.data.mkdir(mode=0o700)
    (platform.data / "urls.json").write_text(json.dumps(urls))
    platform.start()
    administrator = postgresql.replace("+asyncpg", "")

    def ask(database: str, *statements: str) -> list[tuple[Any, ...]]:
        async def do() -> list[tuple[Any, ...]]:
            connection = await asyncpg.connect(f"{administrator}/{database}")
            try:
                found: list[tuple[Any, ...]] = []
                for statement in statements:
                    found = [tuple(row) for row in await connection.fetch(statement)]
                return found
            finally:
                await connection.close()

        return asyncio.run(do())

    def name(service: str) -> str:
        return urls[service].rpartition("/")[2]

    once_set, in_each, at_last = _told_to_operators()

    def maintain() -> None:
        for service in ("gateway", "anonymizer", "reports"):
            ask(name(service), *in_each)
        ask("postgres", *at_last)

    ask("postgres", *once_set)
    (data,) = ask("postgres", "SHOW data_directory")
    folders = [Path(data[0]).parent, tmp_path]
    return Installation(
        platform, Search(folders), lambda service, query: ask(name(service), query), maintain
    )


def _told_to_operators() -> list[list[str]]:
    """Return the statements of docs/operations/erasure.md, block by block."""
    page = (Path(__file__).parents[3] / "docs/operations/erasure.md").read_text()
    blocks = re.findall(r"```sql\n(.*?)```", page, re.DOTALL)
    return [[line.rstrip(";") for line in block.splitlines()] for block in blocks]


def _own_temporary_folder(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (folder / "tmp").mkdir()
    monkeypatch.setenv("TMPDIR", str(folder / "tmp"))


@dataclass
class Played:
    """A bilan that was played to its signed synthesis."""

    centre: Centre
    beneficiary: str
    bilan: str
    report: str
    personal_link: str
    name: str = NAME


def play(installation: Installation) -> Played:
    """Plant every word through the public doors, up to a signed synthesis."""
    platform, today = installation.platform, utc_now().date()
    centre = platform.centre()
    platform.operator("tenant", "set-siren", centre.credentials.tenant, "732829320")
    counsellor = centre.create_counsellor()
    centre.act_for(counsellor)
    person = centre._create("/v1/beneficiaries", {"reference": REFERENCE})["id"]
    starts, ends = today, today + timedelta(days=60)
    bilan = centre.create_bilan(
        {
            "beneficiary": person, "counsellor": counsellor, "funding": "PDC",
            "planned_minutes": 1440, "support_minutes": 840, "starts_on": starts.isoformat(),
            "ends_on": ends.isoformat(), "employer_siren": "552100554",
        }
    )  # fmt: skip
    _convene(centre, bilan, starts, ends)
    centre.record_agreement(bilan, agreed_on=starts.isoformat())
    link = _consent(centre, platform, bilan)
    document = centre.upload(bilan, CV.encode())["id"]
    token = centre.draw_consent_token(link[0])
    assisted = centre.run(
        "cv-analysis",
        {"bilan": bilan, "mode": "assisted", "document": document},
        consent_token=token,
    )
    centre.review_run(assisted.id)
    _contest(platform, link[1], assisted.record)
    report = centre.create_report(_synthesis(bilan, assisted.id, starts, ends))
    for block in report["reviews_missing"]:
        accepted = {"decision": "accepted", "reason": "verified"}
        centre.review_block(report["id"], block, accepted)
    identity = {
        "beneficiary_name": NAME, "organisation": "Cap Horizon", "counsellor_name": "S. Guivarch",
    }  # fmt: skip
    centre.sign_off(report["id"], identity)
    centre.report_file(report["id"], 1, "pdf")
    return Played(centre, person, bilan, report["id"], link[1])


def _convene(centre: Centre, bilan: str, starts: date, ends: date) -> None:
    terms = {
        "title": "Bilan de compétences", "aim": "Faire le point", "content": "Trois phases",
        "means": "Entretiens", "minutes": 1440, "starts_on": starts.isoformat(),
        "ends_on": ends.isoformat(), "conduct": TERMS, "handover": "En main propre",
        "price_cents": 180_000, "payment": "À la fin",
    }  # fmt: skip
    path = f"/v1/bilans/{bilan}/convention"
    centre._create(path, {"terms": terms, "received_on": starts.isoformat()})
    for party in ("employer", "provider", "worker"):
        signed = {"party": party, "signed_on": starts.isoformat()}
        centre._create(f"{path}/signatures", signed)


def _consent(centre: Centre, platform: Any, bilan: str) -> tuple[str, str]:
    recipients = centre.recipients()
    grant = {
        "purpose": "analysis", "data_categories": ["cv"],
        "recipients": [r["id"] for r in recipients],
        "jurisdictions": sorted({p for r in recipients for p in r["jurisdictions"]}),
    }  # fmt: skip
    made = centre.request_consent(bilan, [grant])
    person = Beneficiary.at(platform.url)
    decided = person.decide(made["ceremony_url"], refuse=())
    person.close()
    return made["id"], decided.personal_link


def _contest(platform: Any, personal_link: str, record: str) -> None:
    person = Beneficiary.at(platform.url)
    person._open_link(personal_link)
    asked = person._get(f"/me/uses/{record}/contestation")
    person._submit(_form(asked), {"text": CONTESTED})
    person.close()


def _synthesis(bilan: str, run: str, starts: date, ends: date) -> dict[str, Any]:
    return {
        "bilan": bilan, "kind": "synthesis", "runs": [run],
        "circumstances": {
            "request": NOTES, "need": NEED, "funding": "PDC", "start": starts.isoformat(),
            "end": ends.isoformat(), "hours": 20,
        },
        "projects": [{"title": "Gestion", "why": f"{NAME} y tient.", "occupation": None}],
        "action_plan": [
            {
                "step": "Rencontrer", "due_on": ends.isoformat(), "means": "Réseau",
                "support": "Centre", "indicator": "Un écrit",
            }
        ],
        "follow_up": {"offered": True},
    }  # fmt: skip


@pytest.fixture
def play_on() -> Iterator[Callable[[Installation], Played]]:
    """Play the bilan on an installation; what was opened for it is closed at the end."""
    played: list[Played] = []

    def on(installation: Installation) -> Played:
        played.append(play(installation))
        return played[-1]

    yield on
    for one in played:
        one.centre.close()


@pytest.fixture
def installation(request: pytest.FixtureRequest) -> Installation:
    found: Installation = request.getfixturevalue(f"on_{request.param}")
    return found
