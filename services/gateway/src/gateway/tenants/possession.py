"""That whoever presents a token holds the key to which it is bound (DPoP, RFC 9449).

Only clients that were registered for it have bound tokens. No nonce is asked for: a proof is good
for a minute and for once, and the clocks of both sides settle the rest.
"""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import unquote, urlsplit

from gateway.tenants.proofs import Once
from keel.tokens import LEEWAY, TokenRefused, b64u, is_date, verify_proof

SCHEME = "DPoP"
ALGORITHMS = ("ES256",)
LONGEST = timedelta(seconds=60)
_MAX_JTI = 255
_THUMBPRINT_LENGTH = 43
_PORTS = {"http": 80, "https": 443}


@dataclass(slots=True)
class Presented:
    """A token as one request presents it, with the proofs that come beside it.

    `address` is the request's URL as the public knows it, without query. A proof is good for one
    request, and a request may be asked more than once who calls: `held_by` remembers the key.
    """

    token: str
    is_bound: bool = False
    method: str = ""
    address: str = ""
    proofs: Sequence[str] = ()
    held_by: str | None = None

    def challenge(self, error: str = "invalid_token") -> dict[str, str]:
        """Return the header of a refusal, in the scheme that the request came with."""
        return (
            challenge(error) if self.is_bound else {"WWW-Authenticate": f'Bearer error="{error}"'}
        )


def challenge(error: str) -> dict[str, str]:
    """Return the header of a refusal of RFC 9449 section 7.1."""
    algorithms = " ".join(ALGORITHMS)
    return {"WWW-Authenticate": f'{SCHEME} error="{error}", algs="{algorithms}"'}


@dataclass(frozen=True, slots=True)
class Possession:
    """What a proof says: the thumbprint of its key (RFC 7638), and what makes it good for once."""

    jkt: str
    once: Once


def bound_to(claims: Mapping[str, Any]) -> str | None:
    """Return the thumbprint of the key that a token of ours is bound to; None for no key.

    Raises:
        TokenRefused: `cnf` is not of the shape that we give it.
    """
    if "cnf" not in claims:
        return None
    confirmation = claims["cnf"]
    if not isinstance(confirmation, dict) or set(confirmation) != {"jkt"}:
        raise TokenRefused("cnf")
    jkt = confirmation["jkt"]
    if not isinstance(jkt, str) or len(jkt) != _THUMBPRINT_LENGTH:
        raise TokenRefused("cnf")
    return jkt


def possession(
    proofs: Sequence[str], *, method: str, address: str, token: str | None, at: datetime
) -> Possession:
    """Return what the one proof of a request says (RFC 9449, section 4.3).

    `token` is the access token that it comes with; None where one is only being asked for.

    Raises:
        TokenRefused: no proof, or more than one, or it is of another request, token or time.
    """
    if len(proofs) != 1:
        raise TokenRefused("one proof a request")
    claims, jkt = verify_proof(proofs[0])
    if claims.get("htm") != method or not _is_address(claims.get("htu"), address):
        raise TokenRefused("for another request")
    if token is not None and claims.get("ath") != _digest(token):
        raise TokenRefused("for another token")
    issued = _issued(claims, at=at)
    jti = claims.get("jti")
    if not isinstance(jti, str) or not 0 < len(jti) <= _MAX_JTI:
        raise TokenRefused("no jti")
    # The key counts: two machines of one client, each with its own, never stand in their way.
    used = hashlib.sha256(f"{SCHEME}|{jkt}|{jti}".encode("utf-8", "surrogatepass")).digest()
    # A while longer than the proof itself: the clocks of two replicas are never quite one.
    return Possession(jkt, Once(used, issued + LONGEST + LEEWAY))


def _issued(claims: Mapping[str, Any], *, at: datetime) -> datetime:
    now, leeway, issued = at.timestamp(), LEEWAY.total_seconds(), claims.get("iat")
    if not is_date(issued) or not now - LONGEST.total_seconds() < issued <= now + leeway:
        raise TokenRefused("not of this minute")
    # Neither is asked for; a proof that names its own beginning or end is taken by its word.
    begins, ends = claims.get("nbf", issued), claims.get("exp", issued + LONGEST.seconds)
    if not is_date(begins) or begins > now + leeway:
        raise TokenRefused("not valid yet")
    if not is_date(ends) or ends <= now:
        raise TokenRefused("not valid any more")
    return datetime.fromtimestamp(issued, at.tzinfo)


def _digest(token: str) -> str:
    return b64u(hashlib.sha256(token.encode()).digest())


def _is_address(htu: object, address: str) -> bool:
    """Compare as RFC 3986 section 6.2 does, leaving a query or fragment aside."""
    if not isinstance(htu, str) or not htu.isascii() or not htu.isprintable() or " " in htu:
        return False
    try:
        return _normal(htu) == _normal(address)
    except ValueError:
        return False


def _normal(url: str) -> tuple[str, str, int | None, str]:
    """Return scheme, host, port and path in one spelling; ValueError for no such URL."""
    parts = urlsplit(url)
    if parts.username is not None or parts.password is not None:
        raise ValueError("nobody is named in an address of ours")
    port = parts.port if parts.port is not None else _PORTS.get(parts.scheme)
    return parts.scheme, parts.hostname or "", port, unquote(parts.path, errors="strict") or "/"
