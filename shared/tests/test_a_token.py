"""A token is ours in every detail, or it is refused before any key is used (profile section 3)."""

import hashlib
import hmac
import json
from datetime import UTC, datetime, timedelta

import pytest
from cryptography.hazmat.primitives import serialization
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


def hmac_signed(secret, alg="HS256"):
    head = {"alg": alg, "kid": KEY.kid, "typ": "at+jwt"}
    message = ".".join(b64u(json.dumps(p).encode()) for p in (head, CLAIMS))
    return message + "." + b64u(hmac.new(secret, message.encode(), hashlib.sha256).digest())


PEM = KEY.public.public_bytes(
    serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
)
DER = KEY.public.public_bytes(
    serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
)
SSH = KEY.public.public_bytes(serialization.Encoding.OpenSSH, serialization.PublicFormat.OpenSSH)
HEAD = {"alg": "ES256", "kid": KEY.kid, "typ": "at+jwt"}
GOOD = signed()
FORGED = {
    "empty": "",
    "no dots": "abc",
    "two segments": GOOD.rpartition(".")[0],
    "four segments": GOOD + ".abc",
    "unsigned": GOOD.rpartition(".")[0] + ".",
    "alg none": signed(header={**HEAD, "alg": "none"}),
    "alg None": signed(header={**HEAD, "alg": "None"}),
    "HS256 with the public key as PEM": hmac_signed(PEM),
    "HS256 with the public key as DER": hmac_signed(DER),
    "HS256 with the public key as SSH": hmac_signed(SSH),
    "HS256 with the public key as JWK": hmac_signed(json.dumps(KEYS.to_jwks()["keys"][0]).encode()),
    "ES384": signed(header={**HEAD, "alg": "ES384"}),
    "another typ": signed(header={**HEAD, "typ": "JWT"}),
    "no typ": signed(header={"alg": "ES256", "kid": KEY.kid}),
    "no kid": signed(header={"alg": "ES256", "typ": "at+jwt"}),
    "unknown kid": signed(header={**HEAD, "kid": "x"}),
    "kid a number": signed(header={**HEAD, "kid": 1}),
    **{f"header member {m}": signed(header={**HEAD, m: "x"}) for m in ("crit", "jku", "jwk", "x5u", "x5c", "b64", "zip", "enc", "extra")},
    "header twice alg": signed(header=b'{"alg":"none","alg":"ES256","kid":"%s","typ":"at+jwt"}' % KEY.kid.encode()),
    "header a list": signed(header=b"[]"),
    "header not JSON": signed(header=b"{"),
    "payload twice sub": signed(claims=json.dumps(CLAIMS).encode()[:-1] + b',"sub":"y"}'),
    "payload a list": signed(claims=b"[]"),
    "payload NaN": signed(claims=json.dumps(CLAIMS).encode()[:-1] + b',"n":NaN}'),
    "payload 10^5 deep": signed(claims=b"[" * 400 + b"]" * 400),
    "signed by a stranger": signed(key=SigningKey.generate()),
    "altered payload": GOOD.split(".")[0] + "." + b64u(json.dumps({**CLAIMS, "sub": "y"}).encode()) + "." + GOOD.split(".")[2],
    "altered signature": GOOD[:-6] + ("AAAAAA" if GOOD[-6:] != "AAAAAA" else "BBBBBB"),
    "padded": GOOD + "=",
    "standard alphabet": GOOD.replace("-", "+").replace("_", "/") + "/",
    "trailing newline": GOOD + "\n",
    "too long": GOOD + "A" * 5000,
    "another issuer": signed(claims={**CLAIMS, "iss": "them"}),
    "another audience": signed(claims={**CLAIMS, "aud": "us"}),
    "audience a list": signed(claims={**CLAIMS, "aud": ["them"]}),
    "no jti": signed(claims={k: v for k, v in CLAIMS.items() if k != "jti"}),
    "issued in the future": signed(claims={**CLAIMS, "iat": NOW + 31, "exp": NOW + 60}),
    "not valid yet": signed(claims={**CLAIMS, "nbf": NOW + 31}),
    "lives too long": signed(claims={**CLAIMS, "exp": NOW + 61}),
    "ends before it begins": signed(claims={**CLAIMS, "exp": NOW - 1}),
    **{f"exp as {type(v).__name__} {v}": signed(claims={**CLAIMS, "exp": v}) for v in (str(NOW + 60), True, NOW + 60.0, None, 10**30, -1)},
    "no exp": signed(claims={k: v for k, v in CLAIMS.items() if k != "exp"}),
}  # fmt: skip


@pytest.mark.parametrize("token", FORGED.values(), ids=FORGED)
def test_a_forged_or_malformed_token_is_refused(token):
    with pytest.raises(TokenRefused):
        read(token)


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
