"""Keys that bodies lie under, one a subject or device, in a table that only its own role reads, wrapped by a key outside.

A destroyed key leaves its row: no new one is made for its owner. What this cache holds is at most 5 s behind; whether a
body is kept is decided in the append transaction.
"""

import hashlib
import uuid
from collections.abc import Collection, Iterable, Sequence
from typing import Any, Literal

from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from msgspec import Struct

from eucora import sealing, sql
from eucora.clock import monotonic
from eucora.problems import Misconfigured
from eucora.slice import Pool
from eucora.stores.postgres import translated

SQL = sql.load(__file__)
BEHIND_S = 5.0
OVERLAP_S = 600.0
"""How far back destructions are read again: longer than the transaction that destroyed may take to commit."""
MOST_CACHED = 200_000

Kind = Literal["subject", "device"]
Owner = tuple[Kind, uuid.UUID]


class Key(Struct, frozen=True):
    """`aead` is None when the key is destroyed."""

    key_no: int
    aead: AESGCM | None


class Keyring:
    """Keys by owner and by number. `keys_pool` is the role that alone sees wrapped keys."""

    def __init__(self, app_pool: Pool, keys_pool: Pool, wrapping: bytes) -> None:
        self._app, self._keys = app_pool, keys_pool
        self._wrapping = AESGCM(wrapping)
        self._wrapped_by = f"sha256:{hashlib.sha256(wrapping).hexdigest()[:16]}"
        self._by_owner: dict[Owner, Key] = {}
        self._by_number: dict[int, AESGCM | None] = {}
        self._looked_at = monotonic()

    async def ensure(self, owners: Collection[Owner]) -> dict[Owner, Key]:
        """The key of each owner, made when it never had one. Raises TryLater when the database is away."""
        await self._look_for_destroyed()
        found = {owner: known for owner in owners if (known := self._by_owner.get(owner)) is not None}
        missing = [owner for owner in set(owners) if owner not in found]
        if missing:
            with translated():
                found |= await self._load(missing)
                never = [owner for owner in missing if owner not in found]
                if never:
                    await self._make(never)
                    found |= await self._load(never)
        return found

    async def by_number(self, key_nos: Iterable[int]) -> dict[int, AESGCM | None]:
        """Keys to open with; None for one that is destroyed. Raises TryLater when the database is away."""
        await self._look_for_destroyed()
        wanted = set(key_nos)
        found = {number: self._by_number[number] for number in wanted if number in self._by_number}
        missing = [number for number in wanted if number not in found]
        if missing:
            with translated():
                rows = await self._keys.fetch(SQL.keys_by_number, missing)
            loaded = self._keep(rows).values()
            found |= dict.fromkeys(missing) | {key.key_no: key.aead for key in loaded}
        return found

    async def destroy(self, kind: Kind, owners: Sequence[uuid.UUID]) -> int:
        """Destroy for ever: what lies under these keys can't be opened again. How many were not destroyed before."""
        with translated():
            status: str = await self._keys.execute(SQL.destroy_keys, kind, list(set(owners)), self._wrapped_by)
        for owner in owners:
            self._drop((kind, owner))
        return int(status.rpartition(" ")[2])

    async def _load(self, owners: list[Owner]) -> dict[Owner, Key]:
        kinds, ids = [kind for kind, _ in owners], [owner for _, owner in owners]
        return self._keep(await self._keys.fetch(SQL.keys_of_owners, kinds, ids))

    async def _make(self, owners: list[Owner]) -> None:
        wrapped = [sealing.seal(self._wrapping, sealing.new_key(), _about(*owner)) for owner in owners]
        kinds, ids = [kind for kind, _ in owners], [owner for _, owner in owners]
        await self._keys.execute(SQL.make_keys, kinds, ids, self._wrapped_by, wrapped)

    def _keep(self, rows: Iterable[Sequence[Any]]) -> dict[Owner, Key]:
        loaded: dict[Owner, Key] = {}
        for key_no, kind, owner, wrapped in rows:
            loaded[kind, owner] = Key(key_no, None if wrapped is None else self._unwrap(wrapped, kind, owner))
        if len(self._by_owner) + len(loaded) > MOST_CACHED:
            self._by_owner.clear()
            self._by_number.clear()
        self._by_owner |= loaded
        self._by_number |= {key.key_no: key.aead for key in loaded.values()}
        return loaded

    def _unwrap(self, wrapped: bytes, kind: Kind, owner: uuid.UUID) -> AESGCM:
        try:
            return AESGCM(sealing.open_sealed(self._wrapping, wrapped, _about(kind, owner)))
        except sealing.Unopenable as exc:
            raise Misconfigured(
                "secrets/wrapping.key is not the one that this database's keys are wrapped by: restore it from your backup"
            ) from exc

    async def _look_for_destroyed(self) -> None:
        """Forget what others destroyed, at most each 5 s: one look-up by index."""
        since = monotonic() - self._looked_at
        if since < BEHIND_S:
            return
        with translated():
            rows = await self._app.fetch(SQL.destroyed_since, since + OVERLAP_S)
        self._looked_at += since
        for _, kind, owner in rows:
            self._drop((kind, owner))

    def _drop(self, owner: Owner) -> None:
        known = self._by_owner.pop(owner, None)
        if known is not None:
            self._by_number.pop(known.key_no, None)


def _about(kind: Kind, owner: uuid.UUID) -> bytes:
    return f"journal_keys.wrapped/{kind}/{owner}".encode()
