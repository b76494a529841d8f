"""The device's own key: made here, never leaves here. Ed25519, or P-256 where hardware wants it."""

from pathlib import Path

from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, load_pem_private_key

from eucora_agent import durable
from eucora_agent.problems import NotEnrolled
from eucora_wire.envelope import PrivateKey


def make(kind: str) -> PrivateKey:
    """A new key: `ed25519` or `p256`."""
    return ec.generate_private_key(ec.SECP256R1()) if kind == "p256" else ed25519.Ed25519PrivateKey.generate()


def store(path: Path, key: PrivateKey) -> None:
    """As PKCS#8 PEM, readable by its owner only."""
    durable.write(path, key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))


def load(path: Path) -> PrivateKey:
    """Raises NotEnrolled when there is no key."""
    try:
        key = load_pem_private_key(path.read_bytes(), None)
    except FileNotFoundError as exc:
        raise NotEnrolled from exc
    except ValueError as exc:
        raise NotEnrolled("the device's key is damaged: enrol again with a new token") from exc
    if not isinstance(key, ed25519.Ed25519PrivateKey | ec.EllipticCurvePrivateKey):
        raise NotEnrolled("the device's key is of a kind that can't sign: enrol again with a new token")
    return key
