"""What rests on the journal holds for sealed days too: erasure, proof of origin, the replay of a dead letter."""

import uuid
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import asyncpg
import pytest
from tests.conformance.journal.place import pass_days
from tests.eucora.line import Line, close_line, open_line

from eucora.journal import signers
from eucora.journal.entries import headers_of
from eucora.journal.postgres import PostgresJournal
from eucora.journal.seal import seal
from eucora.journal.segment import Row, decode
from eucora.pipeline import dead_letters
from eucora.pipeline.replay import Replayed, replay
from eucora.slice import Slice
from eucora_wire.envelope import Signed, format_digest, verify
from eucora_wire.payload import Payload
from eucora_wire.sections.hardware import Hardware

NOW = datetime.now(UTC)
SECRET = "the cat sat on the keyboard"


@pytest.fixture
async def line(database, objects, tmp_path) -> AsyncIterator[Line]:
    opened = await open_line(database.app_url, database.keys_url, tmp_path / "secrets")
    yield with_segments(opened, objects)
    await close_line(opened)


def with_segments(line: Line, objects) -> Line:
    """As assembled: a journal that reads segments too, and remembers nothing."""
    journal = PostgresJournal(line.app, line.keyring, epoch=1, shards=line.journal._shards, objects=objects)
    line.journal, line.house = journal, replace(line.house, journal=journal)
    return line


async def grow_old(line: Line, database, objects) -> None:
    """Three days pass; what all have read leaves the database."""
    await pass_days(database, 3)
    assert (await seal(line.app, objects, datetime.now(UTC), timedelta(days=2))).dropped
    assert await line.rows("SELECT count(*) FROM journal_entries") == [(0,)]
    with_segments(line, objects)


async def stored(line: Line, objects) -> list[Row]:
    """Every entry of every segment, as one reads them who has the files alone."""
    keys = [key for (key,) in await line.rows("SELECT object FROM journal_segments ORDER BY first")]
    return [row for key in keys for row in decode(await objects.get(key)).entries]


async def test_a_destroyed_key_closes_bodies_in_segments_and_every_chain_and_signature_still_verifies(
    line: Line, database, objects
):
    device, other = await line.enrol(), await line.enrol()
    anna, bob = uuid.uuid4(), uuid.uuid4()
    for _ in range(4):
        for each, subject in ((device, anna), (device, bob), (device, None), (other, bob)):
            body = b'[{"said":"%s"}]' % SECRET.encode()
            await line.append(each.batch([], body=body, encoding="identity", subject=subject))
    await line.digest()
    await grow_old(line, database, objects)
    assert await line.keyring.destroy("subject", [anna]) == 1

    entries = await line.journal.read(dict.fromkeys(await line.journal.tips(), 0), 100)
    assert len(entries) == 16
    assert {(e.subject, e.body is None, e.key_no is None) for e in entries} == {
        (anna, True, False), (bob, False, False), (None, False, False),
    }  # fmt: skip
    rows = await stored(line, objects)
    assert not any(SECRET.encode() in row.body for row in rows)
    known = await signers.load(line.app, {row.keyid for row in rows})
    last: dict[uuid.UUID, str] = {}
    for row in sorted(rows, key=lambda row: row.sequence):
        signer = known[row.keyid]
        signed = Signed(signer.keyid, signer.algorithm, row.signature, row.signed, 0)
        verify(signed, signer.key)
        assert signed.batch_digest == row.digest
        assert headers_of(row.signed)["eucora-previous"] == last.get(row.stream, "none")
        last[row.stream] = format_digest(row.digest)
    heads = await line.rows("SELECT stream, last_digest FROM journal_heads")
    assert {stream: format_digest(digest) for stream, digest in heads} == last


async def test_a_batch_whose_day_is_sealed_is_still_acknowledged_with_its_old_receipt(line: Line, database, objects):
    device = await line.enrol()
    batch = device.batch([Payload(device_id=device.id, timestamp=NOW)])
    (first,) = await line.append(batch)
    await line.digest()
    await grow_old(line, database, objects)
    (again,) = await line.journal.append([batch])
    assert (again.outcome, again.receipt.position) == ("duplicate", first.receipt.position)


async def test_a_dead_letter_whose_entry_is_sealed_is_replayed(line: Line, database, objects):
    async def refuse(plan, tx) -> None:
        if any(item.ordinal == 2 for item in plan.items):
            raise asyncpg.NumericValueOutOfRangeError

    device, whole = await line.enrol(), line.house
    line.house = replace(whole, slices=(*whole.slices, Slice("picky", absorb=refuse)))
    hardware = Hardware(cpu=1.0)
    payloads = [Payload(device_id=device.id, timestamp=NOW, hardware=hardware) for _ in range(3)]
    await line.append(device.batch([payloads[0]]), device.batch(payloads[1:]))
    await line.digest()
    (letter,) = await dead_letters.page(line.app)
    assert letter.position == 2
    await grow_old(line, database, objects)
    line.house = replace(line.house, slices=whole.slices)
    assert await replay(line.house, [letter.id]) == Replayed((letter.id,))
    assert await line.rows("SELECT count(*), count(DISTINCT item) FROM hot_metrics") == [(3, 3)]
