"""The bundle as harvests, one for each source, so that it is loaded like any import."""

import hashlib
import json
from collections.abc import Iterator, Mapping
from importlib.resources import files
from typing import Any

from labour_market.bundle.choice import CAUSES
from labour_market.sources.harvest import Harvest, Publication, Row

_FILES = ("publications", "occupations", "links", "market", "certifications", "territories")
_BELONGS = {
    "rome": ("rome4",),
    "dares": ("tension2019", "jobseekers"),
    "bmo": ("bmo2024",),
    "crosswalks": ("fap",),
    # Links drawn by us: a source of its own, so that importing the official tables keeps them.
    "labels": ("fap2021",),
    "rncp": ("rncp",),
    "geo": ("geo",),
}

Entry = Mapping[str, Any]


def harvests() -> list[Harvest]:
    """Return what the package carries, by source."""
    read = {name: _bytes(name) for name in _FILES}
    entries = {
        name: [json.loads(line) for line in data.splitlines()] for name, data in read.items()
    }
    digest = hashlib.sha256(b"".join(read.values())).hexdigest()
    cited = {e["key"]: Publication(**e) for e in entries["publications"]}
    figures, families = _figures(entries["market"])
    rows: dict[str, dict[str, list[Row]]] = {
        "rome": _taxonomy(entries["occupations"]),
        "dares": {"figures": [f for f in figures if f["publication"] != "bmo2024"]},
        "bmo": {"figures": [f for f in figures if f["publication"] == "bmo2024"]},
        "crosswalks": {"links": _links(entries["links"][:1]), "families": families},
        "labels": {"links": _links(entries["links"][1:])},
        "rncp": _certifications(entries["certifications"]),
        "geo": {"territories": _territories(entries["territories"][0]["regions"])},
    }
    return [
        Harvest(
            source=source,
            version="bundle",
            digest=digest,
            publications=[cited[key] for key in keys],
            rows=rows[source],
            bundled=True,
        )
        for source, keys in _BELONGS.items()
    ]


def _bytes(name: str) -> bytes:
    return (files("labour_market.bundle") / f"{name}.jsonl").read_bytes()


def _taxonomy(entries: list[Entry]) -> dict[str, list[Row]]:
    parents: dict[str, Entry] = {}
    for entry in entries:
        parents.setdefault(entry["parent"][0], entry)
    rows: dict[str, list[Row]] = {
        "occupations": [_occupation(e) for e in entries] + [_parent(e) for e in parents.values()],
        "appellations": [name for e in entries for name in _names(e)],
        "skills": _skills(entries),
        "requirements": [r for e in parents.values() for r in _requirements(e)],
        "mobilities": [
            {"source": code, "target": target, "kind": kind}
            for code, e in parents.items()
            for target, kind in e["moves"].items()
        ],
    }
    return rows


def _occupation(entry: Entry) -> Row:
    return {
        "scheme": "rome4",
        "code": entry["code"],
        "label": entry["label"],
        "parent": entry["parent"][0],
        "definition": None,
        "riasec": None,
    }


def _parent(entry: Entry) -> Row:
    code, label = entry["parent"]
    return {
        "scheme": "rome3",
        "code": code,
        "label": label,
        "parent": None,
        "definition": entry["definition"],
        "riasec": entry["riasec"],
    }


def _names(entry: Entry) -> Iterator[Row]:
    for place, (code, label) in enumerate(entry["names"].items()):
        kind = "synonym" if place else "principal"
        yield {
            "scheme": "rome4",
            "code": code,
            "occupation": entry["code"],
            "label": label,
            "kind": kind,
        }


def _each_skill(entry: Entry) -> Iterator[tuple[str, str, str, str]]:
    for group, skills in entry["skills"].items():
        importance, kind = group.split("/")
        for code, label in skills.items():
            yield code, label, kind, importance


def _skills(entries: list[Entry]) -> list[Row]:
    # The label stands at the first entry that names the skill.
    found: dict[str, Row] = {}
    for entry in entries:
        for code, label, kind, _ in _each_skill(entry):
            row = {"scheme": "rome3", "code": code, "label": label, "kind": kind}
            found.setdefault(code, {**row, "alternatives": None})
    return list(found.values())


def _requirements(entry: Entry) -> Iterator[Row]:
    for position, (code, _, _, importance) in enumerate(_each_skill(entry)):
        yield {
            "scheme": "rome3",
            "occupation": entry["parent"][0],
            "skill": code,
            "importance": importance,
            "position": position,
        }


def _links(entries: list[Entry]) -> list[Row]:
    return [
        {
            "from_scheme": entry["from"],
            "from_code": code,
            "to_scheme": entry["to"],
            "to_code": family,
            "relation": "whole" if entry["to"] == "fap2009" else "label_read",
            "weight": weight,
            "made_by": "Dares" if entry["to"] == "fap2009" else "Passerelle",
        }
        for entry in entries
        for code, families in entry["links"].items()
        for family, weight in families.items()
    ]


def _figures(entries: list[Entry]) -> tuple[list[Row], list[Row]]:
    figures: list[Row] = []
    families: dict[tuple[str, str], Row] = {}
    for entry in entries:
        scheme, family = entry["scheme"], entry["family"]
        families[scheme, family] = {"scheme": scheme, "code": family, "label": entry["label"]}
        figures.extend(_of_entry(entry))
    return figures, list(families.values())


def _of_entry(entry: Entry) -> Iterator[Row]:
    for indicator, values in entry.get("series", {}).items():
        for year, value in enumerate(values, start=int(entry["period"])):
            yield _figure(entry, indicator, "FR", str(year), value)
    for indicator, places in entry.get("figures", {}).items():
        for territory, value in places.items():
            yield _figure(entry, indicator, territory, entry["period"], value)
    for indicator, value in zip(CAUSES, entry.get("causes", ()), strict=False):
        if value is not None:
            yield _figure(entry, indicator, "FR", entry["period"], value)


def _figure(entry: Entry, indicator: str, territory: str, period: str, given: Any) -> Row:  # noqa: ANN401 - a number, or a list of number, n and flag
    value, n, flag = given if isinstance(given, list) else (given, None, "published")
    return {
        "occupation_level": entry["scheme"],
        "occupation": entry["family"],
        "territory": territory,
        "indicator": indicator,
        "period": period,
        "value": value,
        "n": n,
        "flag": "suppressed" if value is None else flag,
        "publication": entry["key"],
    }


def _certifications(entries: list[Entry]) -> dict[str, list[Row]]:
    columns = ("rncp", "title", "kind", "level", "status", "valid_until")
    return {
        "certifications": [{c: e[c] for c in columns} for e in entries],
        "links": [
            {
                "from_scheme": "rncp",
                "from_code": e["rncp"],
                "to_scheme": "rome4",
                "to_code": code,
                "relation": e["link"],
                "weight": 1,
                "made_by": "Passerelle",
            }
            for e in entries
            for code in e["occupations"]
        ],
    }


def _territories(regions: Mapping[str, Any]) -> list[Row]:
    rows: list[Row] = [{"code": "FR", "parent": "", "level": "country", "label": "France"}]
    for code, (label, departements) in regions.items():
        rows.append({"code": code, "parent": "FR", "level": "region", "label": label})
        rows.extend(
            {"code": d, "parent": code, "level": "departement", "label": name}
            for d, name in departements.items()
        )
    return rows
