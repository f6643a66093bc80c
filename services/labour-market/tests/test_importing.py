"""An import replaces a release whole or not at all; what is withheld stays unknown."""

import shutil
from importlib import import_module
from pathlib import Path

import polars as pl
import pytest
from sqlalchemy import func, select

from keel.database import Database
from keel.migrations import migrate
from labour_market.sources import bmo
from labour_market.sources.harvest import Harvest, Publication, SourceRefused, faults
from labour_market.sources.service import Imports
from labour_market.sources.store import current
from labour_market.tables import OccupationRow, ReleaseRow

README_ROWS = {
    "rome": {
        "rome_v460_metiers.csv": 1584,
        "rome_v460_appellations.csv.gz": 11620,
        "rome_v3_metiers.csv": 532,
        "rome_v3_items.csv.gz": 13670,
        "rome_v347_liens_referentiels.csv.gz": 40917,
        "rome_v347_riasec.csv": 532,
        "rome_v347_env_travail.csv": 763,
    },
    "esco": {
        "occupations_fr.csv.gz": 2740,
        "skills_fr.csv.gz": 13095,
        "occupation_skill_relations.parquet": 123855,
        "skill_skill_relations.parquet": 5899,
        "broader_relations_skill_pillar.parquet": 20656,
        "skills_meta_en.parquet": 13896,
    },
    "bmo": {"bmo_2024_bassin_metier.parquet": 53443},
    "dares": {"tensions_2019_fap2009.csv.gz": 29534, "tensions_2021_rome_bassin.csv.gz": 27135},
    "crosswalks": {"rome_esco_official_v1.4.csv.gz": 8332, "rome_v3_isco08.csv": 532},
}


@pytest.fixture
async def database(database_url):
    await migrate("labour_market", database_url)
    opened = Database(database_url)
    yield opened
    await opened.close()


def harvest(**changes):
    given = {
        "source": "rome",
        "version": "test",
        "digest": "0" * 64,
        "publications": [
            Publication("k", "ROME", "France Travail", "Licence Ouverte 2.0", "2026-01-01")
        ],
        "rows": {
            "occupations": [
                {
                    "scheme": "rome4",
                    "code": "M1607",
                    "label": "Secrétaire",
                    "parent": "M1607",
                    "definition": None,
                    "riasec": None,
                },
                {
                    "scheme": "rome3",
                    "code": "M1607",
                    "label": "Secrétariat",
                    "parent": None,
                    "definition": None,
                    "riasec": None,
                },
            ]
        },
    }
    return Harvest(**{**given, **changes})


def cells(*rows):
    columns = (
        "annee",
        "Code métier BMO",
        "Nom métier BMO",
        "REG",
        "Dept",
        "BE24",
        "met",
        "xmet",
        "smet",
    )
    return pl.DataFrame([dict(zip(columns, row, strict=True)) for row in rows])


@pytest.fixture
def survey(tmp_path: Path):
    def write(*rows):
        cells(*rows).write_parquet(tmp_path / "bmo_2024_bassin_metier.parquet")
        (tmp_path / "bmo_difficulte_rome_national_2019.csv").write_text(
            "fap_code,tension_pct,rome_code\nL0Z60,41.0,M1607\n"
        )
        (tmp_path / "bmo_difficulte_metier_national_2020.csv").write_text(
            'Métier,Difficultés à recruter\nX,"10,0 %"\n'
        )
        return tmp_path

    return write


def figures(found, indicator, territory):
    return [
        (f["value"], f["flag"])
        for f in found.rows["figures"]
        if f["indicator"] == indicator and f["territory"] == territory and f["period"] == "2024"
    ]


def test_a_star_is_unknown_and_never_a_number(survey):
    found = bmo.parse(
        survey(("2024", "L0X60", "Secrétaires", "52", "44", "5203", "*", "*", "*")),
        retrieved_on="2026-01-01",
    )
    assert figures(found, "bmo.projects", "B-5203") == [(None, "suppressed")]
    assert figures(found, "bmo.projects", "FR") == [(None, "suppressed")]


def test_a_sum_with_a_star_in_it_is_a_lower_bound(survey):
    root = survey(
        ("2024", "L0X60", "S", "52", "44", "5203", "40", "10", "*"),
        ("2024", "L0X60", "S", "52", "49", "5204", "*", "*", "*"),
    )
    found = bmo.parse(root, retrieved_on="2026-01-01")
    assert figures(found, "bmo.projects", "R-52") == [(40.0, "lower_bound")]
    assert figures(found, "bmo.projects", "D-44") == [(40.0, "computed")]
    assert figures(found, "bmo.difficult_share", "R-52") == [(25.0, "estimated")]


