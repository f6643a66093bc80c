"""Write the bundle from the producers' files: `python -m labour_market bundle --from DIR`.

What is written are facts and figures in our own form, far from a copy of any file. Run it again
after a release of a source and commit the result; a test holds the size and the provenance.
"""

import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict
from pathlib import Path

from labour_market.bundle.choice import CAUSES, CERTIFICATIONS, FAMILIES_2021
from labour_market.matching.morphology import fold
from labour_market.sources import bmo, crosswalks, dares, geo, rome
from labour_market.sources.files import Folder
from labour_market.sources.harvest import OPEN_LICENCE, Harvest, Publication, Row

_HERE = Path(__file__).parent
_SKILLS = 12
_APPELLATIONS = 3
_CERTIFICATIONS = 3
_DEFINITION = 72
_SERIES = "dares.jobseekers_abc"
_SERIES_FROM = "2009"
_METROPOLITAN = (11, 24, 27, 28, 32, 44, 52, 53, 75, 76, 84, 93, 94)
_REGIONS = frozenset(f"R-{number}" for number in _METROPOLITAN)
_SKIPPED = frozenset({"dares.tension_index", "dares.jobseekers_a", "bmo.difficult", "bmo.seasonal"})
# Certifications that ministries own: the title of another one names a school, and we favour none.
_PUBLIC = frozenset(
    {"CAP", "BP", "BAC PRO", "BTS", "BTSA", "BUT", "TP", "DE", "MC4", "MC5", "CS", "DEUST", "BPA"}
)


def build(shelf: Path, *, on: str, into: Path = _HERE) -> dict[str, int]:
    """Read the folders of `shelf`, write the files of the bundle; return their sizes in bytes.

    Raises:
        SourceRefused: a file is missing or has changed its columns.
    """
    taxonomy = rome.parse(shelf / "rome", retrieved_on=on)
    tables = crosswalks.parse(shelf / "crosswalks", retrieved_on=on)
    links = _links(taxonomy, tables, on)
    survey = bmo.parse(shelf / "bmo", retrieved_on=on)
    tension = dares.parse(shelf / "dares", retrieved_on=on)
    places = geo.parse(shelf / "geo", retrieved_on=on)
    written: dict[str, Iterable[Row]] = {
        "publications.jsonl": _publications(taxonomy, tables, tension, survey, places, on=on),
        "occupations.jsonl": _occupations(taxonomy),
        "links.jsonl": links,
        "market.jsonl": [*_market(tables, tension, links[0]), *_market(tables, survey, links[1])],
        "certifications.jsonl": _certifications(shelf / "rncp", on),
        "territories.jsonl": [_territories(places)],
    }
    return {name: _write(into / name, lines) for name, lines in written.items()}


def _write(path: Path, entries: Iterable[Row]) -> int:
    lines = [json.dumps(e, ensure_ascii=False, separators=(",", ":")) for e in entries]
    return path.write_bytes(("\n".join(lines) + "\n").encode())


def _publications(*harvests: Harvest, on: str) -> list[Row]:
    used = {"rome4", "fap", "tension2019", "jobseekers", "bmo2024", "geo"}
    found = [p for h in harvests for p in h.publications if p.key in used]
    return [asdict(p) for p in (*found, *_own(on))]


def _own(on: str) -> list[Publication]:
    drawn = Publication(
        key="fap2021",
        name="Rapprochement ROME 4.0 – FAP 2021 par lecture des intitulés",
        producer="Passerelle, d'après France Travail et la Dares",
        licence=OPEN_LICENCE,
        published_on=on,
        retrieved_on=on,
    )
    register = Publication(
        key="rncp",
        name="Codes diplômes et fiches RNCP ; lien au métier fait par Passerelle",
        producer="France compétences, réseau des Carif-Oref",
        licence=OPEN_LICENCE,
        published_on="2023-12",
        retrieved_on=on,
        url="https://www.data.gouv.fr/datasets/5eebbc067a14b6fecc9c9976",
    )
    return [drawn, register]


def _cited(publication: Publication) -> str:
    """Return producer, date and licence on one line; `publications.jsonl` says it in full."""
    day = publication.published_on or publication.name.split(" en ")[-1][:4]
    if not day.isdigit() and publication.published_on is None:
        day = f"lu le {publication.retrieved_on}"
    return f"{publication.producer}, {day}, {publication.licence.removesuffix(' (Etalab)')}"


