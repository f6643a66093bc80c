"""I-4: no field of a record is a constant; whoever hard-codes one breaks a test, tried for each.

`worlds` goes through two worlds that differ in each fact at its source. `make verify` then replaces,
in each place where a field stands beside what was seen, the latter by a constant, and looks whether
the two worlds are still told apart.
"""

import pytest

from gateway.records import service
from gateway.records.fields import FIELDS

ON_SQLITE = pytest.mark.parametrize("migrated", ["sqlite"], indirect=True)
ON_BOTH = pytest.mark.parametrize(
    "migrated",
    ["sqlite", pytest.param("postgresql", marks=[pytest.mark.postgresql, pytest.mark.full])],
    indirect=True,
)
CONSTANT = {
    "schema_version": "of the schema that the code was written against",
    "automated_decision": "no other value is possible",
    "share_scope": "no other value is possible yet",
    "contested_by": "no other value is possible yet",
}
"""Fields that no fact varies, each with its reason."""
ALIKE = {
    ("of_computed", "system_id"): "our own rules made it",
    ("of_computed", "system_version"): "the version of what runs",
    ("of_computed", "output_kind"): "rules answer in a shape",
    ("found", "output_kind"): "an answer has a shape; what has none is a document",
    ("of_signed", "output_kind"): "a report is a document",
    ("_let_out", "legal_basis"): "the gate lets nothing out on another ground",
    ("_write", "routing_decision"): "refused is refused",
    ("reviewer_facts", "reviewer_role"): "only counsellors review; that one did is varied",
    ("_record", "right_exercised"): "it is the one right that a contestation exercises",
    ("_change", "use"): "of the log's key; of the other keys it is varied",
    ("review", "reason"): "of what the run keeps, not of its record",
    ("passed_over", "reason"): "inside `rejected_candidates`, which is varied whole",
}
"""What is the same by definition at one place, by function and field: to hard-code it changes
nothing."""
STORIES = (
    "of_itself", "of_who_and_why", "of_what_went_in", "of_the_call", "of_marks", "of_the_gate",
    "of_runs", "of_reports", "of_rights", "of_consents", "of_telling", "of_reading",
    "of_the_installation", "of_ends",
)  # fmt: skip


@pytest.fixture
def worlds(app, assisted, inside, beside, monkeypatch):
    """A world whose every record is noted, and the stories."""
    told = beside("worlds")
    here = told.World(app, assisted, inside, monkeypatch)
    made = service.record_of

    def noted(fact, **how):
        record = made(fact, **how)
        here.written.append((record["kind"], record["body"]))
        return record

    monkeypatch.setattr("gateway.records.service.record_of", noted)
    return told, here


def varied(pair):
    """The fields that differ between two worlds, in value or in being there."""
    one, other = pair
    return {name for name in one.keys() | other.keys() if one.get(name) != other.get(name)}


@ON_BOTH
async def test_no_field_of_the_schema_is_the_same_in_every_world(worlds):
    """I-4: each field of the published schema differs somewhere between two worlds."""
    told, here = worlds
    assert set(STORIES) == set(told.STORIES)
    seen = set()
    for story in told.STORIES.values():
        async for pair in story(here):
            seen |= varied(pair)
    published = {field.name for field in FIELDS}
    assert seen <= published
    assert published - seen == set(CONSTANT)


def test_each_field_is_hard_coded_somewhere_below(beside):
    """What `test_a_field_that_is_hard_coded_is_noticed` tries reaches every field of the schema."""
    mutants = beside("mutants")
    places = [place for found in beside("worlds").PLACES.values() for place in found]
    tried = {site.field for place in places for site in mutants.sites(place, _NAMES)}
    assert set(_NAMES) - tried == set()


_NAMES = frozenset(field.name for field in FIELDS)


@pytest.mark.full
@ON_SQLITE
@pytest.mark.parametrize("story", STORIES)
async def test_a_field_that_is_hard_coded_is_noticed(worlds, beside, story):
    """Each place that names a field gets a constant in the place of what it saw, one at a time."""
    told, here = worlds
    mutants = beside("mutants")
    whole = [pair async for pair in told.STORIES[story](here)]
    sites = [s for place in told.PLACES[story] for s in mutants.sites(place, _NAMES)]
    unnoticed = []
    for site in sites:
        if site.field in CONSTANT or (site.function, site.field) in ALIKE:
            continue
        if not await _noticed(told.STORIES[story], here, mutants, site, whole):
            unnoticed.append((site.function, site.field, site.line))
    assert unnoticed == []
    assert sites


async def _noticed(story, here, mutants, site, whole):
    """Say whether some pair that differed in a field no longer does, once it is hard-coded."""
    for number, (one, other) in enumerate(whole):
        if site.field not in varied((one, other)):
            continue
        constant = one.get(site.field, other.get(site.field))
        with mutants.hard_coded(site, constant):
            now = [pair async for pair in story(here)]
        if site.field not in varied(now[number]):
            return True
    return False
