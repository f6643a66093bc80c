"""BMO: what employers plan to hire in a year, and how much of it they expect to be hard.

Producer: France Travail with Crédoc, Licence Ouverte 2.0. `*` is statistical secrecy: unknown,
never a number. What we add up over bassins is a lower bound as soon as one cell is withheld.
"""

import re
from pathlib import Path

import polars as pl

from labour_market.sources.files import Folder
from labour_market.sources.harvest import (
    FRANCE_TRAVAIL,
    OPEN_LICENCE,
    Harvest,
    Publication,
    SourceRefused,
)

_YEARLY = re.compile(r"bmo_(20\d\d)_bassin_metier\.parquet")
_MEASURES = {"met": "bmo.projects", "xmet": "bmo.difficult", "smet": "bmo.seasonal"}
_FIGURE = ["occupation_level", "occupation", "territory", "indicator", "period", "value", "n",
           "flag", "publication"]  # fmt: skip


def parse(root: Path, *, retrieved_on: str) -> Harvest:
    """Read the newest yearly file in `root`, and the national shares of difficulty beside it.

    Raises:
        SourceRefused: no yearly file, or a column is missing.
    """
    folder = Folder(root)
    year = _newest(root)
    cells = _cells(folder, year)
    # In the order of the table's key: SQLite then appends instead of searching its place.
    figures = pl.concat([_by_bassin(cells, year), _sums(cells, year), _shares(cells, year)])
    old, links = _national_shares(folder)
    return Harvest(
        source="bmo",
        version=year,
        digest=folder.digest,
        publications=_publications(year, retrieved_on),
        rows={
            "figures": [*figures.select(_FIGURE).sort(_FIGURE[:5]).to_dicts(), *old],
            "families": cells.select(scheme=pl.lit("fap2021"), code="code", label="name")
            .unique("code", keep="first", maintain_order=True)
            .to_dicts(),
            "links": links,
        },
        counts=folder.counts,
        warnings=[f"{cells[c].null_count()} cells of {c} are withheld (*)" for c in _MEASURES],
    )


def _newest(root: Path) -> str:
    years = [m.group(1) for p in root.iterdir() if (m := _YEARLY.fullmatch(p.name))]
    if not years:
        raise SourceRefused(f"{root.name}/ holds no bmo_AAAA_bassin_metier.parquet")
    return max(years)


def _publications(year: str, retrieved_on: str) -> list[Publication]:
    url = "https://www.francetravail.org/statistiques-analyses/entreprises/enquete-bmo.html"
    return [
        Publication(
            key=f"bmo{edition}",
            name=f"Enquête Besoins en main-d'œuvre (BMO) {edition}",
            producer=f"{FRANCE_TRAVAIL} – Crédoc",
            licence=OPEN_LICENCE,
            published_on=edition,
            retrieved_on=retrieved_on,
            url=url,
        )
        for edition in sorted({year, "2019", "2020"})
    ]


def _cells(folder: Folder, year: str) -> pl.DataFrame:
    suffix = year[2:]
    table = folder.read(
        f"bmo_{year}_bassin_metier.parquet",
        "Code métier BMO", "Nom métier BMO", "REG", "Dept", f"BE{suffix}", *_MEASURES,
    )  # fmt: skip
    odd = table.select(pl.any_horizontal(~pl.col(c).str.contains(r"^(\d+|\*)$") for c in _MEASURES))
    if odd.to_series().any():
        raise SourceRefused("a cell of the BMO file is neither a whole number nor *")
    return table.select(
        pl.col("Code métier BMO").alias("code"),
        pl.col("Nom métier BMO").alias("name"),
        ("R-" + pl.col("REG").str.zfill(2)).alias("region"),
        ("D-" + pl.col("Dept").str.zfill(2)).alias("departement"),
        ("B-" + pl.col(f"BE{suffix}").str.zfill(4)).alias("bassin"),
        *(pl.col(c).replace("*", None).cast(pl.Int64) for c in _MEASURES),
    )


def _known(value: str) -> pl.Expr:
    return (
        pl.when(pl.col(value).is_null()).then(pl.lit("suppressed")).otherwise(pl.lit("published"))
    )


