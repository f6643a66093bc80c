"""Tokens that somebody forged or broke: one list for every kind of token (profile, section 9).

`forged` makes them of a key, a type and claims that hold; each differs from a good token in one
thing. `Forger.signed` really signs whatever it is given: what is refused then is refused for what
the token says, not because the signature is wrong.
"""

import hashlib
import hmac
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from cryptography.hazmat.primitives import serialization
from jose.backends.cryptography_backend import CryptographyECKey

from keel.tokens import PublicKeys, SigningKey, b64u

_DROP = object()


@dataclass(frozen=True)
class Forger:
    """A key, and the type and claims of a token that holds."""

    key: SigningKey
    typ: str
    claims: Mapping[str, Any]

    @property
    def header(self) -> dict[str, Any]:
        return {"alg": "ES256", "kid": self.key.kid, "typ": self.typ}

    def parts(self, header: Any = None, claims: Any = None) -> str:
        written = (self.header if header is None else header, claims or dict(self.claims))
        return ".".join(
            b64u(p if isinstance(p, bytes) else json.dumps(p).encode()) for p in written
        )

    def signed(self, header: Any = None, claims: Any = None, key: SigningKey | None = None) -> str:
        message = self.parts(header, claims)
        signer = CryptographyECKey((key or self.key)._private, "ES256")
        return f"{message}.{b64u(signer.sign(message.encode()))}"

    def says(self, **changed: Any) -> str:
        claims = {**self.claims, **changed}
        return self.signed(claims={n: v for n, v in claims.items() if v is not _DROP})

    def headed(self, **changed: Any) -> str:
        header = {**self.header, **changed}
        return self.signed(header={n: v for n, v in header.items() if v is not _DROP})

    def hmac_signed(self, secret: bytes, alg: str = "HS256") -> str:
        message = self.parts({**self.header, "alg": alg})
        digest = {"HS256": hashlib.sha256, "HS512": hashlib.sha512}[alg]
        return f"{message}.{b64u(hmac.new(secret, message.encode(), digest).digest())}"


def forged(key: SigningKey, typ: str, claims: Mapping[str, Any]) -> dict[str, str]:
    """Return the list, by what is wrong."""
    forger = Forger(key, typ, claims)
    return {
        **_segments(forger),
        **_algorithms(forger),
        **_headers(forger),
        **_payloads(forger),
        **_signatures(forger),
        **_claims(forger),
    }


def _segments(f: Forger) -> dict[str, str]:
    good = f.signed()
    head, body, seal = good.split(".")
    return {
        "no dots": "abc",
        "only dots": "..",
        "two segments": f"{head}.{body}",
        "four segments": f"{good}.abc",
        "five segments, as encrypted": f"{good}.abc.def",
        "an empty header": f".{body}.{seal}",
        "an empty payload": f"{head}..{seal}",
        "no signature": f"{head}.{body}.",
        "padded": good + "=",
        "a padded header": f"{head}=.{body}.{seal}",
        "the standard alphabet": f"{head}.{body}.{seal[:-2]}+/",
        "a space inside": f"{head}. {body}.{seal}",
        "a tab inside": f"{head}.{body}\t.{seal}",
        "a letter that is not ASCII": f"{head}.{body}é.{seal}",
        "a zero that is not ASCII": f"{head}.{body}\u00b2.{seal}",
        "trailing bits in the signature": f"{head}.{body}.{_trailing(seal)}",
        "a length that base64 has not": f"{head}.{body}.{seal}AAA",
        "too long": good + "A" * 5000,
        "five megabytes": good + "A" * 5_000_000,
        "five megabytes of header": b64u(b"{" + b" " * 5_000_000 + b"}") + f".{body}.{seal}",
        "ten thousand dots": "." * 10_000,
        "another scheme's text": "Bearer " + good,
    }


def _trailing(segment: str) -> str:
    """Return the same bytes in another spelling: the unused bits of the last character set."""
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    return segment[:-1] + alphabet[alphabet.index(segment[-1]) | 1]


