"""A token is ours in every detail, or it is refused before any key is used (profile section 3)."""

import json
from datetime import UTC, datetime, timedelta

import pytest
from jose.backends.cryptography_backend import CryptographyECKey

from keel.tokens import (
    PublicKeys,
    SigningKey,
    TokenExpired,
    TokenRefused,
    b64u,
    b64u_decode,
    thumbprint,
    verify,
)

NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)
KEY = SigningKey.generate()
KEYS = PublicKeys.of(KEY)
NOW = int(NOON.timestamp())
CLAIMS = {
    "iss": "us",
    "aud": "them",
    "iat": NOW,
    "nbf": NOW,
    "exp": NOW + 60,
    "jti": "j",
    "sub": "x",
}


def read(token, at=NOON, typ="at+jwt", audience="them"):
    return verify(
        token, KEYS, typ=typ, issuer="us", audience=audience, at=at, lifetime=timedelta(seconds=60)
    )


def signed(claims=CLAIMS, header=None, key=KEY):
    """A token with any header and payload, really signed by `key`."""
    head = header if header is not None else {"alg": "ES256", "kid": KEY.kid, "typ": "at+jwt"}
    parts = [b64u(p if isinstance(p, bytes) else json.dumps(p).encode()) for p in (head, claims)]
    message = ".".join(parts).encode()
    signature = CryptographyECKey(key._private, "ES256").sign(message)
    return ".".join([*parts, b64u(signature)])


def test_our_own_token_is_read():
    assert read(KEY.sign("at+jwt", CLAIMS))["sub"] == "x"
    assert read(signed())["sub"] == "x"


def test_a_forged_or_malformed_token_is_refused(forged):
    tokens = forged(KEY, "at+jwt", CLAIMS)
    assert len(tokens) > 150
    entered = []
    for wrong, token in tokens.items():
        try:
            read(token)
        except TokenRefused:
            continue
        entered.append(wrong)
    assert entered == []


def test_a_token_ends_at_its_second_without_leeway():
    token = signed()
    assert read(token, at=NOON + timedelta(seconds=59))
    with pytest.raises(TokenExpired):
        read(token, at=NOON + timedelta(seconds=60))


def test_a_token_for_another_place_is_refused():
    with pytest.raises(TokenRefused):
        read(signed(), typ="consent+jwt")


def test_base64url_has_one_spelling():
    assert b64u_decode(b64u(b"\x00\xff")) == b"\x00\xff"
    with pytest.raises(TokenRefused):
        b64u_decode("AP9")  # the same bytes, with trailing bits that are not zero


def test_a_key_is_named_by_its_thumbprint_and_published_without_its_secret():
    jwk = KEYS.to_jwks()["keys"][0]
    assert jwk["kid"] == thumbprint(KEY.public)
    assert "d" not in jwk
    assert PublicKeys.from_jwks(KEYS.to_jwks()).find(KEY.kid)
    with pytest.raises(ValueError, match="thumbprint"):
        PublicKeys.from_jwks({"keys": [{**jwk, "kid": "x"}]})


def test_the_key_survives_its_file():
    again = SigningKey.from_pem(KEY.to_pem())
    assert again.kid == KEY.kid
