"""The bundle is small, and each of its entries says who made it, when, and under which licence."""

import json
from importlib.resources import files

from labour_market.bundle import reading
from labour_market.sources.harvest import faults

FOLDER = files("labour_market.bundle")
FILES = [f for f in FOLDER.iterdir() if f.name.endswith(".jsonl")]


def test_the_bundle_weighs_at_most_100_kilobytes():
    assert sum(len(f.read_bytes()) for f in FILES) <= 100_000


def test_every_entry_names_its_producer_its_date_and_its_licence():
    for file in FILES:
        for line in file.read_text().splitlines():
            entry = json.loads(line)
            said = (
                entry.get("source")
                or f"{entry['producer']}, {entry['retrieved_on']}, {entry['licence']}"
            )
            assert "Licence Ouverte" in said, (file.name, line[:80])
            assert any(part.strip()[:2] == "20" or "lu le 20" in part for part in said.split(","))


def test_it_holds_some_forty_occupations_that_fit_together():
    by_source = {h.source: h for h in reading.harvests()}
    occupations = [o for o in by_source["rome"].rows["occupations"] if o["scheme"] == "rome4"]
    assert 38 <= len(occupations) <= 45
    assert all(not faults(h) for h in by_source.values())


def test_every_certification_says_how_its_link_was_made():
    rncp = next(h for h in reading.harvests() if h.source == "rncp")
    linked = {link["from_code"] for link in rncp.rows["links"]}
    assert linked == {c["rncp"] for c in rncp.rows["certifications"]}
    assert {(link["relation"], link["made_by"]) for link in rncp.rows["links"]} == {
        ("title", "Passerelle")
    }
