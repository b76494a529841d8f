"""Batches for the stages before the acknowledgement: sealed by a key of this module's own, nothing running."""

import uuid
from datetime import UTC, datetime
from typing import Any

import msgspec
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from eucora.journal.signers import Signer
from eucora.pipeline.collect import Arrival
from eucora.pipeline.validate import Rules
from eucora_wire.clock import Boot, Sent, format_sent
from eucora_wire.envelope import PrivateKey, Seal, algorithm_of, seal_batch, thumbprint
from eucora_wire.payload import Payload
from eucora_wire.sections.hardware import Hardware
from eucora_wire.sequence import Items

DEVICE, INSTALLATION, STREAM, BOOT = (uuid.UUID(int=n) for n in range(1, 5))
NOW = datetime(2026, 6, 1, 12, tzinfo=UTC)
NOW_MS = int(NOW.timestamp() * 1000)
ED25519 = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
P256 = ec.derive_private_key(20_260_601, ec.SECP256R1())
SENT = format_sent(Sent(Boot(BOOT, 1_000_000), NOW_MS))


def a_seal(count: int = 1, **changes: Any) -> Seal:
    seal = Seal(
        installation=INSTALLATION,
        device=DEVICE,
        policy="none",
        boot=Boot(BOOT, 1_000_000),
        stream=STREAM,
        sequence=1,
        items=Items(1, count),
        previous="none",
        clock_ms=NOW_MS,
        encoding="identity",
    )
    return msgspec.structs.replace(seal, **changes)


def a_payload(**fields: Any) -> Payload:
    return Payload(**{"device_id": DEVICE, "timestamp": NOW, "hardware": Hardware(cpu=12.5), **fields})


def arrival(body: bytes | None, seal: Seal | None = None, key: PrivateKey = ED25519, **headers: str) -> Arrival:
    """A sealed batch as a door hands it over; `headers` are changed after signing, with `_` for `-`."""
    sealed = seal_batch(seal or a_seal(), body or b"", key)
    changed = {name.replace("_", "-"): value for name, value in headers.items()}
    return Arrival({**sealed.headers, "eucora-sent": SENT, **changed}, body, NOW_MS)


def without(given: Arrival, name: str) -> Arrival:
    """The same arrival, but for one header."""
    return Arrival({k: v for k, v in given.headers.items() if k != name}, given.body, given.received_ms)


def signer(key: PrivateKey = ED25519, state: Any = "active", device: uuid.UUID = DEVICE) -> dict[str, Signer]:
    """What the platform knows of a key."""
    public = key.public_key()
    raw = b""
    if isinstance(key, Ed25519PrivateKey):
        raw = key.public_key().public_bytes(serialization.Encoding.Raw, serialization.PublicFormat.Raw)
    keyid = thumbprint(public)
    return {keyid: Signer(keyid, device, algorithm_of(public), public, raw, state)}


def rules(pace: Any = lambda device, lane: None, inflated_max: int = 2**20) -> Rules:
    return Rules(INSTALLATION, inflated_max, pace)
