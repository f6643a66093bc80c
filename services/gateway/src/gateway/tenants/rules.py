"""What a client may do, and how its secret is kept."""

import hashlib
import hmac
import re
import secrets
from enum import StrEnum

from keel.tokens import b64u

SECRET_BYTES = 32
API_KEY_PREFIX = "psk_"
_SIREN = re.compile(r"[0-9]{9}")
_LUHN_BASE = 10


class Scope(StrEnum):
    """One scope an area of the API."""

    PEOPLE = "people"
    BILANS = "bilans"
    CONSENT_REQUEST = "consent:request"
    CONSENT_USE = "consent:use"
    DOCUMENTS = "documents"
    RUNS = "runs"
    MARKET = "market"
    REPORTS = "reports"
    RECORDS_READ = "records:read"
    EVENTS = "events"
    KEYS = "keys"
    USAGE = "usage"
    GOVERNANCE = "governance"


def new_secret() -> str:
    """Return a fresh secret of 256 random bits, base64url."""
    return b64u(secrets.token_bytes(SECRET_BYTES))


def new_api_key() -> str:
    """Return a fresh long-lived key; its prefix lets scanners of published code find it."""
    return API_KEY_PREFIX + new_secret()


def is_siren(text: str) -> bool:
    """Say whether `text` is nine digits whose check digit is right (Luhn, ISO/IEC 7812-1)."""
    if not _SIREN.fullmatch(text):
        return False
    digits = [int(digit) for digit in text]
    # From the right, every second digit counts double, as the sum of its own digits.
    doubled = [2 * d if place % 2 else d for place, d in enumerate(reversed(digits))]
    return sum(d // _LUHN_BASE + d % _LUHN_BASE for d in doubled) % _LUHN_BASE == 0


def secret_digest(secret: str) -> bytes:
    """Return what is stored of a secret; 256 random bits need no slow hash."""
    return hashlib.sha256(secret.encode()).digest()


def is_secret(secret: str, digest: bytes) -> bool:
    """Compare in constant time."""
    return hmac.compare_digest(secret_digest(secret), digest)


def granted(asked: str | None, allowed: list[str]) -> list[str] | None:
    """Return the scopes of a token: all allowed, or those asked; None when one is not allowed."""
    if not asked:
        return allowed
    wanted = asked.split()
    return wanted if set(wanted) <= set(allowed) else None
