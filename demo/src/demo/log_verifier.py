"""Checks receipts of the transparency log without asking the platform to vouch for itself.

Written from the published formats alone: RFC 6962 hashing, C2SP signed notes and tlog-proofs,
RFC 8785 canonical JSON, HMAC-SHA256 commitments. It shares no code with the service it checks.
"""

import base64
import binascii
import hashlib
import hmac
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Self

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from demo.stops import Stop

_ED25519 = b"\x01"
_HASH_BYTES = 32
_KEY_ID_BYTES = 4
_LEAF_MEMBERS = {"c", "k", "t", "v"}
_MAX_LEAF_BYTES = 512


class NotProved(Stop):
    """A proof, a signature or a commitment does not hold."""


def canonical(value: object) -> bytes:
    """Return RFC 8785 bytes of a value without floats.

    Raises:
        NotProved: the value holds something that a record may not hold.
    """
    match value:
        case None | bool() | str():
            return json.dumps(value, ensure_ascii=False).encode()
        case int() if abs(value) < 2**53:
            return str(value).encode()
        case list():
            return b"[" + b",".join(map(canonical, value)) + b"]"
        case dict():
            # Members are ordered by UTF-16 code units, which is not the order of code points.
            names = sorted(value, key=lambda name: str(name).encode("utf-16-be"))
            pairs = (canonical(name) + b":" + canonical(value[name]) for name in names)
            return b"{" + b",".join(pairs) + b"}"
        case _:
            raise NotProved(f"A record cannot hold a {type(value).__name__}.")


def leaf_hash(leaf: bytes) -> bytes:
    """SHA-256 of 0x00 and the leaf (RFC 6962, section 2.1)."""
    return hashlib.sha256(b"\x00" + leaf).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """SHA-256 of 0x01 and the two children (RFC 6962, section 2.1)."""
    return hashlib.sha256(b"\x01" + left + right).digest()


def root_of(leaf: bytes, index: int, size: int, path: Sequence[bytes]) -> bytes:
    """Return the root that an inclusion path leads to (RFC 9162, section 2.1.3.2).

    Raises:
        NotProved: the path does not fit a tree of this size.
    """
    if not 0 <= index < size:
        raise NotProved("The index is not in the tree.")
    found = leaf_hash(leaf)
    for sibling, is_left in _climb(index, size - 1, path):
        found = node_hash(sibling, found) if is_left else node_hash(found, sibling)
    return found


def _climb(node: int, last: int, path: Sequence[bytes]) -> Iterator[tuple[bytes, bool]]:
    """Walk from a node to the root: each sibling, and whether it stands on the left."""
    for sibling in path:
        if last == 0:
            raise NotProved("The path is too long.")
        is_left = bool(node & 1) or node == last
        yield sibling, is_left
        while is_left and node and not node & 1:
            node, last = node >> 1, last >> 1
        node, last = node >> 1, last >> 1
    if last:
        raise NotProved("The path is too short.")


def check_consistency(old: "Checkpoint", new: "Checkpoint", path: Sequence[bytes]) -> None:
    """Make sure that the new tree begins with the old one (RFC 9162, section 2.1.4.2).

    Raises:
        NotProved: it does not: the log was rewritten, or shortened.
    """
    if not 0 < old.size <= new.size:
        raise NotProved("The log is shorter than it was.")
    if old.size == new.size:
        if path or old.root != new.root:
            raise NotProved("Two roots for one size.")
        return
    is_whole_subtree = old.size & (old.size - 1) == 0
    first, *rest = [old.root, *path] if is_whole_subtree else path or [b""]
    node, last = old.size - 1, new.size - 1
    while node & 1:
        node, last = node >> 1, last >> 1
    from_old = from_new = first
    for sibling, is_left in _climb(node, last, rest):
        if is_left:
            from_old, from_new = node_hash(sibling, from_old), node_hash(sibling, from_new)
        else:
            from_new = node_hash(from_new, sibling)
    if (from_old, from_new) != (old.root, new.root):
        raise NotProved("The log does not continue what it was.")


@dataclass(frozen=True, slots=True)
class VerifierKey:
    """Who signs the log: `name+keyid+base64(0x01 || Ed25519 key)`."""

    name: str
    key_id: bytes
    key: Ed25519PublicKey

    @classmethod
    def parse(cls, line: str) -> Self:
        """Read a verifier key line, whose key id must be that of its name and key."""
        name, _, rest = line.strip().partition("+")
        key_id, _, encoded = rest.partition("+")
        content = _base64(encoded)
        derived = hashlib.sha256(name.encode() + b"\n" + content).digest()[:_KEY_ID_BYTES]
        if content[:1] != _ED25519 or len(content) != 1 + _HASH_BYTES or key_id != derived.hex():
            raise NotProved("The verifier key is not an Ed25519 key of its name.")
        return cls(name, derived, Ed25519PublicKey.from_public_bytes(content[1:]))


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """A signed size and root. Made by `Checkpoint.verified` only."""

    origin: str
    size: int
    root: bytes

    @classmethod
    def verified(cls, note: str, key: VerifierKey) -> Self:
        """Read a signed note and check the signature of `key`; other signatures are ignored.

        Raises:
            NotProved: not a checkpoint of this log, or its signature does not hold.
        """
        text, blank, signatures = note.rpartition("\n\n")
        lines = text.split("\n")
        if not blank or len(lines) != 3 or lines[0] != key.name or not lines[1].isdecimal():  # noqa: PLR2004 - origin, size, root
            raise NotProved("This is no checkpoint of the log.")
        begin = f"— {key.name} "
        for line in signatures.splitlines():
            if line.startswith(begin):
                signed = _base64(line.removeprefix(begin))
                if signed[:_KEY_ID_BYTES] == key.key_id:
                    _check_signature(key.key, signed[_KEY_ID_BYTES:], f"{text}\n".encode())
                    return cls(lines[0], int(lines[1]), _hash(lines[2]))
        raise NotProved("The checkpoint is not signed by the log's key.")


