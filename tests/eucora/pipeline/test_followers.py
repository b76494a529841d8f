"""A follower is told everything, whatever happens in between, and what is counted is counted once.

The server's side is a script here; tests/conformance/followers tells the real one.
"""

import asyncio
import uuid
from collections import Counter
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.eucora.line import Device, Line

from eucora import clock
from eucora.archive import masks
from eucora.archive.copies import Copies
from eucora.archive.feed import Feed
from eucora.batch import Verdict
from eucora.domains.all import erased
from eucora.pipeline import dead_letters, followers
from eucora.pipeline.followers import Paused, Taken, Teller, Telling, again, pause, pause_s, resume, states
from eucora.pipeline.replay import replay
from eucora.problems import EucoraError, Misconfigured, TryLater
from eucora.stores.ports import Away, Finding, Forgotten, Interval, Kind, Parcel, Refusal, Told, Whose
from eucora.stores.s3 import S3Objects
from eucora_wire.payload import Payload
from eucora_wire.sections.hardware import Hardware

NOW = datetime.now(UTC).replace(microsecond=0) - timedelta(minutes=1)


class Script:
    """Writes down what it is told; raises what it has to first."""

    name = "script"
    kind: Kind = "metrics"

    def __init__(self) -> None:
        self.parcels: list[Parcel] = []
        self.failures: list[EucoraError | None] = []
        self.refused: tuple[Refusal, ...] = ()
        self.forgotten: list[tuple[uuid.UUID, Interval]] = []
        self.left: list[int] = []
        self.closed = False

    async def write(self, parcel: Parcel) -> Told:
        failure = self.failures.pop(0) if self.failures else None
        if failure is not None:
            raise failure
        self.parcels.append(parcel)
        return Told(sum(len(r.values) for r in parcel.rows), 0, 0, self.refused)

    async def forget(self, whose: Whose, interval: Interval) -> Forgotten:
        if self.closed:
            raise Misconfigured("start it with --web.enable-admin-api")
        assert whose.device is not None
        self.forgotten.append((whose.device, interval))
        return Forgotten(self.left.pop(0) if self.left else 0)

    async def inspect(self) -> tuple[Finding, ...]:
        return ()

    async def close(self) -> None:
        return None

    def told(self) -> Counter[Any]:
        return Counter((r.device, r.time) for parcel in self.parcels for r in parcel.rows)


@pytest.fixture
async def fed(line: Line, servers: Any, tmp_path: Path) -> AsyncIterator[Feed]:
    objects = S3Objects(servers.s3, "eucora-data")
    yield Feed(line.app, Copies(objects, tmp_path / "fed", 2**24), "metrics", partial(erased, line.app))
    await objects.close()


@pytest.fixture
def script() -> Script:
    return Script()


def payloads(device: Device, count: int) -> list[Payload]:
    return [
        Payload(device_id=device.id, timestamp=NOW - timedelta(minutes=n), hardware=Hardware(cpu=float(n)))
        for n in range(count)
    ]


async def digested(line: Line, count: int = 10, device: Device | None = None) -> Device:
    device = device or await line.enrol()
    await line.append(*[device.batch([p]) for p in payloads(device, count)])
    await line.digest()
    return device


async def until(condition: Any, ended: asyncio.Event) -> None:
    async with asyncio.timeout(20):
        while True:
            if await condition():
                return ended.set()
            await asyncio.sleep(0.02)


async def tell_all(teller: Teller) -> None:
    while await teller.turn():
        pass


async def test_everything_is_told_once_and_the_cursor_stands_behind_it(line: Line, fed: Feed, script: Script) -> None:
    devices = [await digested(line) for _ in range(3)]
    await tell_all(Teller(Telling(script, fed, line.app, 15.0)))
    assert script.told() == Counter((d.id, p.timestamp) for d in devices for p in payloads(d, 10))
    (state,) = await states(line.app, clock.now())
    assert (state.waiting, state.behind_s, state.told, state.running) == (0, 0.0, 30, True)
    await digested(line, 4)
    (state,) = await states(line.app, clock.now())
    assert state.waiting == 4


