"""At its end a bilan's documents and vault are destroyed; what was agreed to be kept is kept."""

import asyncio

import pytest
from sqlalchemy import text as sql

from keel.identifiers import new_id

CV = """Jeanne MARCHADIER
Assistante de gestion
12 rue des Tilleuls, 44000 Nantes
06 39 98 12 34 - jeanne.marchadier@example.org

Expériences
2019 - 2024 : Assistante de gestion, Menuiserie Valdor, Nantes
"""
NOTES = "Entretien avec Odile Perrichon, joignable à odile.perrichon@example.org."
OWNED = ("content_keys", "documents", "vault_entries", "kept_documents", "kept_surrogates")


async def destroy(anonymizer):
    return await anonymizer.call("destroy_bilan", "DELETE", f"/bilans/{anonymizer.bilan}")


async def keep(anonymizer, agreement, scope="documents"):
    path, body = f"/bilans/{anonymizer.bilan}/keeping", {"agreement": agreement, "scope": scope}
    return await anonymizer.call("keep_bilan", "POST", path, json=body)


async def destroy_kept(anonymizer, agreement):
    return await anonymizer.call("destroy_kept", "DELETE", f"/kept/{agreement}")


async def rows(anonymizer):
    found = {}
    async with anonymizer.app.state.database.begin(anonymizer.tenant) as session:
        for table in OWNED:
            count = f"select count(*) from {table} where tenant = :tenant"  # noqa: S608 - our names
            found[table] = await session.scalar(sql(count), {"tenant": anonymizer.tenant})
    return {table: number for table, number in found.items() if number}


@pytest.fixture
def alone(anonymizer):
    return anonymizer.of(tenant=new_id("tnt"), bilan=new_id("bil"))


async def test_the_same_call_again_answers_the_same(alone):
    await alone.take_in(CV.encode())
    first = await destroy(alone)
    assert first.json()["documents"] == 1
    assert await rows(alone) == {}
    assert (await destroy(alone)).json() == first.json()


async def test_a_destroyed_bilan_takes_nothing_in(alone):
    await destroy(alone)
    assert (await alone.take_in(CV.encode())).status_code == 404
    assert (await alone.pseudonymise(NOTES)).status_code == 404
    assert await rows(alone) == {}


async def test_a_document_that_is_being_read_comes_too_late(alone, monkeypatch):
    workshop = alone.app.state.documents.workshop
    read, ended = asyncio.Event(), asyncio.Event()
    reading = type(workshop).read

    async def slowly(self, content):
        found = await reading(self, content)
        read.set()
        await ended.wait()
        return found

    monkeypatch.setattr(type(workshop), "read", slowly)
    taking = asyncio.create_task(alone.take_in(CV.encode()))
    await read.wait()
    assert (await destroy(alone)).status_code == 200
    ended.set()
    assert (await taking).status_code == 404
    assert await rows(alone) == {}


@pytest.mark.full
async def test_masking_and_destroying_at_once_always_ends_destroyed(alone):
    for number in range(100):
        bilan = alone.of(tenant=alone.tenant, bilan=new_id("bil"))
        masking = asyncio.create_task(bilan.pseudonymise(NOTES))
        await asyncio.sleep(0.003 * (number % 10))
        ended, masked = await asyncio.gather(destroy(bilan), masking)
        assert ended.status_code == 200
        assert masked.status_code in {200, 404}
        assert await rows(bilan) == {}


async def test_a_kept_document_is_read_and_restored_when_the_vault_is_gone(alone):
    document, agreement = new_id("doc"), new_id("agr")
    await alone.take_in(CV.encode(), document)
    of_notes = (await alone.pseudonymise(NOTES)).json()["texts"][0]["text"]
    path = f"/documents/{document}"
    before = (await alone.call("read_pseudonymised", "GET", f"{path}/pseudonymised")).json()
    findings = (await alone.call("read_findings", "GET", f"{path}/findings")).json()
    summary = (await alone.call("read_document", "GET", path)).json()

    kept = (await keep(alone, agreement)).json()
    assert kept["documents"] == 1
    destroyed = (await destroy(alone)).json()
    assert kept["surrogates"] < destroyed["surrogates"]
    assert await rows(alone) == {
        "content_keys": 1, "kept_documents": 1, "kept_surrogates": kept["surrogates"],
    }  # fmt: skip

    after = await alone.call("read_pseudonymised", "GET", f"{path}/pseudonymised")
    assert after.json() == before
    assert (await alone.call("read_findings", "GET", f"{path}/findings")).json() == findings
    assert (await alone.call("read_document", "GET", path)).json() == summary
    assert (await alone.call("read_outline", "GET", f"{path}/outline")).status_code == 200
    assert (await alone.restore(before["text"]))["value"] == CV.strip()
    unrestored = await alone.restore(of_notes)
    assert "Odile Perrichon" not in unrestored["value"]
    assert unrestored["unknown"]


async def test_for_a_synthesis_nothing_of_the_documents_is_kept(alone):
    await alone.take_in(CV.encode())
    answer = await keep(alone, new_id("agr"), "synthesis")
    assert answer.json() == {"documents": 0, "surrogates": 0}
    await destroy(alone)
    assert await rows(alone) == {}


async def test_what_was_kept_goes_when_the_agreement_ends(alone):
    document, agreement = new_id("doc"), new_id("agr")
    await alone.take_in(CV.encode(), document)
    kept = (await keep(alone, agreement)).json()
    await destroy(alone)
    assert (await destroy_kept(alone, agreement)).json() == kept
    assert await rows(alone) == {}
    assert (await destroy_kept(alone, agreement)).json() == kept
    gone = await alone.call("read_document", "GET", f"/documents/{document}")
    assert gone.status_code == 404
    assert (await keep(alone, agreement)).status_code == 404


async def test_each_agreement_has_a_key_of_its_own(alone):
    document, one, other = new_id("doc"), new_id("agr"), new_id("agr")
    await alone.take_in(CV.encode(), document)
    await keep(alone, one)
    await keep(alone, other)
    await destroy(alone)
    await destroy_kept(alone, other)
    read = await alone.call("read_document", "GET", f"/documents/{document}")
    assert read.status_code == 200