def _algorithms(f: Forger) -> dict[str, str]:
    public = f.key.public
    spki = serialization.PublicFormat.SubjectPublicKeyInfo
    pem = public.public_bytes(serialization.Encoding.PEM, spki)
    jwk = PublicKeys.of(f.key).to_jwks()["keys"][0]
    secrets = {
        "PEM": pem,
        "PEM without its last line feed": pem.rstrip(b"\n"),
        "DER": public.public_bytes(serialization.Encoding.DER, spki),
        "SSH": public.public_bytes(
            serialization.Encoding.OpenSSH, serialization.PublicFormat.OpenSSH
        ),
        "JWK": json.dumps(jwk).encode(),
        "JWK Set": json.dumps({"keys": [jwk]}).encode(),
        "key id": f.key.kid.encode(),
        "nothing": b"",
    }
    unsigned = {
        f"alg {name}, unsigned": f.parts({**f.header, "alg": name}) + "."
        for name in ("none", "None", "NONE", "nOnE")
    }
    return {
        **unsigned,
        **{f"HS256 with the {name}": f.hmac_signed(secret) for name, secret in secrets.items()},
        "HS512 with the PEM": f.hmac_signed(pem, "HS512"),
        **{
            f"alg {name}, signed all the same": f.headed(alg=name)
            for name in ("none", "HS256", "RS256", "PS256", "ES384", "ES512", "ES256K", "EdDSA", "es256", "")
        },
        "alg a list": f.headed(alg=["ES256"]),
        "alg a number": f.headed(alg=256),
        "alg null": f.headed(alg=None),
    }  # fmt: skip


def _headers(f: Forger) -> dict[str, str]:
    kid = f.key.kid.encode()
    typ = f.typ.encode()
    jwk = PublicKeys.of(f.key).to_jwks()["keys"][0]
    more: dict[str, Any] = {
        "crit": ["exp"], "jku": "http://elsewhere/jwks", "jwk": jwk, "x5u": "http://elsewhere/x",
        "x5c": ["AA=="], "x5t": "AA", "b64": False, "zip": "DEF", "enc": "A256GCM", "cty": "JWT",
        "epk": jwk, "p2c": 10**9, "extra": "x",
    }  # fmt: skip
    stranger = SigningKey.generate()
    return {
        **{f"header member {name}": f.headed(**{name: value}) for name, value in more.items()},
        "a key of its own, signed by it": f.signed(
            header={**f.header, "jwk": PublicKeys.of(stranger).to_jwks()["keys"][0]}, key=stranger
        ),
        "no typ": f.headed(typ=_DROP),
        "no kid": f.headed(kid=_DROP),
        "no alg": f.headed(alg=_DROP),
        **{
            f"typ {name}": f.headed(typ=name)
            for name in ("JWT", "application/" + f.typ, f.typ.upper(), "pass+jwt", "consent-receipt+jwt", "")
        },
        "typ a list": f.headed(typ=[f.typ]),
        "an unknown kid": f.headed(kid="x"),
        "a kid that is a path": f.headed(kid="../../dev/null"),
        "a kid that is a query": f.headed(kid="' OR '1'='1"),
        "a kid that is a number": f.headed(kid=1),
        "a kid that is a list": f.headed(kid=[f.key.kid]),
        "a kid that is null": f.headed(kid=None),
        "a kid with NUL": f.headed(kid=f.key.kid + "\x00"),
        "alg twice": f.signed(header=b'{"alg":"none","alg":"ES256","kid":"%s","typ":"%s"}' % (kid, typ)),
        "kid twice": f.signed(header=b'{"alg":"ES256","kid":"x","kid":"%s","typ":"%s"}' % (kid, typ)),
        "typ twice": f.signed(header=b'{"alg":"ES256","kid":"%s","typ":"x","typ":"%s"}' % (kid, typ)),
        "header a list": f.signed(header=b"[]"),
        "header a text": f.signed(header=b'"x"'),
        "header null": f.signed(header=b"null"),
        "header not JSON": f.signed(header=b"{"),
        "header in UTF-16": f.signed(header=json.dumps(f.header).encode("utf-16")),
        "header with a byte order mark": f.signed(header=b"\xef\xbb\xbf" + json.dumps(f.header).encode()),
        "header not UTF-8": f.signed(header=b'{"alg":"ES256","kid":"\xff","typ":"%s"}' % typ),
    }  # fmt: skip


