"""The vault numbers as if it had read everything, and opens nothing but people's names."""

import secrets

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from anonymizer.surrogates.numbering import Numbering
from anonymizer.surrogates.rules import MOST_FORMS, Secret, SurrogateType
from anonymizer.tables import ContentKey, Ended
from anonymizer.vault import service
from anonymizer.vault.service import Vault
from keel.database import Database
from keel.endings import Endings
from keel.identifiers import new_id
from keel.sealing import ContentKeys, KeyEncryptionKey

TENANT = new_id("tnt")
PERSON, PLACE, PHONE = SurrogateType.PERSON, SurrogateType.LOCATION, SurrogateType.PHONE
_VALUES = {
    PERSON: ["Jeanne Roux", "ROUX", "Mme Roux", "Paul Roux", "J. R.", "Jeanne", "Paul ROUX", "\ud83d"],
    PLACE: ["Lyon", "LYON", "lyon ", "Saint-Étienne", "SAINT ETIENNE", "Saint-Etienne", "\ud83d", "31"],
    PHONE: ["06 39 98 11 22", "06  39 98 11 22", "0639981122", "31"],
}  # fmt: skip
_SECRETS = st.sampled_from(
    [Secret(kind, value) for kind, said in _VALUES.items() for value in said]
)
_CALLS = st.lists(st.lists(_SECRETS, max_size=6), min_size=1, max_size=5)


@pytest.fixture
async def database(migrated):
    database = Database(migrated("anonymizer"))
    yield database
    await database.close()


@pytest.fixture
def vault():
    return Vault(ContentKeys(KeyEncryptionKey(secrets.token_bytes(32)), ContentKey), Endings(Ended))


async def _masked(database, vault, bilan, secrets):
    async with database.begin(TENANT) as session:
        return await vault.issue(session, TENANT, bilan, list(dict.fromkeys(secrets)))


@given(_CALLS)
@settings(
    max_examples=120, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
async def test_several_calls_number_as_one_who_remembers_everything(database, vault, calls):
    bilan, memory = new_id("bil"), Numbering({})
    for secrets_ in calls:
        memory.issue(secrets_)
        issued = await _masked(database, vault, bilan, secrets_)
        assert {s: str(issued[s]) for s in secrets_} == {s: str(memory[s]) for s in secrets_}


async def test_nothing_but_names_of_people_is_opened(database, vault, monkeypatch):
    bilan, opened = new_id("bil"), []

    def note(key, bound, sealed):
        opened.append(bound.rpartition("|")[2])
        return opening(key, bound, sealed)

    opening = service.opened
    monkeypatch.setattr(service, "opened", note)
    await _masked(database, vault, bilan, [Secret(PLACE, "Lyon"), Secret(PERSON, "Jeanne Roux")])
    again = await _masked(database, vault, bilan, [Secret(PLACE, "LYON"), Secret(PHONE, "06")])
    assert [s.name for s in again.values()] == ["LIEU_1b", "TELEPHONE_1"]
    assert opened == []
    await _masked(database, vault, bilan, [Secret(PLACE, "lyon"), Secret(PERSON, "Roux")])
    assert opened == ["PERSONNE_1"]


async def test_a_thing_written_in_too_many_ways_goes_on_under_its_second_number(database, vault):
    bilan = new_id("bil")
    lyon = [Secret(PLACE, "Lyon" + " " * n) for n in range(MOST_FORMS + 3)]
    first = await _masked(database, vault, bilan, lyon[: MOST_FORMS - 1])
    assert first[lyon[MOST_FORMS - 2]].name == "LIEU_1zy"
    then = await _masked(database, vault, bilan, lyon[MOST_FORMS - 1 : MOST_FORMS + 1])
    assert [s.name for s in then.values()] == ["LIEU_1zz", "LIEU_2"]
    last = await _masked(database, vault, bilan, lyon[MOST_FORMS + 1 :])
    assert [s.name for s in last.values()] == ["LIEU_2b", "LIEU_2c"]


async def test_what_one_bilan_holds_numbers_nothing_in_another(database, vault):
    first, second = new_id("bil"), new_id("bil")
    await _masked(database, vault, first, [Secret(PLACE, "Paris"), Secret(PLACE, "Lyon")])
    issued = await _masked(database, vault, second, [Secret(PLACE, "Lyon")])
    assert [s.name for s in issued.values()] == ["LIEU_1"]
