"""Enrolled keys: who may sign for which device. What the cache says is a courtesy; the append transaction decides."""

import uuid
from collections.abc import Iterable
from functools import lru_cache
from typing import Literal

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from msgspec import Struct

from eucora import sql
from eucora.clock import monotonic
from eucora.journal.founding import platform_of
from eucora.journal.port import shard_of
from eucora.problems import Refused
from eucora.slice import Pool, Transaction
from eucora.stores.postgres import translated
from eucora_wire.envelope import Algorithm, PublicKey

SQL = sql.load(__file__)
MOST_CACHED = 200_000

State = Literal["active", "replaced", "revoked"]


class Signer(Struct, frozen=True):
    """`raw` is the key as libsodium takes it (Ed25519: 32 bytes; P-256: empty). A replaced key still verifies.
    `simulated`: of a device that does not exist."""

    keyid: str
    device: uuid.UUID
    algorithm: Algorithm
    key: PublicKey
    raw: bytes
    state: State
    simulated: bool = False


async def register(tx: Transaction, keyid: str, device: uuid.UUID, algorithm: Algorithm, public_key: bytes) -> None:
    """Let a key (DER, SubjectPublicKeyInfo) sign for a device; again changes nothing. Raises Refused for a key that
    belongs to another device or was revoked."""
    _parse(public_key)
    await tx.execute(SQL.register, keyid, device, algorithm, public_key)
    row = await tx.fetchrow(SQL.signer, keyid)
    assert row is not None
    if row["state"] == "revoked":
        raise Refused("revoked-device", "this key was revoked: make a new one")
    if row["device"] != device:
        raise Refused("bad-request", "this key is enrolled for another device: make a new one")


async def replace(tx: Transaction, keyid: str) -> None:
    """A newer key stands beside this one: what was sealed under it still verifies."""
    await tx.execute(SQL.replace, keyid)


async def revoke(tx: "Pool | Transaction", device: uuid.UUID) -> int:
    """End every key of a device, under its shard's lock: nothing of it is committed afterwards. How many were ended."""
    platform = await platform_of(tx)
    status: str = await tx.execute(SQL.revoke, device, shard_of(device, platform.shards))
    return int(status.rpartition(" ")[2])


async def load(pool: "Pool | Transaction", keyids: Iterable[str]) -> dict[str, Signer]:
    """The signers that are enrolled, by key id."""
    with translated():
        rows = await pool.fetch(SQL.signers, list(keyids))
    return {row["keyid"]: _signer(*row) for row in rows}


def _signer(
    keyid: str, device: uuid.UUID, algorithm: Algorithm, public_key: bytes, state: State, simulated: bool
) -> Signer:
    key, raw = _parse(public_key)
    return Signer(keyid, device, algorithm, key, raw, state, simulated)


@lru_cache(maxsize=MOST_CACHED)
def _parse(public_key: bytes) -> tuple[PublicKey, bytes]:
    key = serialization.load_der_public_key(public_key)
    if isinstance(key, ed25519.Ed25519PublicKey):
        return key, key.public_bytes(serialization.Encoding.Raw, serialization.PublicFormat.Raw)
    if isinstance(key, ec.EllipticCurvePublicKey) and isinstance(key.curve, ec.SECP256R1):
        return key, b""
    raise Refused("bad-request", "the key must be Ed25519 or ECDSA P-256")


class SignerCache:
    """Signers as they were at most `ttl_s` ago; one that is not known is asked for each time."""

    def __init__(self, pool: Pool, ttl_s: float = 30.0) -> None:
        self._pool = pool
        self._ttl_s = ttl_s
        self._known: dict[str, tuple[float, Signer]] = {}

    async def get(self, keyids: Iterable[str]) -> dict[str, Signer]:
        """By key id; one that is not enrolled is absent."""
        oldest = monotonic() - self._ttl_s
        found, stale = {}, []
        for keyid in dict.fromkeys(keyids):
            at, signer = self._known.get(keyid, (oldest - 1, None))
            if signer is not None and at >= oldest:
                found[keyid] = signer
            else:
                stale.append(keyid)
        if stale:
            found |= await self._renew(stale)
        return found

    def forget(self, device: uuid.UUID) -> None:
        """Ask again at once: the device was revoked here."""
        self._known = {k: v for k, v in self._known.items() if v[1].device != device}

    async def _renew(self, keyids: list[str]) -> dict[str, Signer]:
        fresh = await load(self._pool, keyids)
        if len(self._known) + len(fresh) > MOST_CACHED:
            self._known.clear()
        for keyid in keyids:
            self._known.pop(keyid, None)
        at = monotonic()
        self._known.update((keyid, (at, signer)) for keyid, signer in fresh.items())
        return fresh