def _of(harvest: Harvest, key: str) -> str:
    return _cited(next(p for p in harvest.publications if p.key == key))


def _occupations(taxonomy: Harvest) -> list[Row]:
    by_code = {(o["scheme"], o["code"]): o for o in taxonomy.rows["occupations"]}
    parents = _parents(taxonomy)
    source = _of(taxonomy, "rome4")
    entries: list[Row] = []
    said: set[str] = set()
    for code, parent in parents.items():
        family = by_code["rome3", parent]
        entries.append(
            {
                "code": code,
                "label": by_code["rome4", code]["label"],
                "parent": [parent, family["label"]],
                "definition": _shortened(str(family["definition"] or "")),
                "riasec": family["riasec"],
                "names": _names(taxonomy, code),
                "skills": _skills(taxonomy, parent, said),
                "moves": _moves(taxonomy, parent, set(parents.values())),
                "source": source,
            }
        )
    return entries


def _parents(taxonomy: Harvest) -> dict[str, str]:
    of = {o["code"]: str(o["parent"]) for o in taxonomy.rows["occupations"] if o["parent"]}
    return {code: of[code] for code in FAMILIES_2021}


def _shortened(definition: str) -> str:
    if len(definition) <= _DEFINITION:
        return definition
    return definition[:_DEFINITION].rsplit(" ", 1)[0].rstrip(" ,.(") + " […]"


def _names(taxonomy: Harvest, code: str) -> dict[str, str]:
    names = [a for a in taxonomy.rows["appellations"] if a["occupation"] == code]
    # The shortest are what people say; long ones name a sector or a rank.
    names.sort(key=lambda a: (a["kind"] != "principal", len(str(a["label"])), str(a["code"])))
    return {str(a["code"]): str(a["label"]) for a in names[:_APPELLATIONS]}


def _skills(taxonomy: Harvest, parent: str, said: set[str]) -> dict[str, dict[str, str]]:
    """Return code and label of the first skills, grouped as `importance/kind`.

    A label that an entry above gave is left empty: a third of them come back.
    """
    items = {s["code"]: s for s in taxonomy.rows["skills"]}
    asked = [r for r in taxonomy.rows["requirements"] if r["occupation"] == parent]
    asked.sort(key=lambda r: (r["importance"] != "core", _place(items[r["skill"]], r)))
    groups: dict[str, dict[str, str]] = {}
    for r in asked[:_SKILLS]:
        item = items[r["skill"]]
        group = groups.setdefault(f"{r['importance']}/{item['kind']}", {})
        group[str(r["skill"])] = "" if r["skill"] in said else str(item["label"])
        said.add(str(r["skill"]))
    return groups


def _place(item: Row, requirement: Row) -> tuple[bool, int]:
    # What people do before what they know: a career tells of deeds.
    return item["kind"] != "know-how", int(str(requirement["position"]))


def _moves(taxonomy: Harvest, parent: str, known: set[str]) -> dict[str, str]:
    return {
        str(m["target"]): str(m["kind"])
        for m in taxonomy.rows["mobilities"]
        if m["source"] == parent and m["target"] in known
    }


def _links(taxonomy: Harvest, tables: Harvest, on: str) -> list[dict[str, object]]:
    """Return which families speak of the chosen occupations: the official table, then ours."""
    official: dict[str, dict[str, int]] = {parent: {} for parent in _parents(taxonomy).values()}
    for link in tables.rows["links"]:
        if link["to_scheme"] == "fap2009" and link["from_code"] in official:
            official[str(link["from_code"])][str(link["to_code"])] = int(str(link["weight"]))
    # Where the qualification decides, the family that most qualifications lead to.
    main = {
        code: {max(sorted(weights), key=lambda family: weights[family]): max(weights.values())}
        for code, weights in official.items()
        if weights
    }
    ours = {code: dict.fromkeys(found, 1) for code, found in FAMILIES_2021.items() if found}
    return [
        {"from": "rome3", "to": "fap2009", "links": main, "source": _of(tables, "fap")},
        {"from": "rome4", "to": "fap2021", "links": ours, "source": _cited(_own(on)[0])},
    ]


