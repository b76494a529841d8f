"""Under which policy data is collected: a signed document, named everywhere by its digest.

The first policy is the contract's own defaults: what the registry does not collect by default stays off.
"""

import base64
import hashlib
from typing import Any

import msgspec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from msgspec import Struct

from eucora.slice import Transaction
from eucora_wire.envelope import format_digest
from eucora_wire.registry import FIELDS

CADENCE_S = {"metrics": 60.0, "software": 900.0, "device": 3600.0, "crashes": 60.0, "state": 3600.0}
"""How often the agent looks: metrics each minute, inventory when it changed at most each quarter of an hour. `state`: how
often its heartbeat says what should be held, beside when that changed."""


class Policy(Struct, frozen=True):
    """`body` is canonical JSON, `digest` its content digest, `signature` Ed25519 over it in base64."""

    version: int
    body: bytes
    digest: str
    signature: str

    @property
    def terms(self) -> dict[str, Any]:
        return dict(msgspec.json.decode(self.body))


def first_policy(key: Ed25519PrivateKey) -> Policy:
    """Version 1: every field as the registry has it."""
    return sign({"version": 1, "cadence_s": CADENCE_S, "collect": {p: f.collected for p, f in FIELDS.items()}}, key)


def sign(terms: dict[str, Any], key: Ed25519PrivateKey) -> Policy:
    """A policy from its terms (`version`, `cadence_s`, `collect`)."""
    body = msgspec.json.encode(terms, order="sorted")
    digest = format_digest(hashlib.sha256(body).digest())
    return Policy(int(terms["version"]), body, digest, base64.b64encode(key.sign(body)).decode())


async def ensure_policy(tx: Transaction, key: Ed25519PrivateKey) -> str:
    """The digest of the active policy; the first one is made when there is none."""
    known = await tx.fetchval("SELECT policy FROM policies WHERE active")
    if known is not None:
        return str(known)
    policy = first_policy(key)
    await tx.execute(
        "INSERT INTO policies (policy, version, body, signature, active) VALUES ($1, $2, $3, $4, true) "
        "ON CONFLICT (policy) DO UPDATE SET active = true",
        policy.digest,
        policy.version,
        policy.body.decode(),
        policy.signature,
    )
    return policy.digest


async def active_policy(tx: Transaction) -> Policy:
    """The active policy as it was signed. jsonb keeps no bytes, so the canonical form is made again."""
    row = await tx.fetchrow("SELECT policy, version, body, signature FROM policies WHERE active")
    if row is None:
        raise LookupError("no policy is active")
    body = msgspec.json.encode(msgspec.json.decode(row["body"]), order="sorted")
    return Policy(row["version"], body, row["policy"], row["signature"])
