"""How a centre finds its own person again without a name in an address."""

import hashlib
import hmac

from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF


def keyed_digest(key: bytes, purpose: str, value: str) -> bytes:
    """HMAC-SHA256 of `value` under a key of its own for `purpose`, 32 bytes.

    A plain hash of a file number, or of a company's nine digits, is guessed back in seconds.
    """
    bound = HKDF(algorithm=SHA256(), length=32, salt=b"", info=purpose.encode()).derive(key)
    return hmac.new(bound, value.encode(), hashlib.sha256).digest()