def test_a_cell_that_is_neither_number_nor_star_stops_the_import(survey):
    with pytest.raises(SourceRefused, match="neither"):
        bmo.parse(
            survey(("2024", "L0X60", "S", "52", "44", "5203", "n.d.", "1", "1")),
            retrieved_on="2026-01-01",
        )


def test_a_withheld_value_with_a_number_is_a_fault():
    row = {
        "occupation_level": "x",
        "occupation": "x",
        "territory": "FR",
        "indicator": "i",
        "period": "2024",
        "value": 3.0,
        "n": None,
        "flag": "suppressed",
        "publication": "k",
    }
    assert "withheld" in faults(harvest(rows={"figures": [row]}))[0]


async def test_a_failed_validation_keeps_the_old_release_and_says_why(database):
    imports = Imports(database)
    first = await imports.load(harvest())
    orphan = {
        "scheme": "rome4",
        "code": "A0000",
        "label": "x",
        "parent": "Z",
        "definition": None,
        "riasec": None,
    }
    with pytest.raises(SourceRefused, match="no v3 parent"):
        await imports.load(harvest(digest="1" * 64, rows={"occupations": [orphan]}))
    async with database.begin() as session:
        assert (await current(session))["rome"].id == first.release


async def test_a_renamed_column_is_refused_with_its_name(database, shelf, tmp_path):
    shutil.copytree(shelf / "data/rome", tmp_path / "rome", copy_function=shutil.copyfile)
    file = tmp_path / "rome" / "rome_v460_metiers.csv"
    file.write_text(file.read_text().replace("code_rome_parent", "parent", 1))
    with pytest.raises(SourceRefused, match="code_rome_parent"):
        await Imports(database).run("rome", tmp_path / "rome")


async def test_releases_stand_side_by_side_and_one_is_current(database):
    imports = Imports(database)
    first = await imports.load(harvest())
    second = await imports.load(harvest(digest="1" * 64))
    again = await imports.load(harvest(digest="1" * 64))
    assert (second.superseded, again.superseded) == (first.release, None)
    async with database.begin() as session:
        states = {r.id: r.state for r in await session.scalars(select(ReleaseRow))}
        rows = await session.scalar(select(func.count()).select_from(OccupationRow))
    assert states == {first.release: "superseded", second.release: "current"}
    assert rows == 4


async def test_the_bundle_gives_way_to_an_import_and_does_not_come_back(database):
    imports = Imports(database)
    await imports.load_bundle()
    done = await imports.load(harvest())
    await imports.load_bundle()
    async with database.begin() as session:
        assert (await current(session))["rome"].id == done.release
        assert (await current(session))["dares"].bundled


@pytest.mark.shelf
@pytest.mark.parametrize("source", ["rome", "esco", "bmo", "dares", "crosswalks", "geo"])
def test_the_shelf_has_the_rows_that_its_readme_counts_and_holds_together(shelf, source):
    importer = import_module(f"labour_market.sources.{source}")
    found = importer.parse(shelf / "data" / source, retrieved_on="2026-01-01")
    expected = README_ROWS.get(source, {})
    assert {name: found.counts[name] for name in expected} == expected
    assert faults(found) == []


@pytest.mark.shelf
def test_the_shelf_s_survey_withholds_as_many_cells_as_its_readme_says(shelf):
    found = bmo.parse(shelf / "data/bmo", retrieved_on="2026-01-01")
    assert [w.split()[0] for w in found.warnings] == ["10891", "20507", "39359"]


@pytest.mark.shelf
async def test_rome_is_loaded_whole_and_supersedes_the_bundle(database, shelf):
    imports = Imports(database)
    await imports.load_bundle()
    done = await imports.run("rome", shelf / "data/rome")
    assert done.superseded.startswith("rome-bundle-")
    async with database.begin() as session:
        counted = select(func.count()).select_from(OccupationRow)
        own = OccupationRow.release == done.release
        assert await session.scalar(counted.where(own, OccupationRow.scheme == "rome4")) == 1584
        assert await session.scalar(counted.where(own, OccupationRow.scheme == "rome3")) == 532
