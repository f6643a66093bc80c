"""A consent receipt is believed when its signature and its notice hold, and not otherwise."""

import base64
import hashlib
import json

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256

from demo.consent_receipts import ReceiptRefused, verified

KEY = ec.derive_private_key(20261123, ec.SECP256R1())
NOTICE = "Vous décidez."


def b64u(content):
    return base64.urlsafe_b64encode(content).decode().rstrip("=")


def jwk(key, kid="k1"):
    numbers = key.public_key().public_numbers()
    return {"kid": kid, "x": b64u(numbers.x.to_bytes(32)), "y": b64u(numbers.y.to_bytes(32))}


def receipt(*, header=None, text=NOTICE, key=KEY):
    header = {"alg": "ES256", "kid": "k1", "typ": "consent-receipt+jwt", **(header or {})}
    payload = {
        "consent": {"id": "cns_1"},
        "notice": {"text": text, "sha256": hashlib.sha256(NOTICE.encode()).hexdigest()},
    }
    signed = ".".join(b64u(json.dumps(part).encode()) for part in (header, payload))
    r, s = decode_dss_signature(key.sign(signed.encode(), ec.ECDSA(SHA256())))
    return f"{signed}.{b64u(r.to_bytes(32) + s.to_bytes(32))}"


def test_a_receipt_says_what_was_signed():
    assert verified(receipt(), [jwk(KEY)])["consent"]["id"] == "cns_1"


@pytest.mark.parametrize(
    "wrong",
    [
        lambda: receipt(header={"alg": "none"}),
        lambda: receipt(header={"typ": "at+jwt"}),
        lambda: receipt(header={"kid": "k2"}),
        lambda: receipt(text="Autre texte."),
        lambda: receipt(key=ec.derive_private_key(7, ec.SECP256R1())),
        lambda: receipt()[:-8] + "AAAAAAAA",
        lambda: "a.b",
        lambda: "a.b.c",
    ],
    ids=[
        "algorithm",
        "type",
        "unknown key",
        "another notice",
        "another signer",
        "signature",
        "two parts",
        "no JSON",
    ],
)
def test_anything_else_is_refused(wrong):
    with pytest.raises(ReceiptRefused):
        verified(wrong(), [jwk(KEY)])
