"""Who reads records leaves a record; the person sees the newest uses; what was erased stays erased."""

import base64
from hashlib import sha256

import pytest
from sqlalchemy import event, func, select

from gateway.pages import space
from gateway.records.rules import Fact, Kind
from gateway.records.service import unwritten
from gateway.tables import Base


@pytest.fixture
def used(app, centre, bilan):
    """Write uses of AI, each with its result; returns the ids of their dispatches."""

    async def write(count):
        written = []
        async with app.state.database.begin() as session:
            caller = await app.state.tenants.caller(session, centre.token)
            for number in range(count):
                about = {"beneficiary": bilan.beneficiary, "bilan": bilan.id}
                body = {
                    "purpose_code": "analysis",
                    "use_case_id": f"usage-{number}-",
                    "input_categories": ["cv"],
                    "provider_name": "rcp_local-llm",
                }
                sent = await app.state.records.write(
                    session, Fact(Kind.AI_DISPATCH, caller.tenant, body, **about)
                )
                await app.state.records.write(
                    session, Fact(Kind.AI_RESULT, caller.tenant, {}, prev=sent, **about)
                )
                written.append(sent)
        return written

    return write


async def accesses(centre):
    page = (await centre.call("GET", "/v1/records?kind=log.accessed&limit=200")).json()
    return [(r["act"], r["body"]["query_class"], r["body"]["returned"]) for r in page["items"]]


async def test_reading_one_record_or_its_receipt_is_recorded(app, centre, bilan, used):
    (record,) = await used(1)
    await centre.call("GET", f"/v1/records/{record}")
    while await app.state.sequencer.step():
        pass
    await centre.call("GET", f"/v1/records/{record}/receipt")
    assert await accesses(centre) == [
        (bilan.counsellor, "record", 1),
        (bilan.counsellor, "receipt", 1),
    ]


async def test_a_record_that_is_not_there_was_not_read(centre):
    answer = await centre.call("GET", "/v1/records/rec_" + "0" * 26)
    assert answer.status_code == 404
    assert await accesses(centre) == []


async def test_an_erased_record_is_listed_without_what_it_said(app, centre, bilan, used):
    (record,) = await used(1)
    async with app.state.database.begin() as session:
        caller = await app.state.tenants.caller(session, centre.token)
        kept = await app.state.records.write(session, Fact(Kind.LOG_ACCESSED, caller.tenant))
        await app.state.records.keys.destroy(session, caller.tenant, bilan.beneficiary)
    page = (await centre.call("GET", "/v1/records?limit=200")).json()
    items = {item["id"]: item for item in page["items"]}
    assert items[record] == {"id": record, "kind": "ai.dispatch", "erased": True}
    assert "erased" not in items[kept]
    answer = await centre.call("GET", f"/v1/records/{record}")
    assert (answer.status_code, answer.json()["code"]) == (410, "erased")


async def test_the_person_sees_every_use_newest_first(given, beneficiary, used):
    await used(3)
    page = await beneficiary.open(f"http://gateway{beneficiary.personal_secret}")
    places = [page.text.index(f"usage-{number}-") for number in (2, 1, 0)]
    assert places == sorted(places)
    assert page.text.count("Un texte a été produit") == 3
    assert "plus récents" not in page.text


async def test_the_person_who_looks_leaves_a_record_and_changes_nothing_else(
    app, centre, bilan, given, beneficiary, used
):
    await used(2)
    await beneficiary.open(f"http://gateway{beneficiary.personal_secret}")
    before = await rows(app, centre.tenant)
    await beneficiary.http.head("/me/", headers={"Cookie": beneficiary.cookie})
    assert await rows(app, centre.tenant) == before
    await beneficiary.get("/me/")
    one_more = {"records": before["records"] + 1, "log_outbox": before["log_outbox"] + 1}
    assert await rows(app, centre.tenant) == before | one_more
    page = (await centre.call("GET", "/v1/records?kind=log.accessed&limit=200")).json()
    looked = page["items"][-1]
    assert (looked["beneficiary"], looked["body"]["actor_type"]) == (
        bilan.beneficiary,
        "beneficiaire",
    )
    assert (looked["body"]["query_class"], looked["body"]["returned"]) == ("personal_space", 4)
    assert not {"act", "client"} & set(looked)


async def rows(app, tenant):
    """How many rows each table has that a person's visit could leave something in."""
    async with app.state.database.begin(tenant) as session:
        return {
            table.name: await session.scalar(select(func.count()).select_from(table))
            for table in Base.metadata.sorted_tables
        }


