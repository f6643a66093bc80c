"""What is said to a witness and what it answers: pure values and functions.

C2SP tlog-witness (the request, the answers), tlog-cosignature (Ed25519, `cosignature/v1`),
signed-note (verifier keys, signature lines).
"""

import base64
import binascii
import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from ipaddress import ip_address
from urllib.parse import urlsplit

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

_COSIGNATURE = b"\x04"
_NOTE_SIGNATURE = b"\x01"
_KEY_ID_BYTES = 4
_KEY_BYTES = 32
_TIME_BYTES = 8
_SIGNATURE_BYTES = 64
_SIZE = re.compile(r"(?:0|[1-9][0-9]{0,18})\n?")
MAX_PROOF = 63
"""Lines of a consistency proof that a witness takes."""
MAX_NAME = 200
AHEAD = timedelta(minutes=5)
"""How far a witness's clock may be before ours."""


_NO_LINE = "the verifier key is no line `name+key id+base64`"


class NotAWitness(ValueError):  # noqa: N818 - told by the settings
    """What is written about a witness cannot be one; the message says why."""


class Outcome(StrEnum):
    """How asking a witness ended."""

    COSIGNED = "cosigned"
    UNREACHABLE = "unreachable"
    TIMED_OUT = "timed_out"
    REDIRECTED = "redirected"
    TOO_LONG = "too_long"
    UNKNOWN_LOG = "unknown_log"
    """404: the witness was not told of this origin."""
    UNKNOWN_KEY = "unknown_key"
    """403: it trusts another key for this origin."""
    INCONSISTENT = "inconsistent"
    """422: what it saw of this log is no prefix of what we showed."""
    AHEAD = "ahead"
    """It says that it cosigned a larger tree than ours."""
    REFUSED = "refused"
    FORGED = "forged"
    """200 without a valid cosignature of its key."""


@dataclass(frozen=True, slots=True)
class Witness:
    """A witness: where it is asked, and the key by which its cosignature is known."""

    url: str
    name: str
    key_id: bytes
    key: bytes

    @classmethod
    def read(cls, url: str, vkey: str) -> "Witness":
        """Read a submission prefix and a verifier key line (`name+hex(key id)+base64(0x04‖key)`).

        Raises:
            NotAWitness: one of the two is malformed; the message says which, for an operator.
        """
        _require_submission_prefix(url)
        name, _, rest = vkey.partition("+")
        key_id, _, encoded = rest.partition("+")
        try:
            typed = base64.b64decode(encoded, validate=True)
            given = bytes.fromhex(key_id)
        except (binascii.Error, ValueError):
            raise NotAWitness(_NO_LINE) from None
        if not encoded:
            raise NotAWitness(_NO_LINE)
        if not 0 < len(name) <= MAX_NAME or name.split() != [name]:
            raise NotAWitness("the verifier key has no name")
        if len(typed) != 1 + _KEY_BYTES or typed[:1] != _COSIGNATURE:
            raise NotAWitness("the verifier key is none for Ed25519 cosignatures (type 0x04)")
        if given != _key_id(name, typed):
            raise NotAWitness("the verifier key's id does not fit its name and key")
        return cls(url.rstrip("/"), name, given, typed[1:])

    @property
    def id(self) -> str:
        """Name and key id: a witness with a new key is another witness."""
        return f"{self.name}+{self.key_id.hex()}"

    def is_on_loopback(self) -> bool:
        """Say whether it is asked on this machine, without TLS."""
        return urlsplit(self.url).scheme == "http"


def _require_submission_prefix(url: str) -> None:
    try:
        parts = urlsplit(url)
        _ = parts.port
    except ValueError:
        raise NotAWitness("its URL cannot be read") from None
    plain = parts.username is None and not parts.query and not parts.fragment and parts.hostname
    if not plain or parts.scheme not in {"https", "http"}:
        raise NotAWitness("its URL is no https:// URL without user, query and fragment")
    if parts.scheme == "http" and not _is_loopback(str(parts.hostname)):
        raise NotAWitness("its URL is not https://")


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


def _key_id(name: str, typed_key: bytes) -> bytes:
    return hashlib.sha256(name.encode() + b"\n" + typed_key).digest()[:_KEY_ID_BYTES]


