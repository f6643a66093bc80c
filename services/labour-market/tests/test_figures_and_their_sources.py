"""No figure leaves without its source, licence, period, levels, n and flag; the prose adds none."""

import json
import re
from importlib.resources import files

import pytest

CODES = [
    json.loads(line)["code"]
    for line in (files("labour_market.bundle") / "occupations.jsonl").read_text().splitlines()
]
EVERY_FIGURE = {
    "period",
    "territory",
    "territory_level",
    "occupation_level",
    "occupation_code",
    "n",
    "flag",
    "source",
}
EVERY_SOURCE = {"name", "producer", "licence", "published_on", "retrieved_on", "release", "bundled"}


def incomplete(node, at="$"):
    """Every object that holds a value or points, and lacks a part of its provenance."""
    if isinstance(node, dict):
        if "value" in node or "points" in node:
            needed = EVERY_FIGURE - ({"period"} if "points" in node else set())
            if (
                not needed <= node.keys()
                or not node["source"].keys() >= EVERY_SOURCE
                or not all(
                    node["source"][k] for k in ("name", "producer", "licence", "retrieved_on")
                )
            ):
                yield at
        for key, value in node.items():
            yield from incomplete(value, f"{at}.{key}")
    elif isinstance(node, list):
        for place, value in enumerate(node):
            yield from incomplete(value, f"{at}[{place}]")


def test_the_walk_itself_catches_a_bare_figure():
    assert list(incomplete({"indicators": [{"value": 3}]})) == ["$.indicators[0]"]


@pytest.mark.parametrize("territory", ["FR", "R-52", "D-44"])
async def test_every_figure_of_every_occupation_has_its_full_provenance(market, territory):
    figures = 0
    for code in CODES:
        answer = await market.get("read_trends", "/trends", occupation=code, territory=territory)
        assert answer.status_code == 200
        assert list(incomplete(answer.json())) == []
        figures += len(answer.json()["indicators"])
    assert figures > 5 * len(CODES)


async def test_every_number_of_the_reading_is_an_indicator_or_its_period(market):
    for code in CODES:
        found = (
            await market.get("read_trends", "/trends", occupation=code, territory="R-52")
        ).json()
        label = found["occupation"]["label"]
        said = found["reading"].replace("\u202f", "").replace(label, "")
        known = {str(i["period"]) for i in found["indicators"]}
        known |= {
            f"{i['value']:g}".replace(".", ",")
            for i in found["indicators"]
            if i["value"] is not None and i["value"] < 1e5
        }
        known |= {str(int(i["value"])) for i in found["indicators"] if i["value"] is not None}
        assert set(re.findall(r"\d+(?:,\d+)?", said)) <= known, found["reading"]


async def test_a_territory_without_figures_shows_the_larger_ones_by_name(market):
    found = (
        await market.get("read_trends", "/trends", occupation="M1203", territory="D-44")
    ).json()
    assert found["territory"] == {
        "code": "D-44",
        "label": "Loire-Atlantique",
        "level": "departement",
    }
    assert {i["territory"] for i in found["indicators"]} == {"R-52", "FR"}


async def test_a_series_is_in_order_and_long_enough_to_draw(market):
    found = (await market.get("read_trends", "/trends", occupation="M1203")).json()
    (jobseekers,) = [s for s in found["series"] if s["id"] == "dares.jobseekers_abc"]
    years = [year for year, _ in jobseekers["points"]]
    assert years == sorted(years)
    assert len(years) >= 5


async def test_old_figures_are_said_to_be_old(market):
    freshness = (await market.get("read_trends", "/trends", occupation="K1308")).json()["freshness"]
    assert freshness["stale"] is True


async def test_an_unknown_territory_is_refused_and_says_what_to_use(market):
    answer = await market.get("read_trends", "/trends", occupation="M1203", territory="R-99")
    assert answer.status_code == 404
    assert answer.json()["code"] == "unknown_territory"
