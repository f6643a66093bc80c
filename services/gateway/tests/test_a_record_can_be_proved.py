"""A record, its salt and the log's proof: enough to check it without asking us (section 7)."""

import base64
import hashlib
import hmac
import json

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from gateway.log import rules
from gateway.records.rules import content_digest
from keel.strict_json import canonical


def unb64u(value):
    return base64.urlsafe_b64decode(value + "=" * (-len(value) % 4))


@pytest.fixture
async def receipt(app, centre, given):
    while await app.state.sequencer.step():
        pass
    page = (await centre.call("GET", f"/v1/records?consent={given['id']}")).json()
    record = next(r for r in page["items"] if r["kind"] == "consent.authorised")
    return (await centre.call("GET", f"/v1/records/{record['id']}/receipt")).json()


async def test_the_leaf_commits_to_the_record_and_hides_it(receipt):
    leaf = json.loads(unb64u(receipt["leaf"]))
    expected = hmac.new(
        unb64u(receipt["salt"]), b"bct-record/v1\n" + canonical(receipt["record"]), hashlib.sha256
    ).digest()
    assert unb64u(leaf["c"]) == expected
    assert set(leaf) == {"c", "k", "t", "v"}
    assert leaf["k"] == "r"
    assert leaf["t"] % 60 == 0


async def test_the_proof_leads_to_the_signed_root(app, receipt):
    header, _, note = receipt["proof"].partition("\n\n")
    lines = header.split("\n")
    assert lines[0] == "c2sp.org/tlog-proof@v1"
    index = int(lines[1].removeprefix("index "))
    origin, size, root = note.split("\n")[:3]
    from_leaf = rules.leaf_hash(unb64u(receipt["leaf"]))
    path = [base64.b64decode(h) for h in lines[2:]]
    fn, sn = index, int(size) - 1
    for sibling in path:
        if fn & 1 or fn == sn:
            from_leaf = rules.node_hash(sibling, from_leaf)
            while not fn & 1 and fn:
                fn, sn = fn >> 1, sn >> 1
        else:
            from_leaf = rules.node_hash(from_leaf, sibling)
        fn, sn = fn >> 1, sn >> 1
    assert base64.b64encode(from_leaf).decode() == root
    signature = base64.b64decode(note.split("\n")[4].rpartition(" ")[2])
    key = app.state.keyring.log.held(1)[0].key.public_key()
    key.verify(signature[4:], f"{origin}\n{size}\n{root}\n".encode())


async def test_before_a_checkpoint_covers_it_the_proof_is_still_to_come(app, centre, given):
    page = (await centre.call("GET", f"/v1/records?consent={given['id']}")).json()
    answer = await centre.call("GET", f"/v1/records/{page['items'][-1]['id']}/receipt")
    assert answer.status_code == 202
    assert answer.headers["retry-after"] == "1"


async def test_no_name_and_no_free_text_rests_in_a_record(receipt):
    assert "dossier 12" not in json.dumps(receipt["record"])
    assert receipt["record"]["body"]["purposes"] == {
        "analysis": "granted",
        "exploration": "refused",
    }


async def test_the_first_leaf_is_the_genesis_of_the_log(app, gateway):
    while await app.state.sequencer.step():
        pass
    entries = (await gateway.get("/log/tile/entries/000.p/1")).content
    assert int.from_bytes(entries[:2], "big") == len(entries) - 2
    async with app.state.database.begin("deployment") as session:
        first = await session.execute(text("SELECT kind FROM records WHERE log_index = 0"))
        assert first.scalar_one() == "log.genesis"


@pytest.mark.parametrize(
    "path",
    ["/log/tile/0/000", "/log/tile/0/1", "/log/tile/0/000.p/0", "/log/tile/0/000.p/", "/log/tile/0/000.p/007777", "/log/tile/9/000",
     "/log/tile/00/000.p/1", "/log/tile/0/000.p/1%0A", "/log/tile/entries/000.p/1%0a", "/log/tile/entries/x000/001", "/log/tile/0/000.p/256"],
)  # fmt: skip
async def test_nothing_but_what_the_checkpoint_covers_is_served(gateway, path):
    assert (await gateway.get(path)).status_code == 404


@pytest.mark.parametrize(
    "statement", ["UPDATE log_entries SET leaf = leaf", "DELETE FROM log_entries"]
)
async def test_the_database_itself_refuses_to_change_an_entry(app, receipt, statement):
    with pytest.raises(DBAPIError):
        async with app.state.database.begin() as session:
            await session.execute(text(statement))


async def test_the_audit_finds_a_tile_that_was_changed(app, receipt):
    found = await app.state.log.audit(records=True)
    assert (found["faults"], found["verdict"]) == ([], "consistent")
    async with app.state.database.begin() as session:
        flip = {"h": b"\x00" * 32}
        await session.execute(text("UPDATE log_tiles SET hashes = :h WHERE level = 0"), flip)
    assert (await app.state.log.audit(records=True))["verdict"] == "damaged"


def test_a_digest_of_content_cannot_be_guessed_without_the_key():
    line = b"Assistante de gestion"
    assert content_digest(b"k" * 32, line) != content_digest(b"l" * 32, line)
    assert content_digest(b"k" * 32, line) != hashlib.sha256(line).hexdigest()