def _figure(
    territory: str, indicator: str, year: str, value: pl.Expr, n: pl.Expr, flag: pl.Expr
) -> list[pl.Expr]:
    return [
        pl.lit("fap2021").alias("occupation_level"),
        pl.col("code").alias("occupation"),
        pl.col(territory).alias("territory"),
        pl.lit(indicator).alias("indicator"),
        pl.lit(year).alias("period"),
        value.cast(pl.Float64).alias("value"),
        n.cast(pl.Int64).alias("n"),
        flag.alias("flag"),
        pl.lit(f"bmo{year}").alias("publication"),
    ]


def _by_bassin(cells: pl.DataFrame, year: str) -> pl.DataFrame:
    # A bassin that crosses a border has one row in each département: only their sum is the bassin,
    # and it is unknown when one part is.
    parts = cells.group_by("code", "bassin", maintain_order=True).agg(
        pl.when(pl.col(c).null_count() == 0).then(pl.col(c).sum()).alias(c) for c in _MEASURES
    )
    return pl.concat(
        parts.select(_figure("bassin", name, year, pl.col(column), pl.col("met"), _known(column)))
        for column, name in _MEASURES.items()
    )


def _levels(cells: pl.DataFrame) -> list[pl.DataFrame]:
    france = cells.with_columns(territory=pl.lit("FR"))
    return [
        france,
        cells.with_columns(territory="region"),
        cells.with_columns(territory="departement"),
    ]


def _sums(cells: pl.DataFrame, year: str) -> pl.DataFrame:
    frames = []
    for level in _levels(cells):
        for column, name in _MEASURES.items():
            whole = level.group_by("code", "territory", maintain_order=True).agg(
                pl.when(pl.col(column).count() > 0).then(pl.col(column).sum()).alias("value"),
                pl.col(column).null_count().alias("withheld"),
                pl.col("met").sum().alias("met"),
            )
            flag = (
                pl.when(pl.col("value").is_null())
                .then(pl.lit("suppressed"))
                .when(pl.col("withheld") > 0)
                .then(pl.lit("lower_bound"))
                .otherwise(pl.lit("computed"))
            )
            n = pl.when(pl.col("value").is_not_null()).then(pl.col("met"))
            frames.append(whole.select(_figure("territory", name, year, pl.col("value"), n, flag)))
    return pl.concat(frames)


def _shares(cells: pl.DataFrame, year: str) -> pl.DataFrame:
    # Only cells where both numbers are published: else a share would mix two sets of bassins.
    both = cells.filter(pl.col("met").is_not_null() & pl.col("xmet").is_not_null())
    frames = []
    for level, every in zip(_levels(both), _levels(cells), strict=True):
        share = level.group_by("code", "territory", maintain_order=True).agg(
            pl.col("met").sum(), pl.col("xmet").sum(), pl.len().alias("cells")
        )
        complete = every.group_by("code", "territory").agg(pl.len().alias("all"))
        joined = share.join(complete, on=["code", "territory"], how="left").filter(
            pl.col("met") > 0
        )
        flag = (
            pl.when(pl.col("cells") == pl.col("all"))
            .then(pl.lit("computed"))
            .otherwise(pl.lit("estimated"))
        )
        value = (100 * pl.col("xmet") / pl.col("met")).round(1)
        frames.append(
            joined.select(
                _figure("territory", "bmo.difficult_share", year, value, pl.col("met"), flag)
            )
        )
    return pl.concat(frames)


def _national_shares(folder: Folder) -> tuple[list[dict[str, object]], list[dict[str, object]]]:
    rates = folder.read(
        "bmo_difficulte_rome_national_2019.csv", "fap_code", "tension_pct", "rome_code"
    )
    folder.read("bmo_difficulte_metier_national_2020.csv", "Métier", "Difficultés à recruter")
    figures = [
        {
            "occupation_level": "fap2009",
            "occupation": row["fap_code"],
            "territory": "FR",
            "indicator": "bmo.difficult_share",
            "period": "2019",
            "value": float(row["tension_pct"]),
            "n": None,
            "flag": "published",
            "publication": "bmo2019",
        }
        for row in rates.unique("fap_code", keep="first", maintain_order=True).iter_rows(named=True)
    ]
    links = [
        {
            "from_scheme": "rome3",
            "from_code": row["rome_code"],
            "to_scheme": "fap2009",
            "to_code": row["fap_code"],
            "relation": "survey",
            "weight": 1,
            "made_by": "France Travail, BMO 2019",
        }
        for row in rates.unique(["rome_code", "fap_code"], maintain_order=True).iter_rows(
            named=True
        )
    ]
    return figures, links
