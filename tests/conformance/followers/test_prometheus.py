"""The port Follower on a real Prometheus with the configuration that we ship."""

import asyncio
import random
import uuid
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from tests.conformance.followers.parcels import CPU, MEMORY, expected, parcel, points, reading
from tests.live.prometheus import ADMITTED, SHIPPED, Server

from eucora import clock
from eucora.problems import Misconfigured, TryLater
from eucora.stores.ports import Interval, Parcel, Reading, Whose
from eucora.stores.prometheus import Prometheus

NOW = clock.now().replace(microsecond=0)
MINUTE = timedelta(minutes=1)


@pytest.fixture
def device() -> uuid.UUID:
    return uuid.uuid4()


@pytest.fixture
def plain(tmp_path: Path) -> Iterator[Server]:
    """A Prometheus as Debian starts it, but for the receiver."""
    config = tmp_path / "prometheus.yml"
    config.write_text("global: {}\n")
    server = Server(config, ADMITTED[:1])
    server.start()
    yield server
    server.close()


def minutes(device: uuid.UUID, count: int, ending: timedelta = timedelta(0)) -> list[Reading]:
    return [reading(device, NOW - ending - n * MINUTE, float(n), 10.0 * n) for n in reversed(range(count))]


async def test_what_was_written_is_found_by_promql(follower: Prometheus, shared: Server, device: uuid.UUID) -> None:
    told = minutes(device, 100)
    answer = await follower.write(parcel(told))
    assert (answer.taken, answer.merged, answer.clamped, answer.refused) == (200, 0, 0, ())
    assert points(shared, device) == expected(told)
    assert points(shared, device, "eucora_used_bytes") == expected(told, 1)
    (series,) = shared.query(f'eucora_used_bytes{{device="{device}"}}', NOW.timestamp())
    assert series["metric"] == {"__name__": "eucora_used_bytes", "device": str(device), "mount": "/"}


async def test_the_same_write_again_changes_nothing(follower: Prometheus, shared: Server, device: uuid.UUID) -> None:
    told = minutes(device, 50)
    for _ in range(3):
        answer = await follower.write(parcel(told))
        assert (answer.taken, answer.refused) == (100, ())
    assert points(shared, device) == expected(told)


async def test_three_weeks_told_late_are_there_exactly_and_twice_changes_nothing(
    follower: Prometheus, shared: Server, device: uuid.UUID
) -> None:
    fresh = minutes(device, 3)
    late = [reading(device, NOW - timedelta(days=21) + n * 10 * MINUTE, n / 7) for n in range(3_000)]
    await follower.write(parcel(fresh))
    for _ in range(2):
        assert (await follower.write(parcel(late))).refused == ()
    assert points(shared, device) == expected([*late, *fresh])


async def test_any_order_within_a_parcel_and_between_parcels_gives_the_same(
    follower: Prometheus, shared: Server, device: uuid.UUID
) -> None:
    told = minutes(device, 200)
    mixed = random.Random(7).sample(told, len(told))
    for first in range(0, len(mixed), 40):
        assert (await follower.write(parcel(mixed[first : first + 40]))).refused == ()
    assert points(shared, device) == expected(told)


async def test_of_equal_times_one_value_is_kept_and_the_others_are_counted(
    follower: Prometheus, shared: Server, device: uuid.UUID
) -> None:
    told = [reading(device, NOW, 1.0), reading(device, NOW + timedelta(microseconds=400), 2.0)]
    answer = await follower.write(parcel(told))
    assert (answer.taken, answer.merged) == (1, 1)
    assert points(shared, device) == [(clock.to_ms(NOW), 2.0)]


async def test_another_value_at_a_taken_time_is_refused_alone_and_by_name(
    follower: Prometheus, shared: Server, device: uuid.UUID
) -> None:
    await follower.write(parcel([reading(device, NOW, 1.0)]))
    others = [reading(uuid.uuid4(), NOW + n * timedelta(milliseconds=1), float(n)) for n in range(500)]
    answer = await follower.write(parcel([*others, reading(device, NOW, 9.0)]))
    assert [(r.reason, r.count, r.first, r.last) for r in answer.refused] == [("other-value-there", 1, NOW, NOW)]
    assert answer.taken == 500
    assert points(shared, device) == [(clock.to_ms(NOW), 1.0)]
    assert [points(shared, r.device) for r in others[::100]] == [expected([r]) for r in others[::100]]


