"""The demo's own verifier accepts what the published formats allow, and nothing else."""

import base64
import hashlib
import hmac
import json

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from demo.check import main as check
from demo.log_verifier import (
    Checkpoint,
    NotProved,
    VerifierKey,
    canonical,
    check_commitment,
    check_consistency,
    leaf_hash,
    node_hash,
    root_of,
    verify_inclusion,
    verify_receipt,
)

# RFC 6962's well-known test tree (the leaves and roots that certificate-transparency implementations share).
LEAVES = [
    bytes.fromhex(h)
    for h in (
        "",
        "00",
        "10",
        "2021",
        "3031",
        "40414243",
        "5051525354555657",
        "606162636465666768696a6b6c6d6e6f",
    )
]
ROOTS = [
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
]
ORIGIN = "example.org/bct/test"
KEY = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))


def root(leaves):
    if len(leaves) == 1:
        return leaf_hash(leaves[0])
    k = 1 << (len(leaves) - 1).bit_length() - 1
    return node_hash(root(leaves[:k]), root(leaves[k:]))


def path(index, leaves):
    if len(leaves) == 1:
        return []
    k = 1 << (len(leaves) - 1).bit_length() - 1
    if index < k:
        return [*path(index, leaves[:k]), root(leaves[k:])]
    return [*path(index - k, leaves[k:]), root(leaves[:k])]


def growth(old, leaves, *, whole=True):
    if old == len(leaves):
        return [] if whole else [root(leaves)]
    k = 1 << (len(leaves) - 1).bit_length() - 1
    if old <= k:
        return [*growth(old, leaves[:k], whole=whole), root(leaves[k:])]
    return [*growth(old - k, leaves[k:], whole=False), root(leaves[:k])]


def b64(content):
    return base64.b64encode(content).decode()


def b64u(content):
    return base64.urlsafe_b64encode(content).decode().rstrip("=")


def verifier_line():
    public = b"\x01" + KEY.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
    key_id = hashlib.sha256(ORIGIN.encode() + b"\n" + public).digest()[:4]
    return f"{ORIGIN}+{key_id.hex()}+{b64(public)}", key_id


def note(leaves, *, origin=ORIGIN, key=KEY):
    text = f"{origin}\n{len(leaves)}\n{b64(root(leaves))}\n"
    _, key_id = verifier_line()
    return f"{text}\n— {origin} {b64(key_id + key.sign(text.encode()))}\n"


@pytest.fixture
def key():
    return VerifierKey.parse(verifier_line()[0])


def a_receipt(position=3, size=7):
    record = {
        "v": 1,
        "id": "rec_1",
        "kind": "ai.dispatch",
        "body": {"œuvre": "é", "n": 3, "none": None, "list": [True, "\n"]},
    }
    salt = bytes(range(32))
    commitment = hmac.new(salt, b"bct-record/v1\n" + canonical(record), hashlib.sha256).digest()
    leaf = canonical({"c": b64u(commitment), "k": "r", "t": 1795428720, "v": 1})
    leaves = [leaf if i == position else bytes([i]) for i in range(size)]
    lines = [
        "c2sp.org/tlog-proof@v1",
        f"index {position}",
        *map(b64, path(position, leaves)),
        "",
        note(leaves),
    ]
    return {"leaf": b64u(leaf), "salt": b64u(salt), "record": record, "proof": "\n".join(lines)}


@pytest.mark.parametrize("size", range(1, 9))
def test_the_shared_test_tree_has_the_published_roots(size):
    assert root(LEAVES[:size]).hex() == ROOTS[size - 1]


@pytest.mark.parametrize("size", range(1, 9))
def test_every_leaf_of_a_tree_leads_to_its_root(size):
    for index in range(size):
        found = root_of(LEAVES[index], index, size, path(index, LEAVES[:size]))
        assert found.hex() == ROOTS[size - 1]


def test_a_path_of_another_length_is_refused():
    proof = path(2, LEAVES)
    for wrong in (proof[:-1], [*proof, proof[0]]):
        with pytest.raises(NotProved):
            root_of(LEAVES[2], 2, 8, wrong)


def test_an_index_outside_the_tree_is_refused():
    with pytest.raises(NotProved):
        root_of(LEAVES[0], 8, 8, path(0, LEAVES))


@pytest.mark.parametrize("size", range(2, 40))
def test_a_log_that_grew_is_shown_to_continue_itself(size):
    leaves = [bytes([i]) for i in range(size)]
    new = Checkpoint(ORIGIN, size, root(leaves))
    for old in range(1, size + 1):
        begun = Checkpoint(ORIGIN, old, root(leaves[:old]))
        check_consistency(begun, new, growth(old, leaves))


def test_a_log_that_was_rewritten_or_shortened_is_refused():
    leaves = [bytes([i]) for i in range(7)]
    new = Checkpoint(ORIGIN, 7, root(leaves))
    other = Checkpoint(ORIGIN, 5, root([b"x", *leaves[1:5]]))
    with pytest.raises(NotProved):
        check_consistency(other, new, growth(5, leaves))
    with pytest.raises(NotProved):
        check_consistency(new, other, [])
    with pytest.raises(NotProved):
        check_consistency(new, Checkpoint(ORIGIN, 7, b"\x00" * 32), [])


def test_a_receipt_is_proved(key):
    proved = verify_receipt(a_receipt(), key)
    assert proved.index == 3
    assert (proved.checkpoint.origin, proved.checkpoint.size) == (ORIGIN, 7)


