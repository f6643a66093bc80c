"""The Merkle tree of the log and its signed notes: pure values and functions.

RFC 6962 section 2.1 (hashes, proofs), C2SP tlog-tiles (tiles of 256 hashes), C2SP signed-note and
tlog-checkpoint (the signed size and root).
"""

import base64
import hashlib
import re
from collections.abc import Callable, Iterable, Mapping, MutableMapping
from dataclasses import dataclass

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import (
    Ed25519PrivateKey,
    Ed25519PublicKey,
)
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from keel.strict_json import canonical
from keel.tokens import b64u

HASH_BYTES = 32
TILE_WIDTH = 256
_TILE_HEIGHT = 8
EMPTY_ROOT = hashlib.sha256(b"").digest()
_ED25519 = b"\x01"
MINUTE = 60

ReadTile = Callable[[int, int], bytes]
"""`read(level, position)` returns the concatenated hashes of a tile, as many as there are."""


def leaf_hash(leaf: bytes) -> bytes:
    """SHA-256 of 0x00 followed by `leaf`, 32 bytes (RFC 6962, section 2.1)."""
    # The prefix keeps a leaf from ever passing for an inner node, which hashes with 0x01.
    return hashlib.sha256(b"\x00" + leaf).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """SHA-256 of 0x01 followed by both children, 32 bytes (RFC 6962, section 2.1)."""
    return hashlib.sha256(b"\x01" + left + right).digest()


def leaf(commitment: bytes, *, kind: str, minute: int) -> bytes:
    """Return the public leaf: exactly four members, canonical JSON, at most 512 bytes."""
    # Written out, and quicker for it: neither base64url nor a number is ever escaped.
    committed = b64u(commitment).encode()
    return b'{"c":"%b","k":%b,"t":%d,"v":1}' % (committed, canonical(kind), minute * MINUTE)


def _reduce(hashes: list[bytes]) -> bytes:
    """Return the root of a perfect subtree given by its leaves (a power of two of them)."""
    while len(hashes) > 1:
        hashes = [node_hash(a, b) for a, b in zip(hashes[::2], hashes[1::2], strict=True)]
    return hashes[0]


def _split(tile: bytes) -> list[bytes]:
    return [tile[i : i + HASH_BYTES] for i in range(0, len(tile), HASH_BYTES)]


