"""How a value is found again without being readable: keyed hashes under the bilan's own key."""

import hmac
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from anonymizer.detection.folding import fold
from keel.sealing import unseal

_FORM = b"anonymizer/vault/form/v1"
_FOLDED = b"anonymizer/vault/folded/v1"


def form_hash(key: bytes, kind: str, value: str) -> bytes:
    """Return the look-up hash of a value exactly as written (32 bytes)."""
    return _keyed(key, _FORM, f"{kind}\x00{value}")


def folded_hash(key: bytes, kind: str, value: str) -> bytes:
    """Return the look-up hash of a value without case, accents and spacing (32 bytes)."""
    return _keyed(key, _FOLDED, f"{kind}\x00{' '.join(fold(value).split())}")


def _keyed(key: bytes, purpose: bytes, text: str) -> bytes:
    # A key of its own for each purpose: the content key itself only ever encrypts.
    whole = text.encode("utf-8", "surrogatepass")  # half a character is text too
    return hmac.digest(hmac.digest(key, purpose, "sha256"), whole, "sha256")


def context(tenant: str, bilan: str, name: str) -> str:
    """Return what a sealed value is bound to: it opens nowhere else."""
    return f"vault|{tenant}|{bilan}|{name}"


def plausible_context(tenant: str, bilan: str, name: str) -> str:
    """Return what a sealed plausible value is bound to; no original opens there."""
    return f"{context(tenant, bilan, name)}|plausible"


def opened(key: bytes, bound: str, sealed: bytes) -> str:
    """Return a sealed value as it was written, half characters included."""
    return unseal(key, sealed, bound).decode("utf-8", "surrogatepass")


@dataclass(frozen=True, slots=True)
class SealedOriginals(Mapping[str, str]):
    """The originals of one bilan by surrogate (`TYPE_n`); each is opened when it is read."""

    key: bytes
    tenant: str
    bilan: str
    sealed: Mapping[str, bytes]

    def __getitem__(self, name: str) -> str:
        return opened(self.key, context(self.tenant, self.bilan, name), self.sealed[name])

    def __iter__(self) -> Iterator[str]:
        return iter(self.sealed)

    def __len__(self) -> int:
        return len(self.sealed)
