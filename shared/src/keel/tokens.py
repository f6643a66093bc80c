"""Signed tokens, and the only place that touches JOSE.

As it comes, python-jose accepts tokens that it should not (it picks algorithms from the key's
looks, takes key sets, ignores unknown header members). The rules of the consent profile (section
3, "JOSE rules") are checked here before any key is used: ES256 only, exactly `alg`, `kid` and
`typ` in the header, one key chosen by `kid` as an already parsed public key object. A proof of
possession (DPoP) alone brings its own public key, which then stands for nobody.
"""

import base64
import binascii
import hashlib
import re
import secrets
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Protocol, TypeGuard

import structlog
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from jose import jws
from jose.backends.cryptography_backend import CryptographyECKey

from keel.strict_json import NotStrictJson, canonical, parse
from keel.watching import Watched

log = structlog.get_logger()

MAX_TOKEN_BYTES = 4096
LEEWAY = timedelta(seconds=30)
_SEGMENTS = 3
_SEGMENT = re.compile(r"[A-Za-z0-9_-]+")
_MAX_DATE = 2**40
_COORDINATE_BYTES = 32
_PRIVATE_MEMBERS = frozenset({"d", "k", "p", "q", "dp", "dq", "qi", "oth"})
_MAX_TEXT = 400


class TokenRefused(Exception):  # noqa: N818 - a refusal, rendered by whoever asked
    """The token is not one of ours, in form or in signature."""


class TokenExpired(TokenRefused):
    """The token was ours; its time is over."""


def b64u(data: bytes) -> str:
    """Write base64url without padding."""
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def b64u_decode(text: str) -> bytes:
    """Read canonical base64url without padding.

    Raises:
        TokenRefused: another alphabet, padding, or trailing bits that are not zero.
    """
    if not _SEGMENT.fullmatch(text):
        raise TokenRefused("not base64url")
    try:
        data = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
    except (binascii.Error, ValueError):
        raise TokenRefused("not base64url") from None
    if b64u(data) != text:
        raise TokenRefused("not canonical base64url")
    return data


def _jwk(key: ec.EllipticCurvePublicKey) -> dict[str, str]:
    numbers = key.public_numbers()
    return {
        "crv": "P-256",
        "kty": "EC",
        "x": b64u(numbers.x.to_bytes(32, "big")),
        "y": b64u(numbers.y.to_bytes(32, "big")),
    }


def thumbprint(key: ec.EllipticCurvePublicKey) -> str:
    """Return the key id: the SHA-256 thumbprint of RFC 7638."""
    return b64u(hashlib.sha256(canonical(_jwk(key))).digest())


def public_key(jwk: Mapping[str, Any]) -> ec.EllipticCurvePublicKey:
    """Read a JWK (RFC 7517); ValueError when it is not a public P-256 key."""
    if jwk.get("kty") != "EC" or jwk.get("crv") != "P-256" or "d" in jwk:
        raise ValueError("a public P-256 key is needed")
    try:
        x, y = (b64u_decode(jwk[c]) for c in ("x", "y"))
    except (KeyError, TypeError, TokenRefused):
        raise ValueError("the coordinates of the key are missing or malformed") from None
    if len(x) != _COORDINATE_BYTES or len(y) != _COORDINATE_BYTES:
        raise ValueError("a coordinate has its full size (RFC 7518, section 6.2.1)")
    numbers = ec.EllipticCurvePublicNumbers(
        int.from_bytes(x, "big"), int.from_bytes(y, "big"), ec.SECP256R1()
    )
    return numbers.public_key()


@dataclass(frozen=True, slots=True, repr=False)
class SigningKey:
    """A private P-256 key and its id."""

    _private: ec.EllipticCurvePrivateKey

    @classmethod
    def generate(cls) -> "SigningKey":
        """Make a fresh key."""
        return cls(ec.generate_private_key(ec.SECP256R1()))

    @classmethod
    def from_pem(cls, pem: bytes) -> "SigningKey":
        """Read a PKCS#8 PEM; ValueError when it is not a P-256 private key."""
        key = serialization.load_pem_private_key(pem, password=None)
        if not isinstance(key, ec.EllipticCurvePrivateKey) or key.curve.name != "secp256r1":
            raise ValueError("not a P-256 private key")
        return cls(key)

    def to_pem(self) -> bytes:
        """Write PKCS#8 PEM, for a file that only its owner can open."""
        return self._private.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )

    @property
    def public(self) -> ec.EllipticCurvePublicKey:
        """The public half."""
        return self._private.public_key()

    @property
    def kid(self) -> str:
        """The key id."""
        return thumbprint(self.public)

    def sign(self, typ: str, claims: Mapping[str, Any]) -> str:
        """Return a compact JWS (ES256) of `claims` with exactly `alg`, `kid`, `typ`."""
        key = CryptographyECKey(self._private, "ES256")
        headers = {"typ": typ, "kid": self.kid}
        return str(jws.sign(dict(claims), key, headers=headers, algorithm="ES256"))


