"""The checker accepts a log that keeps its word, and names each loss, double, fork and forgery."""

import base64
import hmac
import json
from copy import deepcopy
from hashlib import sha256
from itertools import pairwise

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from tlog_scales.tlog import ConsistencyProof, InclusionProof

KEY = Ed25519PrivateKey.generate()
ORIGIN = "centre.example/log"
RAW = b"\x01" + KEY.public_key().public_bytes_raw()
KEY_ID = sha256(ORIGIN.encode() + b"\n" + RAW).digest()[:4]
VKEY = f"{ORIGIN}+{KEY_ID.hex()}+{base64.b64encode(RAW).decode()}"
SIZES = (1, 2, 7, 256, 300)


@pytest.fixture(scope="module")
def ledger(beside):
    return beside("ledger")


def b64u(raw):
    return base64.urlsafe_b64encode(raw).decode().rstrip("=")


def signed(ledger, size, root, origin=ORIGIN):
    body = f"{origin}\n{size}\n{base64.b64encode(root).decode()}\n"
    line = base64.b64encode(KEY_ID + KEY.sign(body.encode())).decode()
    return ledger.Note(f"{body}\n— {origin} {line}\n")


def root(ledger, hashes):
    """The definition, word by word (RFC 6962, section 2.1)."""
    if len(hashes) == 1:
        return hashes[0]
    k = ledger.split(len(hashes))
    return ledger.node(root(ledger, hashes[:k]), root(ledger, hashes[k:]))


def path(ledger, m, hashes):
    """PATH(m, D[n]) (2.1.1)."""
    if len(hashes) == 1:
        return []
    k = ledger.split(len(hashes))
    if m < k:
        return [*path(ledger, m, hashes[:k]), root(ledger, hashes[k:])]
    return [*path(ledger, m - k, hashes[k:]), root(ledger, hashes[:k])]


def subproof(ledger, m, hashes, *, known=True):
    """SUBPROOF(m, D[n], b) (2.1.2)."""
    if m == len(hashes):
        return [] if known else [root(ledger, hashes)]
    k = ledger.split(len(hashes))
    if m <= k:
        return [*subproof(ledger, m, hashes[:k], known=known), root(ledger, hashes[k:])]
    return [*subproof(ledger, m - k, hashes[k:], known=False), root(ledger, hashes[:k])]


def leaf_of(number, record):
    salt = sha256(b"salt%d" % number).digest()
    said = (
        b"bct-record/v1\n"
        + json.dumps(record, ensure_ascii=False, sort_keys=True, separators=(",", ":")).encode()
    )
    commitment = hmac.digest(salt, said, "sha256")
    leaf = json.dumps(
        {"c": b64u(commitment), "k": "r", "t": 60 * number, "v": 1}, separators=(",", ":")
    )
    return leaf.encode(), salt


@pytest.fixture(scope="module")
def good(ledger):
    """Three hundred consents asked for: checkpoints, proofs and some receipts."""
    records = [
        {"v": 1, "id": f"rec_{n}", "kind": "consent.requested", "consent": {"id": f"cns_{n}", "epoch": 1}, "body": {"é": n}}
        for n in range(300)
    ]  # fmt: skip
    made = [leaf_of(n, record) for n, record in enumerate(records)]
    hashes = [ledger.leaf_hash(leaf) for leaf, _ in made]
    last = signed(ledger, 300, root(ledger, hashes))
    receipts = {}
    for n in (0, 6, 255, 299):
        lines = [base64.b64encode(h).decode() for h in path(ledger, n, hashes)]
        text = "\n".join(["c2sp.org/tlog-proof@v1", f"index {n}", *lines]) + "\n\n" + last.text
        receipts[f"rec_{n}"] = {
            "leaf": b64u(made[n][0]), "salt": b64u(made[n][1]), "record": records[n], "proof": text,
        }  # fmt: skip
    return ledger.Evidence(
        vkey=VKEY,
        seen=[signed(ledger, size, root(ledger, hashes[:size])) for size in SIZES],
        acknowledged=[
            *(ledger.Acknowledged("consent.requested", f"cns_{n}") for n in (0, 6, 255)),
            ledger.Acknowledged("consent.requested", "rec_299"),
            ledger.Acknowledged("consent.requested"),
        ],
        leaves=[leaf for leaf, _ in made],
        tiles={
            (0, 0): b"".join(hashes[:256]),
            (0, 1): b"".join(hashes[256:]),
            (1, 0): root(ledger, hashes[:256]),
        },
        consistency=[
            (old, size, subproof(ledger, old, hashes[:size])) for old, size in pairwise(SIZES)
        ],
        records=records,
        receipts=receipts,
    )


def test_a_log_that_keeps_its_word_shows_no_fault(ledger, good):
    assert ledger.faults(good) == []


