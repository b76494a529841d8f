"""The gap ledger in the database: what the digest read is accounted for in its own transaction, exactly once."""

import uuid
from collections.abc import Mapping, Sequence
from typing import Any

from eucora.batch import Entry
from eucora.journal.intervals import Account, Ranges, accounted, begun, joined, pack, told, unpack
from eucora.slice import Transaction
from eucora.sql import load

SQL = load(__file__, "account.sql")


async def account(tx: Transaction, entries: Sequence[Entry]) -> None:
    """Account for entries. A stream that goes on where it was costs its part of one statement, and is not read."""
    ranges: dict[uuid.UUID, Ranges] = {}
    newest: dict[uuid.UUID, Entry] = {}
    begins: dict[uuid.UUID, int] = {}
    gone: list[tuple[Any, ...]] = []
    for entry in entries:
        if entry.headers:  # of a device that was erased meanwhile nothing is left
            said = told(entry.headers)
            ranges.setdefault(entry.stream, []).extend(said.ranges)
            newest[entry.stream] = entry
            if entry.sequence == 1:
                begins[entry.stream] = said.ranges[0][0]
            gone += [(entry.stream, entry.device, *each, entry.received) for each in said.gone]
    whole = {stream: joined(parts) for stream, parts in ranges.items()}
    straight = [(stream, *parts[0]) for stream, parts in sorted(whole.items()) if len(parts) == 1]
    done = {row["stream"] for row in await tx.fetch(SQL.go_on, *columns(straight, 3))}
    await _rest(tx, {stream: parts for stream, parts in whole.items() if stream not in done}, newest, begins)
    if gone:
        await tx.execute(SQL.note_gone, *columns(gone, 6))


def columns(rows: Sequence[tuple[Any, ...]], width: int) -> list[list[Any]]:
    """Rows as a statement takes them: an array a column."""
    return [[row[n] for row in rows] for n in range(width)]


async def _rest(
    tx: Transaction,
    ranges: Mapping[uuid.UUID, Ranges],
    newest: Mapping[uuid.UUID, Entry],
    begins: Mapping[uuid.UUID, int],
) -> None:
    """Streams that begin, that leave a gap, or that fill one."""
    if not ranges:
        return
    known = {row["stream"]: row for row in await tx.fetch(SQL.lock, sorted(ranges))}
    rows = []
    for stream, parts in sorted(ranges.items()):
        entry = newest[stream]
        row = known.get(stream)
        # A stream that begins with a gap after a restore began before it.
        restored = entry.epoch > 1 if row is None else row["restored"]
        before = Account() if row is None else unpack(row)
        if stream in begins:
            before = begun(before, begins[stream])
        after = accounted(before, parts, entry.received, restored)
        since = min((each.since for each in after.missing), default=None)
        state = (after.last, pack(after), after.items_missing, since, after.begins)
        rows.append((stream, entry.device, entry.stream_number, *state))
    await tx.execute(SQL.write, *columns(rows, 8))
