"""What keeps persons sealed: AES-256-GCM under a key a subject or device, keyed pseudonyms for look-up, HPKE for log-on.

Pure: keys are handed in. A sealed value is nonce (12 bytes) and ciphertext with tag; `about` binds it to its place.
"""

import hashlib
import hmac
import os

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hpke import AEAD, KDF, KEM, Suite

LOGON_INFO = b"eucora-logon"
SUITE = Suite(KEM.X25519, KDF.HKDF_SHA256, AEAD.AES_256_GCM)
NONCE = 12


class Unopenable(Exception):
    """The sealed value does not open: another key, another place, or altered bytes."""


def new_key() -> bytes:
    """32 random bytes."""
    return os.urandom(32)


def seal(key: AESGCM, plain: bytes, about: bytes) -> bytes:
    """nonce ‖ ciphertext ‖ tag."""
    nonce = os.urandom(NONCE)
    return nonce + key.encrypt(nonce, plain, about)


def open_sealed(key: AESGCM, sealed: bytes, about: bytes) -> bytes:
    """The inverse of `seal`. Raises Unopenable."""
    try:
        return key.decrypt(sealed[:NONCE], sealed[NONCE:], about)
    except InvalidTag as exc:
        raise Unopenable from exc


def pseudonym(secret: bytes, kind: str, value: str) -> bytes:
    """A keyed pseudonym for look-up: HMAC-SHA-256 over the kind and the case-folded value. Never a plain hash."""
    return hmac.new(secret, f"{kind}\x00{value.strip().casefold()}".encode(), hashlib.sha256).digest()


def open_logon(private: X25519PrivateKey, sealed: bytes) -> bytes:
    """What an agent sealed to the platform's log-on key (RFC 9180). Raises Unopenable."""
    try:
        return SUITE.decrypt(sealed, private, LOGON_INFO)
    except (InvalidTag, ValueError) as exc:
        raise Unopenable from exc