def test_a_receipt_still_proves_after_erasure(key):
    assert verify_receipt({**a_receipt(), "salt": None, "record": None}, key).index == 3


def _flipped(text, at):
    return text[:at] + ("A" if text[at] != "A" else "B") + text[at + 1 :]


@pytest.mark.parametrize(
    "change",
    [
        lambda r: {**r, "record": {**r["record"], "kind": "ai.result"}},
        lambda r: {**r, "record": {**r["record"], "body": {**r["record"]["body"], "n": 4}}},
        lambda r: {**r, "salt": _flipped(r["salt"], 5)},
        lambda r: {**r, "leaf": _flipped(r["leaf"], 12)},
        lambda r: {**r, "proof": r["proof"].replace("index 3", "index 2")},
        lambda r: {**r, "proof": r["proof"].replace("tlog-proof@v1", "tlog-proof@v2")},
        lambda r: {**r, "proof": _flipped(r["proof"], r["proof"].index("\n", 30) + 4)},
        lambda r: {**r, "proof": _flipped(r["proof"], len(r["proof"]) - 20)},
        lambda r: {**r, "proof": r["proof"].replace("\n7\n", "\n8\n")},
    ],
    ids=[
        "another kind",
        "another number",
        "salt",
        "leaf",
        "index",
        "version",
        "sibling",
        "signature",
        "size",
    ],
)
def test_one_change_anywhere_is_refused(key, change):
    with pytest.raises(NotProved):
        verify_receipt(change(a_receipt()), key)


def test_a_note_of_another_key_or_origin_is_refused(key):
    stranger = Ed25519PrivateKey.from_private_bytes(b"\x07" * 32)
    for wrong in (note(LEAVES, key=stranger), note(LEAVES, origin="example.org/other")):
        with pytest.raises(NotProved):
            Checkpoint.verified(wrong, key)


def test_signatures_of_witnesses_are_ignored(key):
    more = note(LEAVES) + "— witness.example AAAAAAAA\n"
    assert Checkpoint.verified(more, key).size == 8


def test_a_verifier_key_with_a_foreign_key_id_is_refused():
    line, key_id = verifier_line()
    with pytest.raises(NotProved):
        VerifierKey.parse(line.replace(key_id.hex(), "00000000"))


def test_a_separate_inclusion_proof_is_checked(key):
    checkpoint = Checkpoint.verified(note(LEAVES), key)
    proof = {"index": 5, "size": 8, "hashes": [b64(h) for h in path(5, LEAVES)]}
    verify_inclusion(LEAVES[5], proof, checkpoint)
    with pytest.raises(NotProved):
        verify_inclusion(LEAVES[4], proof, checkpoint)


@pytest.fixture
def a_folder(tmp_path):
    receipt = a_receipt()
    leaf = base64.urlsafe_b64decode(receipt["leaf"] + "=" * (-len(receipt["leaf"]) % 4))
    leaves = [bytes([i]) for i in range(3)] + [leaf] + [bytes([i]) for i in range(4, 9)]
    proof = {"index": 3, "size": 9, "hashes": [b64(h) for h in path(3, leaves)]}
    records = {"verifier_key": verifier_line()[0], "records": [{**receipt, "inclusion": proof}]}
    (tmp_path / "records.json").write_text(json.dumps(records))
    (tmp_path / "checkpoint.txt").write_text(note(leaves))
    return tmp_path


def test_what_a_demo_left_is_verified_offline(a_folder, capsys):
    assert check([str(a_folder)]) == 0
    assert "1 records are in the tree of size 9" in capsys.readouterr().out


def test_a_folder_that_was_touched_is_not_proved(a_folder, capsys):
    changed = (a_folder / "records.json").read_text().replace("ai.dispatch", "ai.result")
    (a_folder / "records.json").write_text(changed)
    assert check([str(a_folder)]) == 1
    assert "another record" in capsys.readouterr().err


def test_a_key_that_was_kept_elsewhere_is_the_one_that_counts(a_folder):
    stranger = Ed25519PrivateKey.from_private_bytes(b"\x07" * 32).public_key()
    public = b"\x01" + stranger.public_bytes(Encoding.Raw, PublicFormat.Raw)
    key_id = hashlib.sha256(ORIGIN.encode() + b"\n" + public).digest()[:4]
    assert check([str(a_folder), f"{ORIGIN}+{key_id.hex()}+{b64(public)}"]) == 1
    assert check([str(a_folder), verifier_line()[0]]) == 0


def test_canonical_json_orders_members_by_utf16_and_writes_as_rfc_8785():
    # RFC 8785, section 3.2.3.
    members = {"\u20ac": 1, "\r": 2, "\ufb33": 3, "1": 4, "\U0001f600": 5, "\u0080": 6, "\u00f6": 7}
    assert list(json.loads(canonical(members)).values()) == [2, 4, 6, 7, 1, 5, 3]
    assert (
        canonical({"b": '\x0f\n"\\', "a": [True, None, -1]})
        == b'{"a":[true,null,-1],"b":"\\u000f\\n\\"\\\\"}'
    )


def test_a_record_with_a_float_is_refused():
    with pytest.raises(NotProved):
        canonical({"share": 0.5})


def test_a_leaf_with_another_member_is_refused():
    leaf = canonical({"c": "A" * 43, "k": "r", "t": 0, "v": 1, "tenant": "tnt_1"})
    with pytest.raises(NotProved):
        check_commitment(leaf, {}, bytes(32))
