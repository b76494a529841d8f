"""The port Follower on a real Loki with the configuration that we ship, where the machine has one."""

import asyncio
import random
import uuid
from collections.abc import AsyncIterator, Iterator, Sequence
from datetime import datetime, timedelta
from typing import Any

import pytest
from tests.live.loki import Loki as Server

from eucora import clock
from eucora.batch import LATE
from eucora.problems import TryLater
from eucora.stores.loki import Loki
from eucora.stores.ports import Interval, Line, Parcel, Whose

NOW = clock.now().replace(microsecond=0)
MINUTE, DAY = timedelta(minutes=1), timedelta(days=1)
SHAPES = {
    1: {"kind": "log", "source": "sshd", "severity": "info"},
    2: {"kind": "crash", "source": 'evil",device="x', "severity": "error"},
}
PLAIN = (
    "-validation.reject-old-samples.max-age=168h",
    "-store.retention=24h",
    "-validation.allow-structured-metadata=false",
)


@pytest.fixture(scope="module")
def shared() -> Iterator[Server]:
    """A server for tests that leave it running; each writes of devices of its own."""
    server = Server()
    server.start()
    yield server
    server.close()


@pytest.fixture
async def follower(shared: Server) -> AsyncIterator[Loki]:
    opened = Loki(shared.url)
    yield opened
    await opened.close()


@pytest.fixture
def device() -> uuid.UUID:
    return uuid.uuid4()


def line(device: uuid.UUID, at: datetime, text: str = "it is {n}", shape: int = 1, **more: Any) -> Line:
    given: dict[str, Any] = {"subject": None, "count": 1, "fields": {"n": "7"}, "received": max(at, NOW)} | more
    marks = LATE if given["received"] - at > DAY else 0
    return Line(device=device, time=at, marks=marks, shape=shape, id=uuid.uuid4(), text=text, **given)


def minutes(device: uuid.UUID, count: int, ending: timedelta = timedelta(0)) -> list[Line]:
    return [line(device, NOW - ending - n * MINUTE) for n in reversed(range(count))]


def parcel(lines: Sequence[Line]) -> Parcel:
    return Parcel(lines, SHAPES)


