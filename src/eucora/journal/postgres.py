"""The journal on PostgreSQL: one group commit is one transaction of six statements, however many batches it holds.

Rule 1: shards are locked first, in ascending order; positions, `received` and every decision are made under the lock.
Rule 2: nothing that was read before the lock is trusted after it. Rule 3: a result is given after COMMIT, never before.
What was chosen and why: docs/decisions/journal.md.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import asyncpg

from eucora import sealing, sql
from eucora.batch import Appended, Checked, Entry
from eucora.clock import EPOCH
from eucora.journal.cold import Cold
from eucora.journal.entries import Row, entry_of, key_needed, place_of, received_of
from eucora.journal.founding import keep_partitions
from eucora.journal.heads import Chain, unpack
from eucora.journal.keys import Key, Keyring, Owner
from eucora.journal.ledger import (
    ENTRY_COLUMNS,
    LANE_NAME,
    Head,
    Incoming,
    Ledger,
    Shard,
    Siblings,
    Standing,
    Used,
    columns,
)
from eucora.journal.port import Place, shard_of
from eucora.journal.shares import shares
from eucora.problems import TryLater
from eucora.slice import Pool, Transaction
from eucora.stores.ports import Objects
from eucora.stores.postgres import translated
from eucora_wire.answer import Receipt

SQL = sql.load(__file__)
ATTEMPTS = 3
MOST_BYTES = 16 * 2**20
"""A read ends with the body that reaches this, so that large ones do not fill the reader's memory."""


class _Raced(Exception):
    """Another device took the same new stream in between, under another shard's lock."""


class PostgresJournal:
    """Implements port.Journal. `objects` holds the segments. `fsync=False` is for pricing the promise in benchmarks,
    and breaks it."""

    def __init__(
        self,
        pool: Pool,
        keyring: Keyring,
        *,
        epoch: int,
        shards: int,
        objects: Objects | None = None,
        fsync: bool = True,
    ) -> None:
        self._pool, self._keyring = pool, keyring
        self._cold = None if objects is None else Cold(pool, objects)
        self._epoch, self._shards, self._fsync = epoch, shards, fsync
        self._since: dict[Place, tuple[int, datetime]] = {}

    async def append(self, batches: Sequence[Checked]) -> list[Appended]:
        """One group commit; see port.Journal."""
        if not batches:
            return []
        incoming = await self._prepare(batches)
        for _ in range(ATTEMPTS):
            try:
                with translated():
                    return await self._commit(incoming)
            except _Raced:
                continue
            except (
                asyncpg.CheckViolationError
            ):  # no partition for today: nobody called keep_partitions since three days
                await keep_partitions(self._pool)
        raise TryLater("journal-unavailable", "the group could not be committed")

    async def _prepare(self, batches: Sequence[Checked]) -> list[Incoming]:
        """Digests and sealed bodies, before any lock is taken."""
        keys = await self._keyring.ensure({_owner(batch) for batch in batches if batch.body is not None})
        return [
            _incoming(batch, shard_of(batch.seal.device, self._shards), keys.get(_owner(batch))) for batch in batches
        ]

    async def _commit(self, incoming: list[Incoming]) -> list[Appended]:
        async with self._pool.acquire() as connection, connection.transaction():
            if not self._fsync:
                await connection.execute("SET LOCAL synchronous_commit = off")
            locked = await connection.fetch(SQL.lock_shards, sorted({each.shard for each in incoming}))
            standings, ledger = await self._look_up(connection, incoming, locked)
            results = list(map(ledger.enter, incoming, standings))
            if ledger.changed:
                await _write(connection, ledger)
        return results

    async def _look_up(
        self, tx: Transaction, incoming: list[Incoming], locked: list[Any]
    ) -> tuple[list[Standing], Ledger]:
        streams = [each.batch.seal.stream for each in incoming]
        keyids, key_nos = [each.batch.signed.keyid for each in incoming], [each.key_no for each in incoming]
        rows = await tx.fetch(SQL.look_up, streams, keyids, key_nos)
        now = rows[0][0]
        shards = {shard: Shard([live, replay], max(now, received)) for shard, live, replay, received in locked}
        heads = {stream: _head(row) for stream, row in zip(streams, rows, strict=True) if row[4] is not None}
        ledger = Ledger(
            self._epoch, shards, heads, await _siblings(tx, incoming, heads), await _used(tx, incoming, heads)
        )
        return [Standing(row[1], row[2], row[3]) for row in rows], ledger

    async def read(self, after: Mapping[Place, int], most: int) -> list[Entry]:
        """Up to `most` entries beyond the positions given, live places first, the rest shared fairly; what is not hot
        any more comes from segments."""
        with translated():
            shards, lanes = [shard for shard, _ in after], [lane for _, lane in after]
            tips = await self._pool.fetch(SQL.tips_beyond, shards, lanes, list(after.values()))
            upto = shares({(shard, lane): (after[shard, lane], tip) for shard, lane, tip in tips}, most)
            hot = unbroken(await self._fetch(after, upto), after) if upto else []
            rows = hot + await self._from_segments(after, upto, hot)
        keys = await self._keyring.by_number({key_no for row in rows if (key_no := key_needed(row)) is not None})
        for row in rows:
            shard, lane, position = place_of(row)
            self._since[shard, lane] = (position, received_of(row))
        return [entry_of(row, keys) for row in rows]

    async def _from_segments(self, after: Mapping[Place, int], upto: Mapping[Place, int], hot: list[Row]) -> list[Row]:
        """What is not hot any more. Looked up after the hot rows: a day is dropped after its segments are named.

        The object store being away holds up no place whose entries are hot.
        """
        behind = {place: after[place] for place in upto.keys() - {place_of(row)[:2] for row in hot}}
        if not behind:
            return []
        try:
            if self._cold is None:
                raise TryLater("store-unavailable", "this journal was opened without its object store")
            found = await self._cold.read(behind, sum(upto[place] - after[place] for place in behind), MOST_BYTES)
        except TryLater:
            if hot:
                return []
            raise
        if not found and not hot:
            raise TryLater("journal-unavailable", "entries are neither in the database nor in a segment")
        return found

    async def _fetch(self, after: Mapping[Place, int], upto: Mapping[Place, int]) -> list[Row]:
        return await self._pool.fetch(
            SQL.read,
            [shard for shard, _ in upto],
            [lane for _, lane in upto],
            [after[place] for place in upto],
            list(upto.values()),
            [self._received_by(place, after[place]) for place in upto],
            MOST_BYTES,
        )

    def _received_by(self, place: Place, position: int) -> datetime:
        """A time at or before which nothing beyond this position was received: `received` never goes back."""
        known, received = self._since.get(place, (0, EPOCH))
        return received if known <= position else EPOCH

    async def tips(self) -> dict[Place, int]:
        """The last position of every place."""
        with translated():
            rows = await self._pool.fetch(SQL.tips)
        return {(row["shard"], lane): row[name] for row in rows for lane, name in enumerate(LANE_NAME)}


