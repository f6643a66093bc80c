"""The verbs of `python -m labour_market`: importing, and doors through which to measure matching.

They read files or standard input and write JSON Lines; they use the imported releases of the
database, or the bundle where nothing was imported. Nothing that they read is stored.
"""

import argparse
import asyncio
import json
import sys
import time
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

from keel.clock import utc_now
from keel.commands import REFUSED, Verb
from keel.database import Database, sqlite_path
from keel.migrations import migrate
from labour_market.gaps.service import compare
from labour_market.matching.calibration import measure
from labour_market.matching.suggestions import leads
from labour_market.occupations.catalogue import Catalogue
from labour_market.occupations.service import Taxonomies, read
from labour_market.settings import VerbSettings
from labour_market.sources.harvest import SourceRefused
from labour_market.sources.service import SOURCES, Imports

_CANDIDATES = 10


def _write(line: object) -> None:
    sys.stdout.write(json.dumps(line, ensure_ascii=False) + "\n")


def _with_database(work: Callable[[Database], Awaitable[int]], *, writes: bool) -> int:
    settings = VerbSettings.read()
    if (path := sqlite_path(settings.database_url)) is not None:
        path.parent.mkdir(parents=True, exist_ok=True)

    async def run() -> int:
        database = Database(settings.database_url)
        try:
            if writes:
                database.claim()
            await migrate("labour_market", settings.database_url)
            return await work(database)
        finally:
            await database.close()

    return asyncio.run(run())


def _import(arguments: argparse.Namespace) -> int:
    async def work(database: Database) -> int:
        started = time.monotonic()
        try:
            done = await Imports(database).run(arguments.source, arguments.folder)
        except SourceRefused as refusal:
            _write({"source": arguments.source, "state": "refused", "reason": str(refusal)})
            return REFUSED
        _write({**asdict(done), "seconds": round(time.monotonic() - started, 2)})
        return 0

    return _with_database(work, writes=True)


def _bundle(arguments: argparse.Namespace) -> int:
    # Only this verb and `import` load Polars.
    from labour_market.bundle.build import build  # noqa: PLC0415

    on = utc_now().date().isoformat()
    try:
        _write(build(arguments.folder, on=on))
    except SourceRefused as refusal:
        _write({"state": "refused", "reason": str(refusal)})
        return REFUSED
    return 0


def _catalogue(scheme: str) -> Catalogue:
    held: list[Catalogue] = []

    async def work(database: Database) -> int:
        await Imports(database).load_bundle()
        async with database.begin() as session:
            held.append(await Taxonomies().of(session, scheme))
        return 0

    _with_database(work, writes=False)
    return held[0]


def _lines() -> Iterator[str]:
    return (line.rstrip("\n") for line in sys.stdin if line.strip())


def _match_titles(arguments: argparse.Namespace) -> int:
    index = _catalogue(arguments.scheme).title_index
    for title in _lines():
        reading = index.read(title, limit=_CANDIDATES)
        candidates = [
            {"code": c.code, "label": c.label, "probability": c.probability, "via": c.via}
            for c in reading.candidates
        ]
        _write({"query": title, "candidates": candidates, "abstained": reading.abstained})
    return 0


def _match_skills(arguments: argparse.Namespace) -> int:
    index = _catalogue(arguments.scheme).skill_index
    for line in map(json.loads, _lines()):
        skills = [
            {
                "code": m.skill.code,
                "label": m.skill.label,
                "start": m.start,
                "end": m.end,
                "how": m.how,
            }
            for m in index.find(line["text"])
        ]
        _write({"id": line.get("id"), "skills": skills})
    return 0


def _gap(_: argparse.Namespace) -> int:
    catalogue = _catalogue("rome4")
    for line in map(json.loads, _lines()):
        _write({"id": line.get("id"), **_compared(catalogue, line["text"], line["target"])})
    return 0


def _compared(catalogue: Catalogue, text: str, target: str) -> dict[str, Any]:
    index = catalogue.skill_index
    mentions = index.find(text)
    shown = {
        m.skill.code: {"start": m.start, "end": m.end, "quote": text[m.start : m.end]}
        for m in mentions
    }
    occupation = read(catalogue, target)
    gaps = [
        {
            "code": gap.skill,
            "label": index.by_code[gap.skill].label,
            "state": gap.state,
            "importance": gap.importance,
            "evidence": [shown[gap.through]] if gap.through in shown else [],
        }
        for gap in compare(catalogue, list(shown), occupation)
    ]
    moves = leads(catalogue, (), mentions, (), _CANDIDATES)
    return {"target": target, "gaps": gaps, "moves": [lead.occupation.code for lead in moves]}


def _calibrate(_: argparse.Namespace) -> int:
    catalogue = _catalogue("rome4")
    labels = {o.code: o.label for o in catalogue.occupations.values()}
    for found in measure(catalogue.titles, labels):
        _write({**asdict(found), "share": found.share})
    return 0


def _source(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("source", choices=SOURCES)
    _folder(parser)


def _folder(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--from", dest="folder", type=Path, required=True, metavar="DIR", help="the files' folder"
    )


def _of_titles(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--scheme", choices=("rome4", "esco"), default="rome4")


def _of_skills(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--scheme", choices=("rome3", "esco"), default="rome3")


VERBS = (
    Verb("import", "import the producers' files of one source", _import, _source),
    Verb("bundle", "write the bundle from the producers' files", _bundle, _folder),
    Verb("match-titles", "read titles, one a line", _match_titles, _of_titles),
    Verb(
        "match-skills", "find skills in texts, JSON Lines of id and text", _match_skills, _of_skills
    ),
    Verb("calibrate", "measure how often a title is read right, by similarity", _calibrate),
    Verb("gap", "compare texts with occupations, JSON Lines of id, text and target", _gap),
)
