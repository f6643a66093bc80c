"""Geography: regions, départements (COG 2024) and the bassins d'emploi of the BMO survey.

Producers: INSEE and France Travail, Licence Ouverte 2.0.
"""

from collections.abc import Sequence
from pathlib import Path

import polars as pl

from labour_market.sources.files import Folder
from labour_market.sources.harvest import OPEN_LICENCE, Harvest, Publication, Row


def parse(root: Path, *, retrieved_on: str) -> Harvest:
    """Read the communes in `root` and keep what they say about larger territories.

    Raises:
        SourceRefused: a file or a column is missing.
    """
    folder = Folder(root)
    territories = [
        {"code": "FR", "parent": "", "level": "country", "label": "France"},
        *_regions_and_departements(folder),
        *_bassins(folder),
    ]
    return Harvest(
        source="geo",
        version="2024",
        digest=folder.digest,
        publications=[
            Publication(
                key="geo",
                name="Code officiel géographique 2024 et bassins d'emploi BMO",
                producer="Insee, France Travail",
                licence=OPEN_LICENCE,
                published_on="2024",
                retrieved_on=retrieved_on,
            )
        ],
        rows={"territories": territories},
        counts=folder.counts,
    )


def _regions_and_departements(folder: Folder) -> Sequence[Row]:
    communes = folder.read(
        "communes_departements_regions.csv",
        "code_departement", "nom_departement", "code_region", "nom_region",
    ).drop_nulls(["nom_departement", "nom_region"])  # fmt: skip
    region = "R-" + pl.col("code_region").str.zfill(2)
    regions = communes.select(
        code=region, parent=pl.lit("FR"), level=pl.lit("region"), label="nom_region"
    )
    departements = communes.select(
        code="D-" + pl.col("code_departement").str.zfill(2),
        parent=region,
        level=pl.lit("departement"),
        label="nom_departement",
    )
    return pl.concat([regions, departements]).unique(
        ["code", "parent"], keep="first", maintain_order=True
    ).to_dicts()  # fmt: skip


def _bassins(folder: Folder) -> Sequence[Row]:
    # A bassin that crosses a border has one row for each département that holds a part of it.
    communes = folder.read("commune_bassin_bmo.csv", "dep", "code_bassin_BMO", "lib_bassin_BMO")
    return communes.select(
        code="B-" + pl.col("code_bassin_BMO").str.zfill(4),
        parent="D-" + pl.col("dep").str.zfill(2),
        level=pl.lit("bassin"),
        label="lib_bassin_BMO",
    ).unique(["code", "parent"], keep="first", maintain_order=True).to_dicts()  # fmt: skip