def request(old: int, proof: Sequence[bytes], checkpoint: str) -> bytes:
    """Return the body of `add-checkpoint`: old size, proof, an empty line, the signed note."""
    lines = [f"old {old}", *(base64.b64encode(node).decode() for node in proof)]
    return ("\n".join(lines) + "\n\n" + checkpoint).encode()


def size_held(body: bytes) -> int | None:
    """Read the size that a witness says it cosigned last (409); None when it says none."""
    try:
        text = body.decode("ascii")
    except UnicodeDecodeError:
        return None
    return int(text) if _SIZE.fullmatch(text) else None


def note_text(checkpoint: str) -> str:
    """Return the signed lines of a note, with their last newline."""
    return checkpoint.partition("\n\n")[0] + "\n"


def _signatures(lines: str) -> list[tuple[str, bytes]]:
    """Return name and bytes of each line that is a signature; the others are ignored."""
    found = []
    for line in lines.split("\n"):
        parts = line.split(" ")
        if len(parts) != 3 or parts[0] != "—":  # noqa: PLR2004 - dash, name, signature
            continue
        try:
            found.append((parts[1], base64.b64decode(parts[2], validate=True)))
        except (binascii.Error, ValueError):
            continue
    return found


@dataclass(frozen=True, slots=True)
class Cosignature:
    """A witness's statement that a tree was the largest consistent one it had seen of a log."""

    line: str
    """The signature line, without its newline."""
    at: int
    """The witness's time, in seconds since 1970."""


def cosignature(
    witness: Witness, checkpoint: str, answer: bytes, *, now: int
) -> Cosignature | None:
    """Return the witness's valid cosignature of `checkpoint` in its answer; None without one.

    Lines of other keys are ignored (tlog-witness). A time that is further ahead of `now` than
    `AHEAD` is none that anybody may date by.
    """
    try:
        text = answer.decode()
    except UnicodeDecodeError:
        return None
    for name, signed in _signatures(text):
        if name != witness.name or signed[:_KEY_ID_BYTES] != witness.key_id:
            continue
        stamped = signed[_KEY_ID_BYTES:]
        if len(stamped) != _TIME_BYTES + _SIGNATURE_BYTES:
            continue
        at = int.from_bytes(stamped[:_TIME_BYTES], "big")
        message = f"cosignature/v1\ntime {at}\n{note_text(checkpoint)}".encode()
        if at > now + AHEAD.total_seconds():
            continue
        if _is_signed(witness.key, stamped[_TIME_BYTES:], message):
            return Cosignature(f"— {name} {base64.b64encode(signed).decode()}", at)
    return None


def _is_signed(key: bytes, signature: bytes, message: bytes) -> bool:
    try:
        Ed25519PublicKey.from_public_bytes(key).verify(signature, message)
    except (InvalidSignature, ValueError):
        return False
    return True


def size_that_we_signed(checkpoint: str, origin: str, vkeys: Sequence[str]) -> int | None:
    """Return the size of a note that one of our own keys signed for `origin`; None otherwise.

    Only our own signature counts: whoever hands out the note can say what they like.
    """
    text = note_text(checkpoint)
    lines = text.split("\n")
    if len(lines) < 4 or lines[0] != origin or not _SIZE.fullmatch(lines[1]):  # noqa: PLR2004
        return None
    for vkey in vkeys:
        name, _, rest = vkey.partition("+")
        typed = base64.b64decode(rest.partition("+")[2])
        for signer, signed in _signatures(checkpoint.partition("\n\n")[2]):
            is_ours = signer == name and signed[:_KEY_ID_BYTES] == _key_id(name, typed)
            if (
                is_ours
                and typed[:1] == _NOTE_SIGNATURE
                and _is_signed(typed[1:], signed[_KEY_ID_BYTES:], text.encode())
            ):
                return int(lines[1])
    return None


def monitoring_path(origin: str) -> str:
    """Return where a witness shows the newest checkpoint that it cosigned of an origin."""
    return f"/{hashlib.sha256(origin.encode()).hexdigest()}/checkpoint"