def _payloads(f: Forger) -> dict[str, str]:
    text = json.dumps(dict(f.claims)).encode()[:-1]
    return {
        "a claim twice": f.signed(claims=text + b',"sub":"somebody"}'),
        "exp twice": f.signed(claims=text + b',"exp":9999999999}'),
        "payload a list": f.signed(claims=b"[]"),
        "payload a text": f.signed(claims=b'"x"'),
        "payload a number": f.signed(claims=b"1"),
        "payload not JSON": f.signed(claims=b"{"),
        "payload with more behind": f.signed(claims=text + b"} {}"),
        "payload with NaN": f.signed(claims=text + b',"n":NaN}'),
        "payload with Infinity": f.signed(claims=text + b',"n":-Infinity}'),
        "payload with half a character": f.signed(claims=text + rb',"n":"\ud800"}'),
        "payload with NUL": f.signed(claims=text + rb',"n":"\u0000"}'),
        "payload not UTF-8": f.signed(claims=text + b',"n":"\xff"}'),
        "payload 400 deep": f.signed(claims=text + b',"n":' + b"[" * 400 + b"]" * 400 + b"}"),
        "payload 10^5 deep": f.signed(claims=b"[" * 100_000 + b"]" * 100_000),
        "payload 10^5 deep, open": f.signed(claims=b'{"a":' * 100_000),
        "an empty payload object": f.signed(claims=b"{}"),
    }


def _signatures(f: Forger) -> dict[str, str]:
    good = f.signed()
    head, body, seal = good.split(".")
    other = b64u(json.dumps({**f.claims, "sub": "somebody"}).encode())
    return {
        "signed by a stranger": f.signed(key=SigningKey.generate()),
        "another payload under the same signature": f"{head}.{other}.{seal}",
        "an altered signature": f"{head}.{body}.{('B' if seal[0] == 'A' else 'A') + seal[1:]}",
        "half a signature": f"{head}.{body}.{seal[:43]}",
        "a signature of zeros": f"{head}.{body}.{b64u(bytes(64))}",
        "a signature of ones": f"{head}.{body}.{b64u(bytes([255]) * 64)}",
        "a signature twice as long": f"{head}.{body}.{b64u(bytes(128))}",
        "a signature in DER": f"{head}.{body}.{b64u(bytes.fromhex('3006020101020101'))}",
    }


def _no_dates(right: int) -> dict[str, Any]:
    """What is no date, though most would pass for the right one where types are not looked at."""
    return {
        "as a text": str(right),
        "as a half": right + 0.5,
        "as a float": float(right),
        "as true": True,
        "as null": None,
        "in a list": [right],
        "in an object": {"at": right},
        "huge": 10**30,
        "past every integer": 2**63,
        "negative": -right,
    }


def _claims(f: Forger) -> dict[str, str]:
    now, aud = int(f.claims["iat"]), f.claims["aud"]
    dates = {
        f"{name} {kind}": f.says(**{name: value})
        for name in ("exp", "iat", "nbf")
        for kind, value in _no_dates(int(f.claims[name])).items()
    }
    return {
        **dates,
        "no exp": f.says(exp=_DROP),
        "no iat": f.says(iat=_DROP),
        "no nbf": f.says(nbf=_DROP),
        "issued in an hour": f.says(iat=now + 3600, exp=now + 3660),
        "not valid for an hour": f.says(nbf=now + 3600),
        "ended before it began": f.says(exp=now - 1),
        "lives for an hour": f.says(exp=now + 3600),
        "another issuer": f.says(iss="http://elsewhere"),
        "an issuer with a slash": f.says(iss=f"{f.claims['iss']}/"),
        "an issuer in a list": f.says(iss=[f.claims["iss"]]),
        "no issuer": f.says(iss=_DROP),
        "another audience": f.says(aud="http://elsewhere"),
        "an audience in a list": f.says(aud=[aud]),
        "two audiences": f.says(aud=[aud, "http://elsewhere"]),
        "no audience": f.says(aud=_DROP),
        "no jti": f.says(jti=_DROP),
        "a jti that is a number": f.says(jti=1),
    }
