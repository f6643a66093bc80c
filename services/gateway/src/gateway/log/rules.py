"""The Merkle tree of the log and its signed notes: pure values and functions.

RFC 6962 section 2.1 (hashes, proofs), C2SP tlog-tiles (tiles of 256 hashes), C2SP signed-note and
tlog-checkpoint (the signed size and root).
"""

import base64
import hashlib
import re
from collections.abc import Callable, Mapping, MutableMapping
from dataclasses import dataclass

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
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
    return canonical({"c": b64u(commitment), "k": kind, "t": minute * MINUTE, "v": 1})


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

    def sign(self, key: Ed25519PrivateKey) -> str:
        """Return the signed note (C2SP signed-note, Ed25519)."""
        body = key_id(self.origin, key) + key.sign(self.text.encode())
        return f"{self.text}\n— {self.origin} {base64.b64encode(body).decode()}\n"


def _public(key: Ed25519PrivateKey) -> bytes:
    return key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)


def key_id(origin: str, key: Ed25519PrivateKey) -> bytes:
    """Return the first 4 bytes of SHA-256(name || 0x0A || 0x01 || public key)."""
    return hashlib.sha256(origin.encode() + b"\n" + _ED25519 + _public(key)).digest()[:4]


def verifier_key(origin: str, key: Ed25519PrivateKey) -> str:
    """Return the line that a verifier is given out of band (C2SP signed-note)."""
    encoded = base64.b64encode(_ED25519 + _public(key)).decode()
    return f"{origin}+{key_id(origin, key).hex()}+{encoded}"


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
