"""The gap ledger in the database: what the digest read is accounted for in its own transaction, exactly once."""

import uuid
from collections.abc import Sequence
from datetime import datetime

from eucora.batch import Entry
from eucora.journal.accounts import Account, Gone, accounted, pack, told, unpack
from eucora.slice import Transaction
from eucora.sql import load

SQL = load(__file__, "account.sql")


async def account(tx: Transaction, entries: Sequence[Entry]) -> None:
    """Account for entries. A stream that goes on where it was costs its part of one statement, and is not read."""
    ranges: dict[uuid.UUID, list[tuple[int, int]]] = {}
    newest: dict[uuid.UUID, Entry] = {}
    gone: list[tuple[Entry, Gone]] = []
    for entry in entries:
        if entry.headers:  # of a device that was erased meanwhile nothing is left
            said = told(entry)
            ranges.setdefault(entry.stream, []).extend(said.ranges)
            newest[entry.stream] = entry
            gone += [(entry, each) for each in said.gone]
    whole = {stream: joined(parts) for stream, parts in ranges.items()}
    straight = {stream: parts[0] for stream, parts in whole.items() if len(parts) == 1}
    streams = sorted(straight)
    done = {
        row["stream"]
        for row in await tx.fetch(
            SQL.go_on, streams, [straight[s][0] for s in streams], [straight[s][1] for s in streams]
        )
    }
    await _rest(tx, {stream: parts for stream, parts in whole.items() if stream not in done}, newest)
    if gone:
        await tx.execute(
            SQL.note_gone,
            [entry.stream for entry, _ in gone],
            [entry.device for entry, _ in gone],
            [each.first for _, each in gone],
            [each.last for _, each in gone],
            [each.reason for _, each in gone],
            [each.told_at for _, each in gone],
        )


def joined(ranges: Sequence[tuple[int, int]]) -> list[tuple[int, int]]:
    """The same ordinals in as few ranges as there are, in ascending order."""
    found: list[tuple[int, int]] = []
    for first, last in sorted(ranges):
        if found and first <= found[-1][1] + 1:
            found[-1] = (found[-1][0], max(found[-1][1], last))
        else:
            found.append((first, last))
    return found


async def _rest(
    tx: Transaction, ranges: dict[uuid.UUID, list[tuple[int, int]]], newest: dict[uuid.UUID, Entry]
) -> None:
    """Streams that begin, that leave a gap, or that fill one."""
    if not ranges:
        return
    streams = sorted(ranges)
    known = {row["stream"]: unpack(row) for row in await tx.fetch(SQL.lock, streams)}
    after: dict[uuid.UUID, Account] = {
        stream: accounted(known.get(stream, Account()), ranges[stream], newest[stream].received) for stream in streams
    }
    await tx.execute(
        SQL.write,
        streams,
        [newest[stream].device for stream in streams],
        [newest[stream].stream_number for stream in streams],
        [after[stream].last for stream in streams],
        [pack(after[stream]) for stream in streams],
        [sum(each.last - each.first + 1 for each in after[stream].missing) for stream in streams],
        [_since(after[stream]) for stream in streams],
    )


def _since(account: Account) -> datetime | None:
    return min((each.since for each in account.missing), default=None)