def unbroken(rows: Sequence[Row], after: Mapping[Place, int]) -> list[Row]:
    """Rows of each place from the position after `after` on; what lies beyond a hole waits until that was read."""
    at, kept = dict(after), []
    for row in rows:
        shard, lane, position = place_of(row)
        if position == at[shard, lane] + 1:
            at[shard, lane] = position
            kept.append(row)
    return kept


def _owner(batch: Checked) -> Owner:
    """Whose key the body lies under: the subject's, or the device's where nobody is."""
    seal = batch.seal
    return ("device", seal.device) if seal.subject is None else ("subject", seal.subject)


def _incoming(batch: Checked, shard: int, key: Key | None) -> Incoming:
    digest = batch.signed.batch_digest
    if batch.body is None or key is None:
        return Incoming(batch, shard, digest, None, None, erased=False)
    body = None if key.aead is None else sealing.seal(key.aead, batch.body, digest)
    return Incoming(batch, shard, digest, key.key_no, body, erased=key.aead is None)


def _head(row: Any) -> Head:
    _, _, _, _, device, number, last, digest, gaps, last_item, joins, fork, received, rewound = row
    return Head(device, number, Chain(last, digest, unpack(gaps)), last_item, joins, fork, received, rewound)


async def _siblings(tx: Transaction, incoming: list[Incoming], heads: Mapping[Any, Head]) -> Siblings:
    """The other streams of devices that begin a stream."""
    seals = (each.batch.seal for each in incoming)
    devices = {seal.device for seal in seals if seal.sequence == 1 or seal.stream not in heads}
    found: Siblings = {}
    for device, stream, number, digest in await tx.fetch(SQL.siblings, list(devices)) if devices else ():
        found.setdefault(device, {})[stream] = (number, digest)
    return found


async def _used(tx: Transaction, incoming: list[Incoming], heads: Mapping[Any, Head]) -> Used:
    """What stands under the sequences that may be used already."""
    seals = (each.batch.seal for each in incoming)
    asked = [s for s in seals if s.stream in heads and s.sequence <= heads[s.stream].chain.last]
    if not asked:
        return {}
    rows = await tx.fetch(SQL.used, [s.stream for s in asked], [s.sequence for s in asked])
    return {
        (stream, sequence): (digest, Receipt(epoch, shard, LANE_NAME[lane], position, received))
        for stream, sequence, digest, epoch, shard, lane, position, received in rows
    }


async def _write(tx: Transaction, ledger: Ledger) -> None:
    if ledger.entries:
        await tx.copy_records_to_table("journal_entries", records=ledger.entries, columns=ENTRY_COLUMNS)
    status: str = await tx.execute(SQL.write_down, *columns(ledger))
    if int(status.rpartition(" ")[2]) < len(ledger.changed):
        raise _Raced
    if ledger.forks:
        await tx.execute(SQL.note_forks, *map(list, zip(*ledger.forks, strict=True)))