def append(
    edge: MutableMapping[int, bytes], size: int, leaves: list[bytes]
) -> dict[tuple[int, int], bytes]:
    """Append leaf hashes at the right edge; returns the tiles that changed.

    `edge` maps a level to the hashes of its last, incomplete tile and is brought up to date.
    Keys of the result are (level, position).
    """
    changed: dict[tuple[int, int], bytes] = {}
    for offset, hashed in enumerate(leaves):
        index, level, value = size + offset, 0, hashed
        while True:
            tile = edge.get(level, b"") + value
            changed[level, index // TILE_WIDTH] = tile
            if len(tile) < TILE_WIDTH * HASH_BYTES:
                edge[level] = tile
                break
            edge[level] = b""
            value, index, level = _reduce(_split(tile)), index // TILE_WIDTH, level + 1
    return changed


def root_of_edge(edge: Mapping[int, bytes]) -> bytes:
    """Return the root of a tree from the incomplete tiles of its right edge."""
    frontier: list[bytes] = []
    for level in sorted(edge, reverse=True):
        hashes = _split(edge[level])
        start = 0
        for bit in range(_TILE_HEIGHT - 1, -1, -1):
            width = 1 << bit
            if len(hashes) & width:
                frontier.append(_reduce(hashes[start : start + width]))
                start += width
    if not frontier:
        return EMPTY_ROOT
    root = frontier.pop()
    while frontier:
        root = node_hash(frontier.pop(), root)
    return root


def edge_positions(size: int) -> dict[int, tuple[int, int]]:
    """Say which incomplete tiles a tree of `size` has: level → (position, width)."""
    positions: dict[int, tuple[int, int]] = {}
    level, count = 0, size
    while count:
        if count % TILE_WIDTH:
            positions[level] = (count // TILE_WIDTH, count % TILE_WIDTH)
        level, count = level + 1, count // TILE_WIDTH
    return positions


def _perfect(read: ReadTile, start: int, width_bits: int) -> bytes:
    level, bits = divmod(width_bits, _TILE_HEIGHT)
    first = start >> (level * _TILE_HEIGHT)
    position, offset = divmod(first, TILE_WIDTH)
    tile = read(level, position)
    return _reduce(_split(tile[offset * HASH_BYTES : (offset + (1 << bits)) * HASH_BYTES]))


def _range(read: ReadTile, start: int, end: int) -> bytes:
    """Return the tree hash of leaves [start, end), `start` being aligned as the RFC splits."""
    width = end - start
    if width & (width - 1) == 0:
        return _perfect(read, start, width.bit_length() - 1)
    k = 1 << (width - 1).bit_length() - 1
    return node_hash(_range(read, start, start + k), _range(read, start + k, end))


def inclusion_proof(read: ReadTile, index: int, size: int) -> list[bytes]:
    """Return the audit path of leaf `index` in the tree of `size`, leaf to root (2.1.1)."""
    path: list[bytes] = []
    start, end = 0, size
    while end - start > 1:
        k = 1 << (end - start - 1).bit_length() - 1
        if index < start + k:
            path.append(_range(read, start + k, end))
            end = start + k
        else:
            path.append(_range(read, start, start + k))
            start += k
    path.reverse()
    return path


def consistency_proof(read: ReadTile, old: int, size: int) -> list[bytes]:
    """Return the proof that the tree of `old` is a prefix of the tree of `size` (2.1.2)."""
    if not 0 < old < size:
        return []
    path: list[bytes] = []
    start, end, known = 0, size, True
    while old != end:
        k = 1 << (end - start - 1).bit_length() - 1
        if old <= start + k:
            path.append(_range(read, start + k, end))
            end = start + k
        else:
            path.append(_range(read, start, start + k))
            start, known = start + k, False
    if not known:
        path.append(_range(read, start, end))
    path.reverse()
    return path


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """The signed size and root of the log."""

    origin: str
    size: int
    root: bytes

    @property
    def text(self) -> str:
        """The three lines that are signed (C2SP tlog-checkpoint)."""
        return f"{self.origin}\n{self.size}\n{base64.b64encode(self.root).decode()}\n"

    def sign(self, *keys: Ed25519PrivateKey) -> str:
        """Return the signed note (C2SP signed-note, Ed25519), a signature line for each key."""
        text = self.text.encode()
        signed = [key_id(self.origin, key) + key.sign(text) for key in keys]
        lines = [f"— {self.origin} {base64.b64encode(one).decode()}\n" for one in signed]
        return f"{self.text}\n{''.join(lines)}"

    @classmethod
    def read(cls, note: str) -> "Checkpoint":
        """Return what a note says, signed or not.

        Raises:
            NotACheckpoint: these are not the three lines, or not in their one form.
        """
        text, blank, _ = note.partition("\n\n")
        lines = text.split("\n")
        if not blank or len(lines) != _LINES:
            raise NotACheckpoint
        try:
            found = cls(lines[0], int(lines[1]), base64.b64decode(lines[2], validate=True))
        except ValueError:
            raise NotACheckpoint from None
        if len(found.root) != HASH_BYTES or found.size < 0 or found.text != text + "\n":
            raise NotACheckpoint
        return found


_LINES = 3


class NotACheckpoint(ValueError):  # noqa: N818 - a fact about a text
    """A text is no checkpoint in its one form."""


def signatures(note: str) -> list[tuple[str, bytes, bytes]]:
    """Return name, key id and signature of each signature line of a note; other lines are left out.

    A line in another than its one form is left out too: it is nobody's signature.
    """
    found: list[tuple[str, bytes, bytes]] = []
    for line in note.partition("\n\n")[2].split("\n"):
        dash, _, rest = line.partition(" ")
        name, _, encoded = rest.rpartition(" ")
        try:
            content = base64.b64decode(encoded, validate=True)
        except ValueError:
            continue
        if dash == "—" and name and base64.b64encode(content).decode() == encoded:
            found.append((name, content[:_KEY_ID_BYTES], content[_KEY_ID_BYTES:]))
    return found


def signed_by(note: str, origin: str, keys: Iterable[Ed25519PublicKey]) -> list[str]:
    """Return the verifier keys, of these, whose signatures of the note hold, in their order."""
    text = note.partition("\n\n")[0].encode() + b"\n"
    known = {_id_of(origin, raw): (raw, key) for key in keys for raw in [_raw(key)]}
    lines: list[str] = []
    for name, number, signature in signatures(note):
        if name != origin or number not in known:
            continue
        raw, key = known[number]
        try:
            key.verify(signature, text)
        except InvalidSignature:
            continue
        lines.append(_verifier_key(origin, raw))
    return lines


def _raw(key: Ed25519PublicKey) -> bytes:
    return key.public_bytes(Encoding.Raw, PublicFormat.Raw)


def public_bytes(key: Ed25519PrivateKey) -> bytes:
    """Return the public half, 32 bytes."""
    return _raw(key.public_key())


def _id_of(origin: str, raw: bytes) -> bytes:
    return hashlib.sha256(origin.encode() + b"\n" + _ED25519 + raw).digest()[:_KEY_ID_BYTES]


def key_id(origin: str, key: Ed25519PrivateKey) -> bytes:
    """Return the first 4 bytes of SHA-256(name || 0x0A || 0x01 || public key)."""
    return _id_of(origin, public_bytes(key))


def verifier_key(origin: str, key: Ed25519PrivateKey) -> str:
    """Return the line that a verifier is given out of band (C2SP signed-note)."""
    return _verifier_key(origin, public_bytes(key))


def _verifier_key(origin: str, raw: bytes) -> str:
    encoded = base64.b64encode(_ED25519 + raw).decode()
    return f"{origin}+{_id_of(origin, raw).hex()}+{encoded}"


def read_verifier_key(line: str, origin: str) -> Ed25519PublicKey | None:
    """Return the key of a verifier key line; None when it is no such line of this name."""
    try:
        # The encoded key may hold the sign that stands between the parts.
        encoded = line.removeprefix(f"{origin}+").partition("+")[2]
        raw = base64.b64decode(encoded, validate=True)[len(_ED25519) :]
        key = Ed25519PublicKey.from_public_bytes(raw)
    except ValueError:
        return None
    return key if _verifier_key(origin, raw) == line else None


def origin_of(base: str, generation: int) -> str:
    """Return the origin of a generation: the installation's own, then with its number behind."""
    return base if generation == FIRST else f"{base}/{generation}"


def generation_of(base: str, origin: str) -> int | None:
    """Return which generation of an installation an origin is; None when it is none of them."""
    if origin == base:
        return FIRST
    number = origin.removeprefix(f"{base}/")
    is_one = number != origin and _NUMBER.fullmatch(number) and int(number) > FIRST
    return int(number) if is_one else None


FIRST = 1
"""The generation with which an installation begins."""
_NUMBER = re.compile(r"[1-9][0-9]{0,8}")
_KEY_ID_BYTES = 4


def root_of(read: ReadTile, size: int) -> bytes:
    """Return the root of the tree of `size` from its tiles."""
    return _range(read, 0, size) if size else EMPTY_ROOT


def proof_text(index: int, path: list[bytes], checkpoint: str) -> str:
    """Return a C2SP tlog-proof: the path, leaf to root, and the checkpoint verbatim."""
    lines = ["c2sp.org/tlog-proof@v1", f"index {index}"]
    lines += [base64.b64encode(h).decode() for h in path]
    return "\n".join(lines) + "\n\n" + checkpoint


_TILE_NUMBER = re.compile(r"(?:x[0-9]{3}/)*[0-9]{3}")


def tile_number(text: str) -> int | None:
    """Read a tile number in groups of three digits (`x001/x234/067`); None when malformed."""
    if not _TILE_NUMBER.fullmatch(text):
        return None
    number = int(text.replace("x", "").replace("/", ""))
    return number if text == write_tile_number(number) else None


def write_tile_number(number: int) -> str:
    """Write a tile number in groups of three digits, all but the last prefixed with x."""
    groups = [f"{number % 1000:03d}"]
    while number := number // 1000:
        groups.append(f"x{number % 1000:03d}")
    return "/".join(reversed(groups))
