"""A checker of logs: whether all that was seen from outside can be one log that keeps its word.

It knows nothing of the gateway. Its evidence is what the public doors gave (checkpoints in the order
in which they were seen, leaves, tiles, consistency proofs), the records that a tenant reads with
their receipts, and a client's own journal of the calls that were acknowledged. Trees and proofs are
those of RFC 6962, sections 2.1 to 2.1.2, read as they are defined there, by recursion.
"""

import base64
import hashlib
import hmac
import json
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

WIDTH, HASH = 256, 32


class Unproved(Exception):  # noqa: N818 - a verdict
    """A proof is of another shape than its tree, or leads elsewhere."""


def leaf_hash(leaf: bytes) -> bytes:
    return hashlib.sha256(b"\x00" + leaf).digest()


def node(left: bytes, right: bytes) -> bytes:
    return hashlib.sha256(b"\x01" + left + right).digest()


def split(size: int) -> int:
    """The largest power of two below `size` (2.1)."""
    return 1 << (size - 1).bit_length() - 1


def roots(hashes: Sequence[bytes], sizes: Iterable[int]) -> dict[int, bytes]:
    """The roots of the trees of these sizes, in one pass over the leaves."""
    wanted, found = set(sizes), {0: hashlib.sha256(b"").digest()}
    perfect: list[tuple[int, bytes]] = []
    for size, hashed in enumerate(hashes, 1):
        width, root = 1, hashed
        while perfect and perfect[-1][0] == width:
            width, root = 2 * width, node(perfect.pop()[1], root)
        perfect.append((width, root))
        if size in wanted:
            whole = perfect[-1][1]
            for _, left in reversed(perfect[:-1]):
                whole = node(left, whole)
            found[size] = whole
    return found


def root_by_inclusion(index: int, size: int, leaf: bytes, path: Sequence[bytes]) -> bytes:
    """The root to which an audit path leads (2.1.1)."""
    if size == 1:
        if path or index:
            raise Unproved
        return leaf
    if not path or index >= size:
        raise Unproved
    *rest, sibling = path
    k = split(size)
    if index < k:
        return node(root_by_inclusion(index, k, leaf, rest), sibling)
    return node(sibling, root_by_inclusion(index - k, size - k, leaf, rest))


def roots_by_consistency(
    old: int, size: int, path: Sequence[bytes], old_root: bytes
) -> tuple[bytes, bytes]:
    """The roots of both trees to which a consistency proof leads (2.1.2)."""
    rest = list(path)

    def last() -> bytes:
        if not rest:
            raise Unproved
        return rest.pop()

    def subproof(m: int, n: int, *, known: bool) -> tuple[bytes, bytes]:
        if m == n:
            both = old_root if known else last()
            return both, both
        sibling, k = last(), split(n)
        if m <= k:
            before, after = subproof(m, k, known=known)
            return before, node(after, sibling)
        before, after = subproof(m - k, n - k, known=False)
        return node(sibling, before), node(sibling, after)

    found = subproof(old, size, known=True)
    if rest:
        raise Unproved
    return found