async def test_a_sample_from_the_future_counts_as_received_and_shuts_nobody_out(
    follower: Prometheus, shared: Server, device: uuid.UUID
) -> None:
    answer = await follower.write(parcel([reading(device, NOW + timedelta(days=4000), 5.0, received=NOW)]))
    assert (answer.taken, answer.clamped) == (1, 1)
    assert points(shared, device) == [(clock.to_ms(NOW), 5.0)]
    neighbour = minutes(uuid.uuid4(), 10)
    assert (await follower.write(parcel(neighbour))).refused == ()


async def test_what_is_too_old_is_named_and_holds_nothing_up_even_where_the_server_answers_500(
    follower: Prometheus, shared: Server, device: uuid.UUID
) -> None:
    fresh, late = minutes(device, 5), minutes(device, 5, timedelta(days=20))
    too_old = [reading(device, NOW - timedelta(days=35) + n * MINUTE, float(n)) for n in range(2_000)]
    answer = await follower.write(parcel([*too_old, *late, *fresh]))
    (refused,) = answer.refused
    assert (refused.reason, refused.count) == ("too-old", 2_000)
    assert (refused.first, refused.last) == (too_old[0].time, too_old[-1].time)
    assert answer.taken == 20
    assert points(shared, device) == expected([*late, *fresh])


async def test_names_that_no_server_takes_are_refused_and_labels_can_not_inject(
    follower: Prometheus, shared: Server, device: uuid.UUID
) -> None:
    other = uuid.uuid4()
    evil = f'x",device="{other}",evil="1'
    shapes = {
        1: [
            ["eucora_app_crashes", {"app": evil}],
            ["eucora_app_crashes", {"app": "a\nb"}],
            ["eucora_app_crashes", {"app": "\ud800"}],
            ["eucora_app_crashes", {"a-b": "c"}],
            ["eucora_app_crashes", {"__name__": "up"}],
            ["eucora_app_crashes", {"device": str(other)}],
            ["up{} or vector(1)", {}],
            CPU,
        ]
    }
    readings = [Reading(device, NOW, NOW, 1, [float(n) for n in range(8)])]
    answer = await follower.write(Parcel(readings, shapes))
    assert answer.taken == 2
    assert [(r.reason, r.count) for r in answer.refused] == [("not-held", 6)]
    (series,) = shared.query(f'eucora_app_crashes{{device="{device}"}}', NOW.timestamp())
    assert series["metric"] == {"__name__": "eucora_app_crashes", "app": evil, "device": str(device)}
    assert shared.query(f'{{device="{other}"}}', NOW.timestamp()) == []


async def test_a_server_killed_in_the_middle_gets_the_rest_when_it_is_back(own: Server, device: uuid.UUID) -> None:
    follower = Prometheus(own.url)
    told = minutes(device, 300)
    parts = [parcel(told[first : first + 30]) for first in range(0, 300, 30)]
    for part in parts[:5]:
        await follower.write(part)
    own.kill()
    with pytest.raises(TryLater):
        await follower.write(parts[5])
    await asyncio.to_thread(own.start)
    for part in parts[4:]:  # one again: killed between the write and the cursor
        assert (await follower.write(part)).refused == ()
    await follower.close()
    assert points(own, device) == expected(told)


async def test_a_forgotten_device_is_gone_and_its_neighbour_is_not(own: Server, device: uuid.UUID) -> None:
    follower = Prometheus(own.url)
    neighbour = uuid.uuid4()
    both = [*minutes(device, 60), *minutes(neighbour, 60)]
    await follower.write(parcel(both))
    whole = Interval(NOW - timedelta(days=1), NOW + MINUTE)
    assert (await follower.forget(Whose(device=device), whole)).left == 0
    await follower.close()
    assert points(own, device) == []
    assert points(own, neighbour) == expected(both[60:])