async def test_however_much_is_read_its_keys_are_asked_for_once(
    app, centre, given, beneficiary, used
):
    asked = []

    def note(_connection, _cursor, statement, *_):
        if "FROM record_keys" in statement:
            asked.append(statement)

    event.listen(app.state.database.engine.sync_engine, "before_cursor_execute", note)
    await beneficiary.open(f"http://gateway{beneficiary.personal_secret}")
    seen = []
    for count in (1, 5):
        await used(count)
        asked.clear()
        await centre.call("GET", "/v1/records")
        await beneficiary.get("/me/")
        seen.append(len(asked))
    assert seen[0] == seen[1] > 0


async def test_a_person_is_shown_nothing_that_cannot_be_written_down(
    app, given, beneficiary, used, monkeypatch
):
    await used(1)
    await beneficiary.open(f"http://gateway{beneficiary.personal_secret}")

    async def refuse(*_):
        raise unwritten()

    monkeypatch.setattr(type(app.state.appends), "append", refuse)
    page = await beneficiary.get("/me/")
    assert page.status_code == 503
    assert "Le service ne répond pas pour le moment" in page.text
    assert "usage-0-" not in page.text


async def test_the_page_says_when_it_does_not_show_every_use(given, beneficiary, used, monkeypatch):
    monkeypatch.setattr(space, "_MOST_USES", 2)
    await used(3)
    page = await beneficiary.open(f"http://gateway{beneficiary.personal_secret}")
    assert "Les 2 usages les plus récents" in page.text
    assert "usage-2-" in page.text
    assert "usage-0-" not in page.text


async def test_what_was_erased_answers_410_with_leaf_and_proof(app, centre, bilan, used):
    (record,) = await used(1)
    async with app.state.database.begin(centre.tenant) as session:
        await app.state.records.erase(session, centre.tenant, bilan.beneficiary)
    early = await centre.call("GET", f"/v1/records/{record}")
    assert (early.status_code, early.headers["retry-after"]) == (410, "1")
    assert not {"leaf", "proof"} & set(early.json())
    while await app.state.sequencer.step():
        pass
    answer = await centre.call("GET", f"/v1/records/{record}")
    assert (answer.status_code, answer.json()["code"]) == (410, "erased")
    receipt = (await centre.call("GET", f"/v1/records/{record}/receipt")).json()
    assert (receipt["salt"], receipt["record"]) == (None, None)
    assert answer.json()["leaf"] == receipt["leaf"]
    assert verifies(answer.json()["leaf"], answer.json()["proof"])
    assert not verifies(receipt["leaf"][:-4] + "AAAA", receipt["proof"])


def verifies(leaf, proof):
    """Follow a C2SP tlog-proof from the leaf to the root of its checkpoint (RFC 9162, 2.1.3.2)."""
    head, _, note = proof.partition("\n\n")
    first, index, *siblings = head.split("\n")
    assert first == "c2sp.org/tlog-proof@v1"
    fn, sn = int(index.removeprefix("index ")), int(note.split("\n")[1]) - 1
    at = sha256(b"\x00" + base64.urlsafe_b64decode(leaf + "=" * (-len(leaf) % 4))).digest()
    for sibling in map(base64.b64decode, siblings):
        left = bool(fn & 1) or fn == sn
        at = sha256(b"\x01" + (sibling + at if left else at + sibling)).digest()
        while left and not fn & 1 and fn:
            fn, sn = fn >> 1, sn >> 1
        fn, sn = fn >> 1, sn >> 1
    return base64.b64encode(at).decode() == note.split("\n")[2]


async def test_the_list_is_narrowed_by_whom_and_when_it_is_about(app, centre, bilan, used):
    written = await used(2)

    async def found(**asked):
        answer = await centre.call("GET", "/v1/records", params={"kind": "ai.dispatch", **asked})
        return [record["id"] for record in answer.json()["items"]]

    first = (await centre.call("GET", f"/v1/records/{written[0]}")).json()["occurred_at"]
    assert await found(bilan=bilan.id) == await found(beneficiary=bilan.beneficiary) == written
    assert await found(bilan="bil_" + "0" * 26) == []
    assert await found(since=first) == written
    assert await found(before=first) == []
    assert await found(after=written[0]) == written[1:]


async def test_the_person_is_told_who_read_about_them(centre, bilan, used):
    (record,) = await used(1)
    await centre.call("GET", f"/v1/records/{record}")
    await centre.call("GET", f"/v1/records?beneficiary={bilan.beneficiary}")
    page = await centre.call(
        "GET", f"/v1/records?beneficiary={bilan.beneficiary}&kind=log.accessed"
    )
    read = [(r["act"], r["body"]["query_class"]) for r in page.json()["items"]]
    assert read == [(bilan.counsellor, "record"), (bilan.counsellor, "list")]