@dataclass(frozen=True, slots=True)
class Proof:
    """A C2SP tlog-proof: where a leaf is, its path, and the checkpoint that it leads to."""

    index: int
    path: tuple[bytes, ...]
    checkpoint: str

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read `c2sp.org/tlog-proof@v1`."""
        head, _, checkpoint = text.partition("\n\n")
        first, *rest = head.split("\n")
        if first != "c2sp.org/tlog-proof@v1" or not rest or not rest[0].startswith("index "):
            raise NotProved("This is no tlog-proof.")
        index = rest[0].removeprefix("index ")
        if not index.isdecimal():
            raise NotProved("The proof has no index.")
        return cls(int(index), tuple(_hash(line) for line in rest[1:]), checkpoint)


@dataclass(frozen=True, slots=True)
class Proved:
    """What a receipt proved."""

    index: int
    leaf: bytes
    checkpoint: Checkpoint


def verify_receipt(receipt: Mapping[str, Any], key: VerifierKey) -> Proved:
    """Check a receipt alone: commitment of the record, inclusion of the leaf, signature.

    Raises:
        NotProved: one of the three does not hold.
    """
    leaf = _base64url(receipt["leaf"])
    proof = Proof.parse(receipt["proof"])
    checkpoint = Checkpoint.verified(proof.checkpoint, key)
    if root_of(leaf, proof.index, checkpoint.size, proof.path) != checkpoint.root:
        raise NotProved("The leaf is not in the signed tree.")
    if receipt["record"] is not None:
        check_commitment(leaf, receipt["record"], _base64url(receipt["salt"]))
    return Proved(proof.index, leaf, checkpoint)


def verify_inclusion(leaf: bytes, proof: Mapping[str, Any], checkpoint: Checkpoint) -> None:
    """Check an answer of `/log/proof/inclusion` against a checkpoint that was verified.

    Raises:
        NotProved: the leaf is not in that tree.
    """
    path = [_hash(line) for line in proof["hashes"]]
    if root_of(leaf, int(proof["index"]), checkpoint.size, path) != checkpoint.root:
        raise NotProved("The leaf is not in the signed tree.")


def check_commitment(leaf: bytes, record: Mapping[str, Any], salt: bytes) -> None:
    """Make sure that a public leaf commits to exactly this private record.

    Raises:
        NotProved: it commits to something else, or is no leaf.
    """
    try:
        members = json.loads(leaf)
    except ValueError:
        members = None
    if not isinstance(members, dict) or set(members) != _LEAF_MEMBERS or members["v"] != 1:
        raise NotProved("The leaf does not have its four members.")
    if canonical(members) != leaf or len(leaf) > _MAX_LEAF_BYTES:
        raise NotProved("The leaf is not in its canonical form.")
    message = b"bct-record/v1\n" + canonical(dict(record))
    expected = hmac.new(salt, message, hashlib.sha256).digest()
    if len(salt) != _HASH_BYTES or not hmac.compare_digest(_base64url(members["c"]), expected):
        raise NotProved("The leaf commits to another record.")


def hashes_of(proof: Mapping[str, Any]) -> list[bytes]:
    """Return the hashes of an answer of `/log/proof/…`."""
    return [_hash(line) for line in proof["hashes"]]


def _check_signature(key: Ed25519PublicKey, signature: bytes, text: bytes) -> None:
    try:
        key.verify(signature, text)
    except InvalidSignature:
        raise NotProved("The checkpoint's signature does not hold.") from None


def _base64(text: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except (ValueError, binascii.Error):
        raise NotProved("This is not base64.") from None


def _base64url(text: object) -> bytes:
    if not isinstance(text, str) or "=" in text or "+" in text or "/" in text:
        raise NotProved("This is not unpadded base64url.")
    found = _base64(text.replace("-", "+").replace("_", "/") + "=" * (-len(text) % 4))
    if base64.urlsafe_b64encode(found).decode().rstrip("=") != text:
        raise NotProved("This is not canonical base64url.")
    return found


def _hash(line: str) -> bytes:
    found = _base64(line)
    if len(found) != _HASH_BYTES:
        raise NotProved("A hash has 32 bytes.")
    return found
