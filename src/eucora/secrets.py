"""Keys that lie outside the database: made at first start under `<data>/secrets` (0600), read at every other."""

import os
from pathlib import Path

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
from msgspec import Struct

from eucora.problems import Misconfigured


class Secrets(Struct, frozen=True):
    """wrapping: wraps subject and device keys · pseudonym: HMAC of look-ups · logon: HPKE · audit, policy: signatures."""

    wrapping: bytes
    pseudonym: bytes
    logon: X25519PrivateKey
    audit: Ed25519PrivateKey
    policy: Ed25519PrivateKey

    def __repr__(self) -> str:
        return "Secrets(…)"


def load(folder: Path, *, create: bool = False) -> Secrets:
    """All secrets of an installation. Raises Misconfigured when one is missing and may not be made."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    return Secrets(
        wrapping=_read(folder / "wrapping.key", create),
        pseudonym=_read(folder / "pseudonym.key", create),
        logon=X25519PrivateKey.from_private_bytes(_read(folder / "logon.key", create)),
        audit=Ed25519PrivateKey.from_private_bytes(_read(folder / "audit.key", create)),
        policy=Ed25519PrivateKey.from_private_bytes(_read(folder / "policy.key", create)),
    )


def raw_public(key: X25519PrivateKey | Ed25519PrivateKey) -> bytes:
    """The 32 bytes of the public half."""
    return key.public_key().public_bytes(serialization.Encoding.Raw, serialization.PublicFormat.Raw)


def write(path: Path, content: bytes) -> None:
    """A secret is whole or not there: written beside, synced, then renamed. Mode 0600."""
    beside = path.with_name(path.name + ".new")
    descriptor = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    beside.rename(path)


def _read(path: Path, create: bool) -> bytes:
    if not path.exists():
        if not create:
            raise Misconfigured(f"{path} is missing: restore it from your backup; without it sealed data stays sealed")
        write(path, os.urandom(32))
    content = path.read_bytes()
    if len(content) != 32:
        raise Misconfigured(f"{path} is damaged (not 32 bytes): restore it from your backup")
    return content
