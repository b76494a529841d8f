"""What can't be stored is kept with its reason, sealed, once, within bounds; and may be tried again."""

import uuid
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import asyncpg
import pytest
import zstandard
from tests.eucora.line import Device, Line

from eucora.batch import Plan, Verdict
from eucora.ids import dead_letter_id
from eucora.pipeline import dead_letters, inflate
from eucora.pipeline.replay import replay
from eucora.problems import TryLater
from eucora.slice import Slice
from eucora_agent.packing import pack
from eucora_wire.dictionary import UnknownDictionary, newest
from eucora_wire.payload import Payload, encode
from eucora_wire.problems import BASE, ItemProblem
from eucora_wire.sections.hardware import Hardware
from eucora_wire.sequence import Items

NOW = datetime.now(UTC)
SECRET = "4711.25"


def health(device: Device, cpu: float, when: datetime = NOW) -> Payload:
    return Payload(device_id=device.id, timestamp=when, hardware=Hardware(cpu=1.0, uptime=cpu))


def picky(faulty: float, error: type[Exception] = asyncpg.NumericValueOutOfRangeError) -> Slice:
    """A slice that PostgreSQL refuses one value of, as it would refuse a number too large for its column."""

    async def absorb(plan: Plan, tx: Any) -> None:
        if any(x.payload.hardware and x.payload.hardware.uptime == faulty for x in plan.items):
            if error is asyncpg.NumericValueOutOfRangeError:
                await tx.execute("SELECT 2147483647 + $1::int", 1)
            raise error("away")

    return Slice("picky", absorb=absorb)


async def letters(line: Line) -> list[dead_letters.Letter]:
    return await dead_letters.page(line.app)


async def test_one_item_that_the_database_refuses_is_found_and_all_others_are_stored(line: Line) -> None:
    line.house = replace(line.house, slices=(*line.house.slices, picky(13.0)))
    device, other = await line.enrol(), await line.enrol()
    await line.append(device.batch([health(device, n) for n in range(20)]), other.batch([health(other, 1.0)]))
    await line.digest()
    (letter,) = await letters(line)
    assert (letter.id, letter.ordinal) == (dead_letter_id(device.stream, 14), 14)
    assert (letter.reason, letter.detail, letter.state) == ("store-refused", "22003", "open")
    assert await line.rows("SELECT count(*), count(DISTINCT (device, item)) FROM hot_metrics") == [(20, 20)]


async def test_the_letter_of_a_batch_that_was_too_large_is_closed_when_its_items_come_again_in_smaller_ones(
    line: Line,
) -> None:
    device, other = await line.enrol(), await line.enrol()
    for each in (device, other):
        many = [health(each, n) for n in range(4)]
        await line.append(each.batch(many, verdict=Verdict("inflates-too-much")))
    await line.digest()
    assert {(x.device, x.state) for x in await letters(line)} == {(device.id, "open"), (other.id, "open")}
    for first, last in ((1, 2), (3, 4)):
        part = [health(device, n) for n in range(first - 1, last)]
        await line.append(device.batch(part, items=Items(first, last), voids=1))
    await line.digest()
    assert {(x.device, x.state) for x in await letters(line)} == {(device.id, "replayed"), (other.id, "open")}
    rows = await line.rows("SELECT device, item FROM hot_metrics ORDER BY item")
    assert rows == [(device.id, n) for n in (1, 2, 3, 4)]
    (closed,) = [x.id for x in await letters(line) if x.device == device.id]
    assert (await replay(line.house, [closed])).replayed == ()
    assert await line.rows("SELECT count(*) FROM hot_metrics") == [(4,)], "a replay stored the items a second time"


async def test_a_letter_is_closed_also_when_its_items_come_again_in_the_same_turn_of_the_digest(line: Line) -> None:
    device = await line.enrol()
    many = [health(device, n) for n in range(3)]
    await line.append(device.batch(many, verdict=Verdict("unknown-dictionary")))
    await line.append(device.batch(many, items=Items(1, 3), voids=1))
    await line.digest()
    assert [(x.reason, x.state) for x in await letters(line)] == [("unknown-dictionary", "replayed")]
    assert await line.rows("SELECT count(*), count(DISTINCT item) FROM hot_metrics") == [(3, 3)]


async def test_what_the_door_refused_for_its_dictionary_is_not_replayed_since_its_device_sends_it_again(
    line: Line,
) -> None:
    device = await line.enrol()
    await line.append(device.batch([health(device, n) for n in range(3)], verdict=Verdict("unknown-dictionary")))
    await line.digest()
    (letter,) = await letters(line)
    ((failed, why),) = (await replay(line.house, [letter.id])).failed
    assert (failed, why) == (letter.id, "its device sends the same items again by itself")
    assert await line.rows("SELECT count(*) FROM hot_metrics") == [(0,)]


