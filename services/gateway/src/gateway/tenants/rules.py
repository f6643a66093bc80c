"""What a client may do, and how its secret is kept."""

import hashlib
import hmac
import secrets
from enum import StrEnum

from keel.tokens import b64u

SECRET_BYTES = 32


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


def new_secret() -> str:
    """Return a fresh secret of 256 random bits, base64url."""
    return b64u(secrets.token_bytes(SECRET_BYTES))


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