class Signer(Protocol):
    """Whatever signs with one key at a time: a key, or a ring whose key changes by its dates."""

    def sign(self, typ: str, claims: Mapping[str, Any]) -> str:
        """Return a compact JWS (ES256) of `claims`."""


class Verifier(Protocol):
    """Whatever knows public keys by their id."""

    def find(self, kid: str) -> ec.EllipticCurvePublicKey:
        """Return the one key called `kid`, or raise `TokenRefused`."""


class PublicKeys:
    """The public keys that a verifier knows, by key id."""

    def __init__(self, keys: Mapping[str, ec.EllipticCurvePublicKey]) -> None:
        self._keys = dict(keys)

    @classmethod
    def of(cls, *keys: SigningKey) -> "PublicKeys":
        """Know the public halves of `keys`."""
        return cls({key.kid: key.public for key in keys})

    def __iter__(self) -> Iterator[str]:
        """Go through the ids of the keys."""
        return iter(self._keys)

    @classmethod
    def joined(cls, *sets: "PublicKeys") -> "PublicKeys":
        """Know the keys of every one of `sets`."""
        return cls({kid: known.find(kid) for known in sets for kid in known})

    @classmethod
    def from_jwks(cls, document: Mapping[str, Any]) -> "PublicKeys":
        """Read a JWK Set; ValueError when a key is not a public P-256 key under its own id."""
        keys: dict[str, ec.EllipticCurvePublicKey] = {}
        for jwk in document["keys"]:
            key = public_key(jwk)
            if jwk.get("kid") != thumbprint(key):
                raise ValueError("a key is not under its own RFC 7638 thumbprint")
            keys[jwk["kid"]] = key
        return cls(keys)

    @classmethod
    def registered(cls, document: Mapping[str, Any]) -> "PublicKeys":
        """Read the JWK Set of somebody who proves themselves by it: their ids, P-256 keys only.

        Raises:
            ValueError: no key, a private or another kind of key, or an id missing or used twice.
        """
        keys: dict[str, ec.EllipticCurvePublicKey] = {}
        for jwk in document["keys"]:
            kid = jwk.get("kid")
            if not isinstance(kid, str) or not kid or kid in keys:
                raise ValueError("each key needs a `kid` of its own")
            keys[kid] = public_key(jwk)
        if not keys:
            raise ValueError("the JWK Set holds no key")
        return cls(keys)

    @classmethod
    def from_file(cls, path: Path) -> "PublicKeys":
        """Read a JWK Set file; ValueError or OSError when it cannot be used."""
        return cls.from_jwks(parse(path.read_bytes()))

    def to_jwks(self) -> dict[str, list[dict[str, str]]]:
        """Return the JWK Set (public members only)."""
        return {
            "keys": [
                {**_jwk(key), "kid": kid, "use": "sig", "alg": "ES256"}
                for kid, key in self._keys.items()
            ]
        }

    def find(self, kid: str) -> ec.EllipticCurvePublicKey:
        """Return the one key called `kid`, or raise `TokenRefused`."""
        try:
            return self._keys[kid]
        except KeyError:
            raise TokenRefused("unknown key") from None


class KeysInFile:
    """The public keys that a JWK Set file holds now; a key that leaves it is unknown in a second.

    A file that is gone or malformed holds no key: whoever relied on one is refused.
    """

    def __init__(self, path: Path) -> None:
        PublicKeys.from_file(path)  # a start with a wrong file is refused aloud
        self._watched = Watched(path, _keys_or_none)

    def find(self, kid: str) -> ec.EllipticCurvePublicKey:
        """Return the one key called `kid`, or raise `TokenRefused`."""
        try:
            return self._watched.now().find(kid)
        except TokenRefused:
            return self._watched.again().find(kid)  # it may have been published just now


def _keys_or_none(path: Path) -> PublicKeys:
    try:
        return PublicKeys.from_file(path)
    except (OSError, ValueError, KeyError, TypeError, AttributeError, TokenRefused):
        log.error("public_keys_unreadable", file=path.name)  # noqa: TRY400 - a file says its name, not its content
        return PublicKeys({})


def _member(segment: str) -> dict[str, Any]:
    try:
        value = parse(b64u_decode(segment), max_depth=8)
    except NotStrictJson as error:
        raise TokenRefused(str(error)) from None
    if not isinstance(value, dict):
        raise TokenRefused("not a JSON object")
    return value


def _integer(claims: Mapping[str, Any], name: str) -> int:
    value = claims.get(name)
    if not is_date(value):
        raise TokenRefused(f"{name} is not a date")
    return value


