"""Reads a consent receipt (a JWS, ES256) as the person's lawyer would: signature first."""

import base64
import binascii
import hashlib
import json
from collections.abc import Mapping, Sequence
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256

from demo.stops import Stop

_TYPE = "consent-receipt+jwt"
_HALF = 32
_SEGMENTS = 3


class ReceiptRefused(Stop):
    """The receipt is not what the platform signed."""


def verified(receipt: str, keys: Sequence[Mapping[str, str]]) -> Mapping[str, Any]:
    """Return what a receipt says, once its signature and its notice's digest hold.

    Raises:
        ReceiptRefused: one of them does not.
    """
    segments = receipt.split(".")
    if len(segments) != _SEGMENTS:
        raise ReceiptRefused("The consent receipt is no JWS.")
    header, payload = _object(segments[0]), _object(segments[1])
    if header.get("alg") != "ES256" or header.get("typ") != _TYPE:
        raise ReceiptRefused("The consent receipt is not of the announced type.")
    key = next((k for k in keys if k["kid"] == header.get("kid")), None)
    if key is None:
        raise ReceiptRefused("The consent receipt is signed by a key that is not published.")
    _check_signature(key, _bytes(segments[2]), f"{segments[0]}.{segments[1]}".encode())
    notice = payload["notice"]
    if hashlib.sha256(notice["text"].encode()).hexdigest() != notice["sha256"]:
        raise ReceiptRefused("The notice in the consent receipt is not the one of its digest.")
    return payload


def _check_signature(key: Mapping[str, str], signature: bytes, signed: bytes) -> None:
    numbers = ec.EllipticCurvePublicNumbers(_number(key["x"]), _number(key["y"]), ec.SECP256R1())
    encoded = encode_dss_signature(
        int.from_bytes(signature[:_HALF]), int.from_bytes(signature[_HALF:])
    )
    try:
        numbers.public_key().verify(encoded, signed, ec.ECDSA(SHA256()))
    except InvalidSignature:
        raise ReceiptRefused("The signature of the consent receipt does not hold.") from None


def _number(text: str) -> int:
    return int.from_bytes(_bytes(text))


def _object(segment: str) -> dict[str, Any]:
    try:
        found = json.loads(_bytes(segment))
    except ValueError:
        found = None
    if not isinstance(found, dict):
        raise ReceiptRefused("The consent receipt does not hold JSON objects.")
    return found


def _bytes(segment: str) -> bytes:
    try:
        return base64.urlsafe_b64decode(segment + "=" * (-len(segment) % 4))
    except (ValueError, binascii.Error):
        raise ReceiptRefused("The consent receipt is not base64url.") from None