async def test_the_newer_version_of_remote_write_is_spoken_where_it_is_offered(own: Server, device: uuid.UUID) -> None:
    follower = Prometheus(own.url)
    told = minutes(device, 5)
    await follower.write(parcel(told))
    assert follower._newer == (own.version == "3")
    assert points(own, device) == expected(told)
    await follower.close()


async def test_an_interval_is_forgotten_and_told_again_corrected(own: Server, device: uuid.UUID) -> None:
    follower = Prometheus(own.url)
    told = minutes(device, 60)
    await follower.write(parcel(told))
    assert (await follower.forget(Whose(device=device), Interval(NOW - 29 * MINUTE, NOW - 9 * MINUTE))).left == 0
    kept = [r for r in told if not NOW - 29 * MINUTE <= r.time < NOW - 9 * MINUTE]
    assert points(own, device) == expected(kept)
    corrected = [reading(device, NOW - n * MINUTE, -1.0, -2.0) for n in range(10, 30)]
    assert (await follower.write(parcel(corrected))).refused == ()
    await follower.close()
    # Seen on 3.x: what is written again where something was deleted is not shown while it lies in the head.
    assert points(own, device) == expected(kept if own.version == "3" else [*kept, *corrected])


async def test_late_samples_that_the_server_can_not_delete_yet_are_counted_as_left(
    own: Server, device: uuid.UUID
) -> None:
    follower = Prometheus(own.url)
    late = reading(device, NOW - timedelta(days=21), 1.0, 2.0)
    shapes = {1: [CPU, MEMORY]}  # two series that differ in their name alone
    await follower.write(parcel(minutes(device, 3), shapes))
    await follower.write(parcel([late], shapes))
    left = (await follower.forget(Whose(device=device), Interval(NOW - timedelta(days=40), NOW + MINUTE))).left
    await follower.close()
    assert points(own, device) == expected([late] if left else [])
    assert left in (0, 2), "the answer says what PromQL says"


async def test_inspection_is_content_with_what_we_ship(follower: Prometheus) -> None:
    found = {f.name: f for f in await follower.inspect()}
    assert {name: f.mend for name, f in found.items() if f.state == "wrong"} == {}
    assert found["out_of_order_time_window"].found == "29d"
    assert found["retention"].found == "90d"
    assert int(found["head_series"].found.split()[0].replace(",", "")) > 0


async def test_inspection_of_a_plain_server_says_what_to_mend(plain: Server, device: uuid.UUID) -> None:
    follower = Prometheus(plain.url)
    found = {f.name: f for f in await follower.inspect()}
    wrong = {name for name, f in found.items() if f.state == "wrong"}
    assert wrong == {"out_of_order_time_window", "retention", "admin_api"}
    assert "29d" in found["out_of_order_time_window"].mend
    with pytest.raises(Misconfigured, match="enable-admin-api"):
        await follower.forget(Whose(device=device), Interval(NOW - MINUTE, NOW))
    await follower.close()


async def test_without_a_window_late_samples_are_refused_by_name_and_fresh_ones_pass(
    plain: Server, device: uuid.UUID
) -> None:
    follower = Prometheus(plain.url)
    fresh = minutes(device, 10)
    await follower.write(parcel(fresh))
    before = [reading(device, NOW - timedelta(minutes=30) + n * timedelta(seconds=1), 1.0, 1.0) for n in range(300)]
    ahead = [reading(device, NOW + MINUTE, 7.0, 7.0)]
    answer = await follower.write(parcel([*before, *ahead]))
    assert answer.taken == 2
    assert [(r.reason, r.count) for r in answer.refused] == [("out-of-order", 600)]
    await follower.close()
    assert points(plain, device) == expected([*fresh, *ahead])


async def test_a_server_that_takes_no_remote_writes_costs_no_sample(device: uuid.UUID) -> None:
    server = Server(SHIPPED, ())
    server.start()
    follower = Prometheus(server.url)
    with pytest.raises(TryLater, match="remote-write-receiver"):
        await follower.write(parcel(minutes(device, 5)))
    await follower.close()
    server.close()