def _check_dates(claims: Mapping[str, Any], *, at: datetime, lifetime: timedelta) -> None:
    now, leeway = at.timestamp(), LEEWAY.total_seconds()
    issued, valid, ends = (_integer(claims, name) for name in ("iat", "nbf", "exp"))
    if issued > now + leeway or valid > now + leeway:
        raise TokenRefused("not valid yet")
    if ends - issued > lifetime.total_seconds() or ends < issued:
        raise TokenRefused("lives too long")
    if ends <= now:
        raise TokenExpired("expired")


def verify(
    token: str,
    keys: Verifier,
    *,
    typ: str,
    issuer: str,
    audience: str,
    at: datetime,
    lifetime: timedelta,
) -> dict[str, Any]:
    """Return the claims of a token that is ours, for this place, at this instant.

    Raises:
        TokenExpired: everything holds, but `exp` has passed (no leeway).
        TokenRefused: anything else is wrong; the message is for our logs, not for the caller.
    """
    claims = verify_signature(token, keys, typ=typ)
    if claims.get("iss") != issuer or claims.get("aud") != audience:
        raise TokenRefused("issued by or for somebody else")
    if not isinstance(claims.get("jti"), str):
        raise TokenRefused("no jti")
    _check_dates(claims, at=at, lifetime=lifetime)
    return claims


def verify_signature(token: str, keys: Verifier, *, typ: str) -> dict[str, Any]:
    """Return the claims of a compact JWS by one of `keys`; `TokenRefused` otherwise."""
    header, claims = _read(token)
    if set(header) != {"alg", "kid", "typ"} or header["alg"] != "ES256" or header["typ"] != typ:
        raise TokenRefused("header")
    return _signed(token, claims, _named(header, keys))


_ASSERTION_TYPES = frozenset({"JWT", "client-authentication+jwt"})


def verify_assertion(token: str, keys: Verifier) -> dict[str, Any]:
    """Return the claims of what a client signs about itself (RFC 7523): `typ` may be missing."""
    header, claims = _read(token)
    members = set(header)
    if not {"alg", "kid"} <= members <= {"alg", "kid", "typ"} or header["alg"] != "ES256":
        raise TokenRefused("header")
    if "typ" in header and header["typ"] not in _ASSERTION_TYPES:
        raise TokenRefused("header")
    return _signed(token, claims, _named(header, keys))


_PROOF_TYPE = "dpop+jwt"


def verify_proof(token: str) -> tuple[dict[str, Any], str]:
    """Return the claims of a DPoP proof and its key's thumbprint (RFC 9449, section 4.3).

    The key comes with the proof: who signed holds it, and nothing more is said. `TokenRefused`
    where it is none; the claims are for the caller to check.
    """
    header, claims = _read(token)
    if set(header) != {"alg", "jwk", "typ"}:
        raise TokenRefused("header")
    if header["alg"] != "ES256" or header["typ"] != _PROOF_TYPE:
        raise TokenRefused("header")
    jwk = header["jwk"]
    if not isinstance(jwk, dict) or not _PRIVATE_MEMBERS.isdisjoint(jwk):
        raise TokenRefused("no public key")
    try:
        key = public_key(jwk)
    except ValueError:
        raise TokenRefused("no public P-256 key") from None
    return _signed(token, claims, key), thumbprint(key)


def is_date(claim: object) -> TypeGuard[int]:
    """Say whether a claim is a date: whole seconds since 1970, and not beyond all calendars."""
    return type(claim) is int and 0 <= claim < _MAX_DATE


def is_text(claim: object) -> bool:
    """Say whether a claim is a text that a database can be asked for: printable, of some length."""
    return isinstance(claim, str) and 0 < len(claim) <= _MAX_TEXT and claim.isprintable()


def claims_unverified(token: str) -> dict[str, Any]:
    """Return what a token says, whoever signed it: to know what to look up before it is verified.

    Raises:
        TokenRefused: it is malformed.
    """
    return _read(token)[1]


def _read(token: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return header and claims of a compact JWS in its one spelling, before any key is used."""
    if len(token) > MAX_TOKEN_BYTES:
        raise TokenRefused("too long")
    segments = token.split(".")
    if len(segments) != _SEGMENTS or not all(_SEGMENT.fullmatch(s) for s in segments):
        raise TokenRefused("not three segments")
    b64u_decode(segments[2])
    return _member(segments[0]), _member(segments[1])


def _named(header: Mapping[str, Any], keys: Verifier) -> ec.EllipticCurvePublicKey:
    if not isinstance(header["kid"], str):
        raise TokenRefused("header")
    return keys.find(header["kid"])


def _signed(token: str, claims: dict[str, Any], key: ec.EllipticCurvePublicKey) -> dict[str, Any]:
    try:
        jws.verify(token, CryptographyECKey(key, "ES256"), algorithms=["ES256"])
    except Exception:  # noqa: BLE001 - whatever a foreign parser raises, the token is refused
        raise TokenRefused("signature") from None
    return claims


def new_jti() -> str:
    """Return a fresh token id of 128 random bits."""
    return b64u(secrets.token_bytes(16))