def _market(tables: Harvest, figures: Harvest, link: Mapping[str, object]) -> list[Row]:
    """Return one entry for each family and publication; a series keeps its first year."""
    scheme = str(link["to"])
    links = link["links"]
    wanted = {f for found in links.values() for f in found} if isinstance(links, dict) else set()
    labels = {f["code"]: f["label"] for f in tables.rows["families"] if f["scheme"] == scheme}
    entries: dict[tuple[str, str], list[Row]] = {}
    for f in figures.rows["figures"]:
        if f["occupation_level"] == scheme and f["occupation"] in wanted and _is_kept(f):
            entries.setdefault((str(f["occupation"]), str(f["publication"])), []).append(f)
    return [
        {
            "scheme": scheme,
            "family": family,
            "label": labels.get(family, family),
            "key": key,
            "period": min(str(f["period"]) for f in found),
            **_compact(found),
            "source": _of(figures, key),
        }
        for (family, key), found in sorted(entries.items())
    ]


def _compact(figures: list[Row]) -> Row:
    if any(f["indicator"] == _SERIES for f in figures):
        years = sorted(figures, key=lambda f: str(f["period"]))
        return {"series": {_SERIES: [_number(f["value"]) for f in years]}}
    found: dict[str, dict[str, object]] = {}
    causes: dict[str, object] = {}
    for f in figures:
        if f["indicator"] in CAUSES:
            causes[str(f["indicator"])] = _number(f["value"])
        else:
            found.setdefault(str(f["indicator"]), {})[str(f["territory"])] = _value(f)
    row: dict[str, object] = {"figures": found}
    return row | ({"causes": [causes.get(name) for name in CAUSES]} if causes else {})


def _is_kept(figure: Row) -> bool:
    territory, indicator = str(figure["territory"]), str(figure["indicator"])
    if indicator == _SERIES:
        return str(figure["period"]) >= _SERIES_FROM
    if indicator in _SKIPPED or figure["value"] is None:
        return False
    return territory == "FR" or (indicator == "dares.tension" and territory in _REGIONS)


def _number(value: object) -> float | int | None:
    if value is None:
        return None
    number = float(str(value))
    return int(number) if number.is_integer() else number


def _value(figure: Row) -> object:
    """Return the bare value of a published figure; value, n and flag of any other."""
    number = _number(figure["value"])
    if figure["flag"] == "published":
        return number
    return [number, figure["n"], str(figure["flag"])]


def _certifications(root: Path, on: str) -> list[Row]:
    table = Folder(root).read("code_diplome_rncp_2023.csv", "Code_RNCP", "Fiche ACTIVE/INACTIVE")
    source = _cited(_own(on)[1])
    found: dict[str, dict[str, object]] = {}
    linked: dict[str, list[str]] = {}
    for code, titles in CERTIFICATIONS.items():
        chosen = [r for r in table.iter_rows(named=True) if _is_named(r, titles, on)]
        chosen.sort(key=lambda r: (r["Niveau fiche RNCP"], len(r["Intitulé diplôme (DEPP)"])))
        once = {r["Code_RNCP"]: r for r in reversed(chosen)}
        for rncp, row in list(once.items())[::-1][:_CERTIFICATIONS]:
            found.setdefault(rncp, _certification(row))
            linked.setdefault(rncp, []).append(code)
    return [
        {**entry, "occupations": linked[rncp], "link": "title", "source": source}
        for rncp, entry in found.items()
    ]


def _is_named(row: Mapping[str, str], titles: tuple[str, ...], on: str) -> bool:
    public = row["Abrégé de diplôme (RNCP)"] in _PUBLIC
    lasts = row["Fiche ACTIVE/INACTIVE"] == "ACTIVE" and _day(row) > on
    return public and lasts and fold(row["Intitulé diplôme (DEPP)"]).startswith(titles)


def _day(row: Mapping[str, str]) -> str:
    """Return the end of registration as an ISO date; empty where it is not given."""
    return "-".join(reversed((row["Date d'échéance de la fiche RNCP"] or "").split("/")))


def _certification(row: Mapping[str, str]) -> dict[str, object]:
    return {
        "rncp": row["Code_RNCP"],
        "title": row["Intitulé diplôme (DEPP)"].strip(),
        "kind": row["Abrégé de diplôme (RNCP)"],
        "level": row["Niveau fiche RNCP"].removeprefix("Niveau "),
        "status": "active",
        "valid_until": _day(row),
    }


def _territories(places: Harvest) -> Row:
    rows = places.rows["territories"]
    return {
        "regions": {
            str(r["code"]): [
                r["label"],
                {
                    str(d["code"]): d["label"]
                    for d in rows
                    if d["parent"] == r["code"] and d["level"] == "departement"
                },
            ]
            for r in rows
            if r["level"] == "region"
        },
        "source": _of(places, "geo"),
    }
