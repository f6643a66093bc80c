"""Official crosswalks: ROME v3 to FAP 2009 and ISCO-08, ROME to ESCO, labels of the families.

Producers: DARES and France Travail, Licence Ouverte 2.0; the ESCO table under Commission Decision
2011/833/EU. No FAP 2021 to ROME table was found: links to FAP 2021 are ours, by equal label, and
say so.
"""

import re
from pathlib import Path

import polars as pl

from labour_market.matching.morphology import fold
from labour_market.sources.files import Folder
from labour_market.sources.harvest import FRANCE_TRAVAIL, OPEN_LICENCE, Harvest, Publication, Row

_FAMILY = re.compile(r'^"([A-Z]\dZ(?:\d\d)?)"\s*=\s*"[^:]+:\s*(.+?)"\s*;?\s*$', re.MULTILINE)
_SKOS = {"skos:exactMatch": "exact", "skos:closeMatch": "close", "skos:broadMatch": "broad",
         "skos:narrowMatch": "narrow"}  # fmt: skip


def parse(root: Path, *, retrieved_on: str) -> Harvest:
    """Read the tables in `root`.

    Raises:
        SourceRefused: a file or a column is missing.
    """
    folder = Folder(root)
    families_2009 = dict(_FAMILY.findall(folder.text("intitules_fap2009.txt")))
    families_2021 = _families_2021(folder)
    by_label = _by_label(families_2009, families_2021)
    links = [*_rome_fap(folder), *by_label, *_rome_isco(folder), *_rome_esco(folder)]
    return Harvest(
        source="crosswalks",
        version="2022",
        digest=folder.digest,
        publications=_publications(retrieved_on),
        rows={
            "links": links,
            "families": [
                *_families("fap2009", families_2009),
                *_families("fap2021", families_2021),
            ],
        },
        counts=folder.counts,
        warnings=[f"{len(by_label)} families of 2009 have their equal in 2021, by label"],
    )


def _publications(retrieved_on: str) -> list[Publication]:
    given = (
        ("fap", "Table de passage FAP 2009 – ROME v3 et intitulés FAP", "Dares", OPEN_LICENCE),
        ("isco", "Correspondance ROME v3 – ISCO-08", FRANCE_TRAVAIL, OPEN_LICENCE),
        ("esco", "Correspondance ESCO – ROME v1.4", f"{FRANCE_TRAVAIL}, Commission européenne",
         "Licence Ouverte 2.0, décision 2011/833/UE"),
    )  # fmt: skip
    return [
        Publication(key=k, name=n, producer=p, licence=li, retrieved_on=retrieved_on)
        for k, n, p, li in given
    ]


def _families(scheme: str, labels: dict[str, str]) -> list[Row]:
    return [{"scheme": scheme, "code": code, "label": label} for code, label in labels.items()]


def _families_2021(folder: Folder) -> dict[str, str]:
    table = folder.read("fap2021_intitules.csv", "Code_FAP228", "Intitulé_FAP228")
    once = table.unique("Code_FAP228", keep="first", maintain_order=True)
    return {code: label.strip() for code, label in once.select(
        "Code_FAP228", "Intitulé_FAP228"
    ).iter_rows()}  # fmt: skip


def _by_label(old: dict[str, str], new: dict[str, str]) -> list[Row]:
    named = {fold(label): code for code, label in new.items()}
    return [
        _link(("fap2009", code), ("fap2021", named[fold(label)]), "equal_label", 1, "Passerelle")
        for code, label in old.items()
        if fold(label) in named
    ]


def _link(
    start: tuple[str, str], end: tuple[str, str], relation: str, weight: int, made_by: str
) -> Row:
    return {
        "from_scheme": start[0],
        "from_code": start[1],
        "to_scheme": end[0],
        "to_code": end[1],
        "relation": relation,
        "weight": weight,
        "made_by": made_by,
    }


def _rome_fap(folder: Folder) -> list[Row]:
    pairs = folder.read("fap2009_rome_pairs.csv", "table", "code_rome", "fap2009")
    # Where the family depends on the qualification, the weight is how many of the ten
    # qualifications lead to it.
    counted = pairs.group_by("table", "code_rome", "fap2009", maintain_order=True).agg(pl.len())
    return [
        _link(
            ("rome3", row["code_rome"]),
            ("fap2009", row["fap2009"]),
            "whole" if row["table"] == "FAP9RSQ" else "by_qualification",
            row["len"],
            "Dares",
        )
        for row in counted.iter_rows(named=True)
    ]


def _rome_isco(folder: Folder) -> list[Row]:
    table = folder.read("rome_v3_isco08.csv", "code_rome", "isco08")
    return [
        _link(("rome3", rome), ("isco08", isco), "class", 1, FRANCE_TRAVAIL)
        for rome, isco in table.select("code_rome", "isco08").iter_rows()
        if isco
    ]


def _rome_esco(folder: Folder) -> list[Row]:
    table = folder.read("rome_esco_official_v1.4.csv", "escoUri", "relation", "code_rome")
    once = table.unique(["code_rome", "escoUri"], keep="first", maintain_order=True)
    return [
        _link(("rome4", rome), ("esco", uri), _SKOS.get(relation, relation), 1, FRANCE_TRAVAIL)
        for rome, uri, relation in once.select("code_rome", "escoUri", "relation").iter_rows()
    ]