def test_its_verifiers_agree_with_those_of_another_house(ledger, good):
    hashes = [ledger.leaf_hash(leaf) for leaf in good.leaves]
    for size in range(1, 40):
        whole = root(ledger, hashes[:size])
        for n in range(size):
            proof = path(ledger, n, hashes[:size])
            InclusionProof(n, size, proof).check(hashes[n], whole)
            assert ledger.root_by_inclusion(n, size, hashes[n], proof) == whole
            before = root(ledger, hashes[: n + 1])
            proof = subproof(ledger, n + 1, hashes[:size])
            ConsistencyProof(n + 1, size, proof).check(before, whole)
            assert ledger.roots_by_consistency(n + 1, size, proof, before) == (before, whole)


def flip(raw, at=0):
    return raw[:at] + bytes([raw[at] ^ 1]) + raw[at + 1 :]


def lose_an_entry(ledger, bad):
    del bad.leaves[6]


def lose_a_record(ledger, bad):
    del bad.records[6]


def write_it_twice(ledger, bad):
    bad.records.append({**bad.records[6], "id": "rec_another"})


def sequence_it_twice(ledger, bad):
    bad.leaves[7] = bad.leaves[6]


def place_two_at_one(ledger, bad):
    bad.receipts["rec_6"] = {**bad.receipts["rec_0"]}


def forget_its_place(ledger, bad):
    del bad.receipts["rec_255"]


def fork(ledger, bad):
    bad.seen.append(signed(ledger, 300, b"f" * 32))


def shrink(ledger, bad):
    bad.seen.append(bad.seen[2])


def begin_another(ledger, bad):
    bad.seen.append(signed(ledger, 301, b"f" * 32, origin="another.example/log"))


def sign_with_another_key(ledger, bad):
    bad.seen[2] = ledger.Note(bad.seen[2].text.replace("\n7\n", "\n8\n"))


def change_a_tile(ledger, bad):
    bad.tiles[1, 0] = flip(bad.tiles[1, 0])


def break_a_consistency_proof(ledger, bad):
    old, size, proof = bad.consistency[-1]
    bad.consistency[-1] = (old, size, [*proof[:-1], flip(proof[-1])])


def leave_out_a_hash(ledger, bad):
    old, size, proof = bad.consistency[-1]
    bad.consistency[-1] = (old, size, proof[:-1])


def cut_a_receipt(ledger, bad):
    lines = bad.receipts["rec_6"]["proof"].split("\n")
    del lines[3]
    bad.receipts["rec_6"]["proof"] = "\n".join(lines)


def change_what_it_says(ledger, bad):
    bad.receipts["rec_6"]["record"]["body"] = {"é": 7}


def turn_back_the_clock(ledger, bad):
    bad.leaves[200] = bad.leaves[200].replace(b'"t":12000', b'"t":11000')


def acknowledge_what_was_not_written(ledger, bad):
    bad.acknowledged += [ledger.Acknowledged("log.accessed")] * 2


PLANTED = [
    (lose_an_entry, "rec_6 is not what the log holds at 6"),
    (lose_an_entry, "the leaves do not give the root of size 7"),
    (lose_a_record, "the consent.requested of cns_6 was acknowledged: 0 records"),
    (write_it_twice, "the consent.requested of cns_6 was acknowledged: 2 records"),
    (sequence_it_twice, "is in the log 2 times"),
    (place_two_at_one, "share the place 0"),
    (forget_its_place, "rec_255 was acknowledged and has no place in the log"),
    (fork, "a fork: two roots of size 300"),
    (shrink, "the log shrank from 300 to 7"),
    (begin_another, "the log changed its origin"),
    (sign_with_another_key, "the checkpoint of size 8 is not signed by the log's key"),
    (change_a_tile, "the tiles are not those of the leaves"),
    (break_a_consistency_proof, "size 300 is not proved to go on from size 256"),
    (leave_out_a_hash, "size 300 is not proved to go on from size 256"),
    (cut_a_receipt, "the receipt of rec_6 proves nothing"),
    (change_what_it_says, "the leaf at 6 does not commit to rec_6"),
    (turn_back_the_clock, "leaf 200 is older than the one before it"),
    (acknowledge_what_was_not_written, "2 log.accessed were acknowledged, 0 were written"),
]


@pytest.mark.parametrize(
    ("plant", "said"), PLANTED, ids=[f"{p.__name__} {n}" for n, (p, _) in enumerate(PLANTED)]
)
def test_what_cannot_have_been_is_named(ledger, good, plant, said):
    bad = deepcopy(good)
    plant(ledger, bad)
    assert any(said in fault for fault in ledger.faults(bad)), ledger.faults(bad)