def found(server: Server, device: uuid.UUID, days: int = 40) -> list[tuple[int, str]]:
    """(milliseconds, id) of every line of a device, by LogQL; each line once for each time that it is there."""
    logql = f'{{service_name="eucora"}} | device="{device}"'
    lines = server.query(logql, NOW - days * DAY, NOW + timedelta(hours=1))
    return sorted((ns // 1_000_000, said["id"]) for ns, _, said in lines)


def expected(lines: Sequence[Line]) -> list[tuple[int, str]]:
    return sorted((clock.to_ms(each.time), str(each.id)) for each in lines)


async def test_what_was_written_is_found_by_logql_with_all_that_it_says(
    follower: Loki, shared: Server, device: uuid.UUID
) -> None:
    subject = uuid.uuid4()
    told = line(device, NOW, "user of {n}, {unknown}", count=3, subject=subject, fields={"n": "7", "a.b": "c"})
    answer = await follower.write(parcel([told]))
    assert (answer.taken, answer.merged, answer.clamped, answer.refused) == (1, 0, 0, ())
    ((ns, text, said),) = shared.query(f'{{kind="log"}} | device="{device}"', NOW - DAY, NOW + DAY)
    assert ns // 1_000 == clock.to_us(told.time)
    assert text == "user of 7, {unknown}"
    assert {k: said[k] for k in ("id", "device", "subject", "count", "source", "field_n", "field_a_b")} == {
        "id": str(told.id),
        "device": str(device),
        "subject": str(subject),
        "count": "3",
        "source": "sshd",
        "field_n": "7",
        "field_a_b": "c",
    }


async def test_the_same_write_again_changes_nothing(follower: Loki, shared: Server, device: uuid.UUID) -> None:
    told = minutes(device, 50)
    every = f'count_over_time({{service_name="eucora"}} | device="{device}" [2h])'
    for _ in range(3):
        assert (await follower.write(parcel(told))).refused == ()
    assert found(shared, device) == expected(told)
    assert shared.number(f"sum({every})", NOW + MINUTE) == 50


async def test_told_again_after_a_flush_lines_are_shown_once_and_counted_once_by_id(
    follower: Loki, shared: Server, device: uuid.UUID
) -> None:
    told = minutes(device, 50)
    for _ in range(2):
        await follower.write(parcel(told))
        shared.flush()
    assert found(shared, device) == expected(told)
    ids = f'sum by (id) (count_over_time({{service_name="eucora"}} | device="{device}" [2h]))'
    assert shared.number(f"count({ids})", NOW + MINUTE) == 50


async def test_three_weeks_told_late_are_there_at_once_exactly_and_marked(
    follower: Loki, shared: Server, device: uuid.UUID
) -> None:
    fresh = minutes(device, 3)
    late = [line(device, NOW - 21 * DAY + n * 10 * MINUTE) for n in range(1_500)]
    await follower.write(parcel(fresh))
    for _ in range(2):
        assert (await follower.write(parcel(late))).refused == ()
    assert found(shared, device) == expected([*late, *fresh])
    marked = shared.query(f'{{kind="log"}} | device="{device}" | late="true"', NOW - 40 * DAY, NOW + DAY)
    assert len(marked) == len(late)


async def test_any_order_within_a_parcel_and_between_parcels_gives_the_same(
    follower: Loki, shared: Server, device: uuid.UUID
) -> None:
    told = [*minutes(device, 200), *minutes(device, 50, 3 * DAY)]
    mixed = random.Random(7).sample(told, len(told))
    for first in range(0, len(mixed), 40):
        assert (await follower.write(parcel(mixed[first : first + 40]))).refused == ()
    assert found(shared, device) == expected(told)


async def test_lines_of_one_moment_that_say_the_same_are_as_many_as_were_sent(
    follower: Loki, shared: Server, device: uuid.UUID
) -> None:
    told = [line(device, NOW, "equal") for _ in range(40)]
    await follower.write(parcel(told))
    assert found(shared, device) == expected(told)


async def test_a_line_from_the_future_counts_as_received(follower: Loki, shared: Server, device: uuid.UUID) -> None:
    ahead = line(device, NOW + 4000 * DAY, received=NOW)
    answer = await follower.write(parcel([ahead]))
    assert (answer.taken, answer.clamped, answer.refused) == (1, 1, ())
    assert found(shared, device) == [(clock.to_ms(NOW), str(ahead.id))]


async def test_what_is_too_old_is_named_and_holds_nothing_up(follower: Loki, shared: Server, device: uuid.UUID) -> None:
    fresh, late = minutes(device, 5), minutes(device, 5, 20 * DAY)
    too_old = [line(device, NOW - 35 * DAY + n * MINUTE) for n in range(500)]
    answer = await follower.write(parcel([*too_old, *late, *fresh]))
    (refused,) = answer.refused
    assert (refused.reason, refused.count, answer.taken) == ("too-old", 500, 10)
    assert (refused.first, refused.last) == (too_old[0].time, too_old[-1].time)
    assert found(shared, device) == expected([*late, *fresh])


async def test_one_line_that_no_server_takes_costs_no_other(follower: Loki, shared: Server, device: uuid.UUID) -> None:
    told = minutes(device, 30)
    huge = line(device, NOW, "x" * 400_000, fields={})
    answer = await follower.write(parcel([*told[:15], huge, *told[15:]]))
    assert [(r.reason, r.count) for r in answer.refused] == [("too-large", 1)]
    assert found(shared, device) == expected(told)


async def test_nothing_that_a_device_says_becomes_a_label_a_query_or_another_device(
    follower: Loki, shared: Server, device: uuid.UUID
) -> None:
    other = uuid.uuid4()
    evil = f'x" | device="{other}'
    fields = {"device": str(other), 'a" or "b': evil, "id": "1", "": "nameless", "line": "a\nb\x00\ud800"}
    told = line(device, NOW, f'{evil} {{device}} }} {{service_name="eucora-audit"}}', shape=2, fields=fields)
    assert (await follower.write(parcel([told]))).taken == 1
    assert found(shared, other) == []
    assert found(shared, device) == expected([told])
    ((_, _, said),) = shared.query(f'{{kind="crash"}} | device="{device}"', NOW - DAY, NOW + DAY)
    assert (said["service_name"], said["source"], said["field_device"]) == ("eucora", 'evil",device="x', str(other))
    assert set(shared.ask("/loki/api/v1/labels")["data"]) <= {
        "service_name",
        "kind",
        "severity",
        "shard",
        "__stream_shard__",
        "__time_shard__",
    }


async def test_a_server_killed_in_the_middle_gets_the_rest_when_it_is_back(device: uuid.UUID) -> None:
    server = Server()
    server.start()
    follower = Loki(server.url)
    told = minutes(device, 300)
    parts = [parcel(told[first : first + 30]) for first in range(0, 300, 30)]
    for part in parts[:5]:
        await follower.write(part)
    server.kill()
    with pytest.raises(TryLater):
        await follower.write(parts[5])
    await asyncio.to_thread(server.start)
    for part in parts[4:]:  # one again: killed between the write and the cursor
        assert (await follower.write(part)).refused == ()
    await follower.close()
    shown = found(server, device)
    server.close()
    assert shown == expected(told)


async def test_what_is_to_be_forgotten_is_asked_for_once_and_called_left_until_it_is_deleted(
    follower: Loki, shared: Server, device: uuid.UUID
) -> None:
    """A Loki deletes when its compactor comes round, hours later with what we ship: this test does not wait for it."""
    neighbour, whole = uuid.uuid4(), Interval(NOW - DAY, NOW - MINUTE)
    both = [*minutes(device, 60, 2 * MINUTE), *minutes(neighbour, 60, 2 * MINUTE)]
    await follower.write(parcel(both))
    for _ in range(3):
        assert (await follower.forget(Whose(device=device), whole)).left >= 1
    (asked,) = [a for a in shared.ask("/loki/api/v1/delete") if str(device) in a["query"]]
    assert asked["query"] == f'{{service_name="eucora"}} | device="{device}"'
    assert found(shared, neighbour) == expected(both[60:])


async def test_inspection_is_content_with_what_we_ship(follower: Loki) -> None:
    findings = {f.name: f for f in await follower.inspect()}
    assert {name: f.mend for name, f in findings.items() if f.state == "wrong"} == {}
    assert findings["reject_old_samples_max_age"].found == "29d"
    assert findings["retention"].found == "180d"
    assert findings["retention_audit"].found == "2y", "so it prints 730d"


async def test_inspection_of_a_plain_server_says_what_to_mend() -> None:
    server = Server(options=PLAIN)
    server.start()
    follower = Loki(server.url)
    wrong = {f.name: f.mend for f in await follower.inspect() if f.state == "wrong"}
    await follower.close()
    server.close()
    assert {"reject_old_samples_max_age", "retention", "structured_metadata"} <= wrong.keys()
    assert "29d" in wrong["reject_old_samples_max_age"]