async def test_what_a_worker_could_not_unpack_is_stored_whole_once_it_can(
    line: Line, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A door that was updated before its worker."""
    device = await line.enrol()
    body = pack(encode([health(device, n) for n in range(3)]), newest())
    await line.append(device.batch([health(device, n) for n in range(3)], body=body))
    monkeypatch.setattr(inflate, "_zstd", knows_none)
    await line.digest()
    monkeypatch.undo()
    (letter,) = await letters(line)
    assert (letter.reason, letter.state) == ("unknown-dictionary", "open")
    assert (await replay(line.house, [letter.id])).replayed == (letter.id,)
    assert await line.rows("SELECT item FROM hot_metrics ORDER BY item") == [(1,), (2,), (3,)]


def knows_none(number: int) -> zstandard.ZstdDecompressor:
    raise UnknownDictionary(number)


async def test_what_came_again_and_was_refused_again_keeps_a_letter_open(line: Line) -> None:
    device = await line.enrol()
    many = [health(device, n) for n in range(2)]
    await line.append(device.batch(many, verdict=Verdict("too-large")))
    again = device.batch(many[:1], items=Items(1, 1), voids=1, verdict=Verdict("too-large"))
    await line.append(again)
    await line.digest()
    assert sorted(x.state for x in await letters(line)) == ["open", "replayed"]


async def test_a_server_that_is_away_makes_no_dead_letter(line: Line) -> None:
    line.house = replace(line.house, slices=(picky(0.0, asyncpg.ConnectionDoesNotExistError),))
    device = await line.enrol()
    await line.append(device.batch([health(device, 0.0)]))
    with pytest.raises(TryLater):
        await line.digest()
    assert await letters(line) == []
    line.house = replace(line.house, slices=())
    assert await line.digest() == 1
    assert await line.rows("SELECT count(*) FROM hot_metrics") == [(1,)]


async def test_a_letter_holds_the_items_own_bytes_sealed_and_opens_for_whom_has_the_keys(line: Line) -> None:
    device = await line.enrol()
    await line.append(device.batch([health(device, float(SECRET), NOW - timedelta(days=60))]))
    await line.digest()
    (letter,) = await letters(line)
    ((sealed,),) = await line.rows("SELECT body FROM dead_letters")
    assert SECRET.encode() not in sealed
    body = await dead_letters.body(line.app, line.keyring, letter.id)
    assert body is not None
    assert SECRET.encode() in body
    await line.keyring.destroy("device", [device.id])
    assert await dead_letters.body(line.app, line.keyring, letter.id) is None


async def test_a_device_fills_no_disk_with_its_dead_letters(line: Line, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dead_letters, "MOST_A_DAY", 3)
    device = await line.enrol()
    old = NOW - timedelta(days=60)
    for _ in range(2):
        await line.append(device.batch([health(device, n, old) for n in range(5)]))
        await line.digest()
    found = await letters(line)
    assert sorted(x.count for x in found) == [1, 1, 1, 7]
    assert [x.kept for x in sorted(found, key=lambda x: x.count)] == [True, True, True, False]
    assert await dead_letters.states(line.app) == {"open": 10}


async def test_what_failed_for_a_fault_of_ours_is_stored_by_a_replay_once(line: Line) -> None:
    line.house = replace(line.house, slices=(picky(13.0),))
    device = await line.enrol()
    await line.append(device.batch([health(device, 13.0), health(device, 1.0)]))
    await line.digest()
    (letter,) = await letters(line)
    assert (await replay(line.house, [letter.id])).failed == ((letter.id, "store-refused"),)
    assert [(x.state, x.attempts) for x in await letters(line)] == [("failed", 1)]

    line.house = replace(line.house, slices=())
    assert (await replay(line.house, [letter.id])).replayed == (letter.id,)
    again = await replay(line.house, [letter.id])
    assert again.replayed == ()
    assert [(x.state, x.attempts) for x in await letters(line)] == [("replayed", 2)]
    rows = await line.rows("SELECT item, position, time FROM hot_metrics ORDER BY item")
    assert [(item, position) for item, position, _ in rows] == [(1, 1), (2, 1)]


async def test_a_batch_refused_whole_is_replayed_whole(line: Line) -> None:
    device = await line.enrol()
    await line.append(device.batch([health(device, n) for n in range(3)], verdict=Verdict("unreadable")))
    await line.digest()
    (letter,) = await letters(line)
    assert (await replay(line.house, [letter.id])).replayed == (letter.id,)
    assert await line.rows("SELECT item FROM hot_metrics ORDER BY item") == [(1,), (2,), (3,)]


async def test_what_is_still_wrong_fails_again_and_says_why(line: Line) -> None:
    device = await line.enrol()
    verdict = Verdict(items=(ItemProblem(1, BASE + "schema", "$.hardware.cpu", "Expected `float` <= 100.0"),))
    body = b'{"device_id":"%s","timestamp":"2026-11-24T00:00:00Z","hardware":{"cpu":250}}' % str(device.id).encode()
    await line.append(device.batch([health(device, 1.0)], body=body, encoding="identity", verdict=verdict))
    await line.append(device.batch([health(device, 1.0, NOW - timedelta(days=60))]))
    await line.digest()
    found = {x.reason: x.id for x in await letters(line)}
    assert set(found) == {"schema", "too-old"}
    told = dict((await replay(line.house, list(found.values()))).failed)
    assert told[found["too-old"]] == "too-old"
    assert told[found["schema"]] == "schema"
    assert await line.rows("SELECT count(*) FROM hot_metrics") == [(0,)]


async def test_letters_are_paged_newest_first_and_narrowed(line: Line) -> None:
    one, other = await line.enrol(), await line.enrol()
    old = NOW - timedelta(days=60)
    for device in (one, other, one):
        await line.append(device.batch([health(device, 1.0, old), health(device, 2.0, old)]))
    await line.digest()
    everything = await letters(line)
    assert [x.received for x in everything] == sorted((x.received for x in everything), reverse=True)
    first = await dead_letters.page(line.app, limit=4)
    rest = await dead_letters.page(line.app, after=first[-1].key)
    assert [x.id for x in first + rest] == [x.id for x in everything]
    assert {x.device for x in await dead_letters.page(line.app, device=one.id)} == {one.id}
    assert await dead_letters.page(line.app, state="replayed") == []
    assert len(await dead_letters.page(line.app, reason="too-old")) == 6
    assert await dead_letters.by_id(line.app, [uuid.uuid4()]) == []