def tiles_of(hashes: Sequence[bytes]) -> dict[tuple[int, int], bytes]:
    """Every tile of the tree of these leaves, by level and position (C2SP tlog-tiles)."""
    found, level, row = {}, 0, list(hashes)
    while row:
        for position in range(-(-len(row) // WIDTH)):
            found[level, position] = b"".join(row[position * WIDTH : (position + 1) * WIDTH])
        full = len(row) // WIDTH
        row = [roots(row[i * WIDTH : (i + 1) * WIDTH], [WIDTH])[WIDTH] for i in range(full)]
        level += 1
    return found


@dataclass(frozen=True, slots=True)
class Note:
    """A checkpoint as it was read."""

    text: str

    @property
    def origin(self) -> str:
        return self.text.split("\n")[0]

    @property
    def size(self) -> int:
        return int(self.text.split("\n")[1])

    @property
    def root(self) -> bytes:
        return base64.b64decode(self.text.split("\n")[2], validate=True)

    def is_signed_by(self, vkey: str) -> bool:
        """Say whether one of its lines is a signature of this key (C2SP signed-note)."""
        name, key_id, key = vkey.strip().split("+", 2)
        raw = base64.b64decode(key)
        body, _, lines = self.text.partition("\n\n")
        for line in lines.splitlines():
            dash, _, signature = line.partition(f" {name} ")
            given = base64.b64decode(signature or "AAAA")
            if dash != "—" or given[:4].hex() != key_id or name != self.origin:
                continue
            try:
                Ed25519PublicKey.from_public_bytes(raw[1:]).verify(given[4:], body.encode() + b"\n")
            except InvalidSignature:
                continue
            return True
        return False


@dataclass(frozen=True, slots=True)
class Acknowledged:
    """A call that was answered 2xx and leaves a record of this kind.

    `by` names the record itself, or the consent that it is about; None where the answer names
    neither, and only their number can be compared.
    """

    kind: str
    by: str | None = None


@dataclass(slots=True)
class Evidence:
    """What was seen from outside; the order of `seen` is that in which it was seen."""

    vkey: str = ""
    seen: list[Note] = field(default_factory=list)
    acknowledged: list[Acknowledged] = field(default_factory=list)
    leaves: list[bytes] = field(default_factory=list)
    tiles: dict[tuple[int, int], bytes] = field(default_factory=dict)
    consistency: list[tuple[int, int, list[bytes]]] = field(default_factory=list)
    records: list[dict[str, Any]] = field(default_factory=list)
    receipts: dict[str, dict[str, Any]] = field(default_factory=dict)


def faults(evidence: Evidence) -> list[str]:
    """Name everything that one log which keeps its word cannot have shown; empty is good."""
    checks: tuple[Callable[[Evidence], list[str]], ...] = (
        _checkpoints,
        _tree,
        _served_proofs,
        _leaves,
        _kept_word,
        _receipts,
    )
    return [fault for check in checks for fault in check(evidence)]


def _checkpoints(evidence: Evidence) -> list[str]:
    found, roots_seen = [], {}
    for note in evidence.seen:
        if not note.is_signed_by(evidence.vkey):
            found.append(f"the checkpoint of size {note.size} is not signed by the log's key")
        first = roots_seen.setdefault((note.origin, note.size), note.root)
        if first != note.root:
            found.append(f"a fork: two roots of size {note.size}")
    if len(origins := {note.origin for note in evidence.seen}) > 1:
        found.append(f"the log changed its origin: {sorted(origins)}")
    found += [
        f"the log shrank from {before.size} to {after.size}"
        for before, after in pairwise(evidence.seen)
        if after.origin == before.origin and after.size < before.size
    ]
    return found


def _tree(evidence: Evidence) -> list[str]:
    hashes = [leaf_hash(leaf) for leaf in evidence.leaves]
    true = roots(hashes, {note.size for note in evidence.seen})
    found = [
        f"the leaves do not give the root of size {note.size}"
        for note in {(n.size, n.root): n for n in evidence.seen}.values()
        if true.get(note.size) != note.root
    ]
    if tiles_of(hashes) != evidence.tiles:
        found.append("the tiles are not those of the leaves")
    return found


def _served_proofs(evidence: Evidence) -> list[str]:
    root_of = {note.size: note.root for note in evidence.seen}
    found = []
    for old, size, path in evidence.consistency:
        before, after = root_of.get(old, b""), root_of.get(size, b"")
        try:
            proved = roots_by_consistency(old, size, path, before)
        except Unproved:
            proved = None
        if proved != (before, after):
            found.append(f"size {size} is not proved to go on from size {old}")
    return found


def _leaves(evidence: Evidence) -> list[str]:
    said = [json.loads(leaf) for leaf in evidence.leaves]
    times = Counter(leaf["c"] for leaf in said)
    found = [f"the commitment {c} is in the log {n} times" for c, n in times.items() if n > 1]
    return found + [
        f"leaf {index} is older than the one before it"
        for index, (before, after) in enumerate(pairwise(said), 1)
        if after["t"] < before["t"]
    ]


def answering(records: Iterable[dict[str, Any]]) -> dict[tuple[str, str | None], list[str]]:
    """The records that an acknowledged call may point to, by kind and by what names them."""
    found = defaultdict(list)
    for record in records:
        found[record["kind"], record["id"]].append(record["id"])
        found[record["kind"], record.get("consent", {}).get("id")].append(record["id"])
    return found


def _kept_word(evidence: Evidence) -> list[str]:
    found, by = [], answering(evidence.records)
    ids = Counter(record["id"] for record in evidence.records)
    found += [f"{record} is listed {n} times" for record, n in ids.items() if n > 1]
    for call, times in Counter(evidence.acknowledged).items():
        if call.by is None:
            there = sum(record["kind"] == call.kind for record in evidence.records)
            if there < times:
                found.append(f"{times} {call.kind} were acknowledged, {there} were written")
            continue
        written = by[call.kind, call.by]
        if len(written) != 1:
            found.append(f"the {call.kind} of {call.by} was acknowledged: {len(written)} records")
        found += [
            f"{record} was acknowledged and has no place in the log"
            for record in written
            if record not in evidence.receipts
        ]
    return found


def _receipts(evidence: Evidence) -> list[str]:
    places: dict[int, str] = {}
    found = []
    for record, receipt in evidence.receipts.items():
        index, *wrong = _read(evidence, record, receipt)
        found += wrong
        if index in places:
            found.append(f"{record} and {places[index]} share the place {index}")
        places[index] = record
    return found


def _read(evidence: Evidence, record: str, receipt: dict[str, Any]) -> tuple[int, *tuple[str, ...]]:
    """Return the place that a receipt gives, and what is wrong with it."""
    proof, _, checkpoint = receipt["proof"].partition("\n\n")
    _, index_line, *path = proof.split("\n")
    index, note, leaf = int(index_line.split(" ")[1]), Note(checkpoint), _b64u(receipt["leaf"])
    wrong = []
    try:
        siblings = [base64.b64decode(line, validate=True) for line in path]
        root = root_by_inclusion(index, note.size, leaf_hash(leaf), siblings)
    except Unproved:
        root = b""
    if root != note.root or not note.is_signed_by(evidence.vkey):
        wrong.append(f"the receipt of {record} proves nothing")
    if evidence.leaves[index : index + 1] != [leaf]:
        wrong.append(f"{record} is not what the log holds at {index}")
    if receipt["record"] is not None:
        said = b"bct-record/v1\n" + canonical(receipt["record"])
        commitment = hmac.digest(_b64u(receipt["salt"]), said, "sha256")
        if receipt["record"]["id"] != record or _b64u(json.loads(leaf)["c"]) != commitment:
            wrong.append(f"the leaf at {index} does not commit to {record}")
    return index, *wrong


def canonical(value: Any) -> bytes:
    """RFC 8785 of what records are made of: text, integers, booleans, lists and objects."""
    return json.dumps(value, ensure_ascii=False, sort_keys=True, separators=(",", ":")).encode()


def _b64u(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def unbalanced(records: Iterable[dict[str, Any]], received: Iterable[str]) -> list[str]:
    """Name each dispatch without its one end, and each call at the model without its dispatch.

    `received` are the dispatches that the passes of the calls named, one a call.
    """
    records = list(records)
    ends = Counter(r.get("prev") for r in records if r["kind"] in _CLOSING)
    let_out = {record["id"] for record in records if record["kind"] == "ai.dispatch"}
    calls = Counter(received)
    return [
        *(f"{record} has {ends[record]} closing records" for record in let_out if ends[record] != 1),
        *(f"{record} was sent and no ai.dispatch says so" for record in calls if record not in let_out),
        *(f"{record} was sent {n} times" for record, n in calls.items() if n > 1),
    ]  # fmt: skip


_CLOSING = ("ai.result", "ai.error", "ai.cancelled")
