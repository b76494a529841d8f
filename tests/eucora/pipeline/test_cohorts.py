"""Aggregates by cohort: their sums are those of the rows, nothing in them is about fewer than five, no device is named."""

import uuid
from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eucora.pipeline.cohorts import FEWEST, OTHER, SETTLE, STEP, Being, Steps, Sum, folded
from eucora.stores.ports import Aggregate, Reading

NOW = datetime(2026, 11, 26, 12, 0, tzinfo=UTC)
SHAPES: Mapping[int, Any] = {
    1: [["cpu_ratio", {}], ["disk_bytes", {"mount": "/"}], ["disk_bytes", {"mount": "/home"}]],
    2: [["launches", {"app": "firefox", "version": "1.2"}]],
}
DEVICES = [uuid.UUID(int=n) for n in range(40)]


def reading(device: uuid.UUID, *values: float, at: datetime = NOW, shape: int = 1, late: timedelta = STEP) -> Reading:
    return Reading(device, at, at + late, shape, values)


def told(rows: Sequence[Reading], beings: Mapping[uuid.UUID, Being]) -> list[Aggregate]:
    steps = Steps()
    steps.add(rows, beings, SHAPES)
    return [each for step in steps.over(NOW + timedelta(days=1)) for each in steps.take(step, SHAPES)]


def value(found: Sequence[Aggregate], name: str, **labels: str) -> float | None:
    return next((each.value for each in found if each.name == name and dict(each.labels) == labels), None)


def alike(count: int, *being: str) -> dict[uuid.UUID, Being]:
    return dict.fromkeys(DEVICES[:count], being or ("Debian 12", "T14", "Lyon", "1.0"))


def test_a_cohort_is_the_sum_the_count_the_least_and_the_greatest_of_its_rows() -> None:
    found = told([reading(d, n / 10, 100.0, 50.0) for n, d in enumerate(DEVICES[:6])], alike(6))
    of = {"cohort": "model", "value": "T14"}
    assert value(found, "cohort:cpu_ratio:sum", **of) == pytest.approx(1.5)
    assert [value(found, f"cohort:cpu_ratio:{what}", **of) for what in ("count", "min", "max", "devices")] == [
        6,
        0,
        0.5,
        6,
    ]
    assert value(found, "cohort:disk_bytes:sum", cohort="fleet") == 900, "a mount is named by its device"
    assert {each.time for each in found} == {NOW}


def test_of_fewer_than_five_nothing_is_told() -> None:
    assert told([reading(d, 0.5, 1, 1) for d in DEVICES[:4]], alike(4)) == []


def test_a_program_is_told_of_the_fleet_alone_and_when_five_use_it() -> None:
    rows = [reading(d, 1.0, shape=2) for d in DEVICES[:7]]
    found = told(rows, alike(7))
    assert {(each.labels["cohort"], each.labels["app"]) for each in found} == {("fleet", "firefox")}
    assert told(rows[:4], alike(7)) == []


BEINGS = st.tuples(*[st.sampled_from("abcdef")] * 4)


@given(st.lists(st.tuples(st.sampled_from(DEVICES), st.integers(0, 100)), max_size=120), st.data())
def test_every_series_is_what_one_would_count_by_hand_and_nothing_of_a_few_is_left_between_them(
    rows: list[tuple[uuid.UUID, int]], data: st.DataObject
) -> None:
    beings = {device: data.draw(BEINGS) for device in {d for d, _ in rows}}
    found = told([reading(device, float(n), 1.0, 1.0) for device, n in rows], beings)
    for place, cohort in enumerate(("os", "model", "site", "version")):
        by_hand: dict[str, set[uuid.UUID]] = defaultdict(set)
        for device, _ in rows:
            by_hand[beings[device][place]].add(device)
        values = {e.labels["value"] for e in found if e.name == "cohort:cpu_ratio:sum" and e.labels["cohort"] == cohort}
        for name in values - {OTHER}:
            mine = [float(n) for device, n in rows if device in by_hand[name]]
            of = {"cohort": cohort, "value": name}
            assert value(found, "cohort:cpu_ratio:sum", **of) == pytest.approx(sum(mine))
            assert value(found, "cohort:cpu_ratio:count", **of) == len(mine)
            assert (value(found, "cohort:cpu_ratio:devices", **of) or 0) >= FEWEST
        everybody = value(found, "cohort:cpu_ratio:devices", cohort="fleet") or 0
        parts = sum(value(found, "cohort:cpu_ratio:devices", cohort=cohort, value=name) or 0 for name in values)
        assert parts == everybody, "the fleet less its parts would be about a few"


@given(st.dictionaries(st.text("abcxyz", min_size=1, max_size=2), st.integers(1, 12), max_size=9))
def test_small_cohorts_are_one_and_it_is_never_small(sizes: dict[str, int]) -> None:
    names = iter(range(10_000))
    values = {}
    for name, size in sizes.items():
        values[name] = Sum()
        values[name].devices = {uuid.UUID(int=next(names)) for _ in range(size)}
    kept = {name: len(found.devices) for name, found in folded(values).items()}
    assert all(size >= FEWEST for size in kept.values())
    assert sum(kept.values()) == (sum(sizes.values()) if sum(sizes.values()) >= FEWEST else 0)
    assert all(kept[name] == sizes[name] for name in kept if name != OTHER)


def test_what_comes_after_its_step_was_told_is_late_and_what_is_read_again_is_not() -> None:
    steps = Steps()
    steps.add([reading(d, 1.0) for d in DEVICES[:5]], alike(6), SHAPES)
    assert steps.over(NOW + STEP - timedelta(microseconds=1)) == []
    (step,) = steps.over(NOW + STEP)
    steps.take(step, SHAPES)
    again, behind = reading(DEVICES[0], 1.0), reading(DEVICES[5], 1.0, late=timedelta(hours=1))
    assert steps.add([again, behind], alike(6), SHAPES) == [NOW]
    assert steps.over(NOW + SETTLE) == []


def test_what_says_nothing_counts_for_nothing() -> None:
    found = told([reading(d, float("nan"), 1.0, 1.0) for d in DEVICES[:5]], alike(5))
    assert value(found, "cohort:cpu_ratio:count", cohort="fleet") is None
    assert value(found, "cohort:disk_bytes:count", cohort="fleet") == 10