async def test_one_killed_between_write_and_cursor_tells_the_same_again_and_counts_it_once(
    line: Line, fed: Feed, script: Script, monkeypatch: pytest.MonkeyPatch
) -> None:
    await digested(line)
    script.refused = (Refusal("too-old", NOW, NOW, 2),)

    async def killed(*_: object) -> None:
        raise asyncio.CancelledError

    teller = Teller(Telling(script, fed, line.app, 15.0))
    with monkeypatch.context() as patch:
        patch.setattr(Teller, "_commit", killed)
        with pytest.raises(asyncio.CancelledError):
            await teller.turn()
    await teller.let_go()
    await tell_all(Teller(Telling(script, fed, line.app, 15.0)))
    assert script.parcels[0] == script.parcels[1]
    assert set(script.told().values()) == {2}
    (state,) = await states(line.app, clock.now())
    assert (state.told, [r.count for r in state.refused]) == (10, [2])


async def test_a_server_that_is_away_holds_nobody_up_and_gets_everything_when_it_is_back(
    line: Line, fed: Feed, script: Script, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(followers, "FIRST_PAUSE_S", 0.01)
    gone, again = (TryLater("store-unavailable", words, 0.0) for words in ("gone", "gone again"))
    script.failures = [gone, Misconfigured("no key"), again]
    await digested(line)
    ended = asyncio.Event()

    async def all_told() -> bool:
        return sum(script.told().values()) >= 10

    await asyncio.gather(followers.run(Telling(script, fed, line.app, 15.0), ended), until(all_told, ended))
    assert set(script.told().values()) == {1}
    (state,) = await states(line.app, clock.now())
    assert (state.retries, state.running) == (3, False)
    assert state.last_error == "store-unavailable: gone again"


async def test_two_workers_tell_one_follower_one_at_a_time_and_a_zombie_moves_nothing(
    line: Line, fed: Feed, script: Script
) -> None:
    await digested(line)
    first, second = Teller(Telling(script, fed, line.app, 15.0)), Teller(Telling(script, fed, line.app, 15.0))
    await first._hold()
    with pytest.raises(Taken):
        await second.turn()
    await line.app.execute("UPDATE followers SET leased_until = now() - interval '1 s'")
    await tell_all(second)
    with pytest.raises(Taken):
        await first.turn()
    (state,) = await states(line.app, clock.now())
    assert state.told == 10


async def test_a_cursor_that_was_set_back_meanwhile_is_obeyed(line: Line, fed: Feed, script: Script) -> None:
    device = await digested(line)
    teller = Teller(Telling(script, fed, line.app, 15.0))
    await tell_all(teller)
    await line.app.execute("UPDATE follower_cursors SET position = 0")
    await digested(line, 1, device)
    with pytest.raises(Taken):
        await tell_all(teller)
    await teller.let_go()
    script.parcels.clear()
    await tell_all(Teller(Telling(script, fed, line.app, 15.0)))
    assert sum(script.told().values()) == 11


async def test_refusals_add_up_by_reason_and_day(line: Line, fed: Feed, script: Script) -> None:
    early, late = NOW - timedelta(hours=1), NOW
    for refusal in (
        Refusal("too-old", late, late, 3),
        Refusal("too-old", early, early, 4),
        Refusal("x", late, late, 1),
    ):
        script.refused = (refusal,)
        await digested(line)
        teller = Teller(Telling(script, fed, line.app, 15.0))
        await tell_all(teller)
        await teller.let_go()
    (state,) = await states(line.app, clock.now())
    found = {reason: [r for r in state.refused if r.reason == reason] for reason in ("too-old", "x")}
    assert sum(r.count for r in found["too-old"]) == 7
    assert min(r.first for r in found["too-old"]) == early
    assert max(r.last for r in found["too-old"]) == late
    assert [r.count for r in found["x"]] == [1]


async def test_a_dead_letter_that_is_digested_again_reaches_the_follower_though_its_place_was_passed(
    line: Line, fed: Feed, script: Script, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(followers, "LETTERS_S", 0.0)
    device = await line.enrol()
    first, second = payloads(device, 2)
    await line.append(device.batch([first], verdict=Verdict("unreadable")), device.batch([second]))
    await line.digest()
    teller = Teller(Telling(script, fed, line.app, 15.0))
    await tell_all(teller)
    assert script.told() == Counter([(device.id, second.timestamp)])
    (letter,) = await dead_letters.page(line.app)
    assert (await replay(line.house, [letter.id])).replayed == (letter.id,)
    await tell_all(teller)
    assert script.told() == Counter([(device.id, first.timestamp), (device.id, second.timestamp)])


async def test_what_the_archive_erased_is_forgotten_before_more_is_told_and_is_not_told_again(
    line: Line, fed: Feed, script: Script, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(followers, "FORGET_AGAIN_S", 0.0)
    erased, other = await digested(line), await digested(line)
    teller = Teller(Telling(script, fed, line.app, 15.0))
    await tell_all(teller)
    now = clock.now()
    await masks.erase(line.app, erased.id, None, None, now)
    script.left = [2]
    await digested(line, 1)
    await tell_all(teller)
    (state,) = await states(line.app, clock.now())
    assert script.forgotten == [(erased.id, Interval(clock.EPOCH, now))] * 2, "again, until nothing is left"
    assert state.forgetting == 0
    await teller.let_go()
    await line.app.execute("UPDATE follower_cursors SET position = 0")
    script.parcels.clear()
    await tell_all(Teller(Telling(script, fed, line.app, 15.0)))
    assert erased.id not in {device for device, _ in script.told()}
    assert other.id in {device for device, _ in script.told()}
    assert len(script.forgotten) == 2


async def test_a_server_that_may_not_delete_is_told_on_and_the_erasure_stays_open(
    line: Line, fed: Feed, script: Script
) -> None:
    script.closed = True
    device = await digested(line)
    await tell_all(Teller(Telling(script, fed, line.app, 0.0)))
    await masks.erase(line.app, device.id, None, None, clock.now())
    await digested(line, 3)
    await tell_all(Teller(Telling(script, fed, line.app, 15.0)))
    (state,) = await states(line.app, clock.now())
    assert (state.waiting, state.told, state.forgetting) == (0, 13, 1)
    assert "enable-admin-api" in (state.last_error or "")


@given(st.integers(0, 10_000), st.floats(0, 300), st.floats(0, 1))
def test_a_pause_is_bounded_jittered_from_nought_and_never_shorter_than_asked(
    failures: int, asked_s: float, draw: float
) -> None:
    assert asked_s <= pause_s(failures, asked_s, draw) <= asked_s + followers.LONGEST_PAUSE_S
    assert pause_s(failures, asked_s, 0.0) == asked_s


async def steer(line: Line, act: Any, *given: Any) -> Any:
    async with line.app.acquire() as tx, tx.transaction():
        return await act(tx, "script", *given)


async def test_a_paused_follower_is_told_nothing_within_a_second_and_everything_once_when_it_goes_on(
    line: Line, fed: Feed, script: Script
) -> None:
    device = await digested(line, 3)
    ended = asyncio.Event()
    running = asyncio.create_task(followers.run(Telling(script, fed, line.app, 15.0), ended))

    async def told(count: int) -> None:
        async def reached() -> bool:
            return len(script.told()) >= count

        await until(reached, asyncio.Event())

    async with asyncio.timeout(30):
        await told(3)
        assert await steer(line, pause, clock.now())
        await asyncio.sleep(followers.PAUSED_S + followers.LONGEST_IDLE_S)
        other = await digested(line, 5)
        await asyncio.sleep(followers.LONGEST_IDLE_S)
        assert len(script.told()) == 3
        (state,) = await states(line.app, clock.now())
        assert (state.paused_at is not None, state.waiting, state.running) == (True, 5, False)
        assert await steer(line, resume)
        await told(8)
    ended.set()
    await running
    assert script.told() == Counter(
        [(device.id, p.timestamp) for p in payloads(device, 3)] + [(other.id, p.timestamp) for p in payloads(other, 5)]
    )


async def test_what_is_told_again_is_told_beside_what_is_new_and_once(
    line: Line, fed: Feed, script: Script, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(followers, "ROWS_AT_ONCE", 4)
    device = await digested(line, 20)
    teller = Teller(Telling(script, fed, line.app, 15.0))
    await tell_all(teller)
    assert await steer(line, again, clock.now() - timedelta(days=1)) == 20
    assert (await states(line.app, clock.now()))[0].again == 20
    fresh = await digested(line, 2)
    await teller.turn()
    assert {d for d, _ in script.told()} == {device.id, fresh.id}, "what is new did not wait"
    assert (await states(line.app, clock.now()))[0].again < 20
    await tell_all(teller)
    once = Counter((fresh.id, p.timestamp) for p in payloads(fresh, 2))
    assert script.told() == once + Counter({(device.id, p.timestamp): 2 for p in payloads(device, 20)})
    (state,) = await states(line.app, clock.now())
    assert (state.again, state.waiting) == (0, 0)
    assert await steer(line, again, clock.now() + timedelta(days=1)) is not None


async def test_one_killed_while_it_tells_again_goes_on_where_it_was(
    line: Line, fed: Feed, script: Script, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(followers, "ROWS_AT_ONCE", 4)
    await digested(line, 20)
    first = Teller(Telling(script, fed, line.app, 15.0))
    await tell_all(first)
    await steer(line, again, clock.now() - timedelta(days=1))
    await first.turn()

    async def killed(*_: object, **__: object) -> None:
        raise asyncio.CancelledError

    with monkeypatch.context() as patch:
        patch.setattr(Teller, "_commit_again", killed)
        with pytest.raises(asyncio.CancelledError):
            await first.turn()
    await first.let_go()
    await tell_all(Teller(Telling(script, fed, line.app, 15.0)))
    assert set(script.told().values()) <= {2, 3}
    assert (await states(line.app, clock.now()))[0].again == 0


async def test_a_paused_one_is_not_taken_by_another(line: Line, fed: Feed, script: Script) -> None:
    await tell_all(Teller(Telling(script, fed, line.app, 15.0)))
    await line.app.execute("UPDATE followers SET lease = NULL")
    await steer(line, pause, clock.now())
    with pytest.raises(Paused):
        await Teller(Telling(script, fed, line.app, 15.0)).turn()


async def test_what_a_server_was_told_lately_is_told_once_more_when_it_was_away_and_counted_once(
    line: Line, fed: Feed, script: Script, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(followers, "LATELY_S", 0.5)
    monkeypatch.setattr(followers, "NOTED_S", 0.0)
    old = await digested(line, 4)
    ended = asyncio.Event()
    running = asyncio.create_task(followers.run(Telling(script, fed, line.app, 15.0), ended))

    async def told(count: int) -> None:
        async def reached() -> bool:
            return sum(script.told().values()) >= count

        await until(reached, asyncio.Event())

    await told(4)
    await asyncio.sleep(1.0)
    lately = await digested(line, 3)
    await told(7)
    script.failures = [Away("trace", "ConnectError"), Away("trace", "ConnectError")]
    fresh = await digested(line, 2)
    await told(12)
    await asyncio.sleep(0.5)
    ended.set()
    await running
    counts = script.told()
    assert {n for (device, _), n in counts.items() if device == lately.id} == {2}
    assert {n for (device, _), n in counts.items() if device == fresh.id} == {1}
    assert {n for (device, _), n in counts.items() if device == old.id} <= {1, 2}
    (state,) = await states(line.app, clock.now())
    assert (state.told, state.again, state.waiting) == (9, 0, 0)


async def test_a_server_that_is_only_busy_is_told_nothing_twice(line: Line, fed: Feed, script: Script) -> None:
    await digested(line, 3)
    ended = asyncio.Event()
    running = asyncio.create_task(followers.run(Telling(script, fed, line.app, 15.0), ended))

    async def told(count: int) -> None:
        async def reached() -> bool:
            return len(script.told()) >= count

        await until(reached, asyncio.Event())

    await told(3)
    script.failures = [TryLater("store-unavailable", "429", 0.0)]
    await digested(line, 3)
    await told(6)
    await asyncio.sleep(0.3)
    ended.set()
    await running
    assert set(script.told().values()) == {1}
