"""What processes count adds up, whoever ends in between: a sum over all never falls."""

import uuid
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.conftest import Database

from eucora.observe.figures import PAST, Figure, Figures, added, fold, samples
from eucora.observe.metrics import Declared
from eucora.stores.postgres import open_pool

COUNTED = Declared("eucora_door_batches_total", "counter", "Counted", ("door",))
HELD = Declared("eucora_door_waiting_batches", "gauge", "Held")
TIMED = Declared("eucora_stage_seconds", "histogram", "Timed", ("stage", "outcome"), (0.1, 1.0))
ALL = (COUNTED, HELD, TIMED)


@given(st.lists(st.lists(st.floats(0, 10), max_size=5), max_size=5))
def test_it_does_not_matter_which_process_saw_a_value(seen: list[list[float]]) -> None:
    apart, together = [Figures() for _ in seen], Figures()
    for figures, values in zip(apart, seen, strict=True):
        for value in values:
            figures.observe(TIMED, value, "store", "ok")
            together.observe(TIMED, value, "store", "ok")
    (total,) = added([f.told() for f in apart]) or [None]
    (whole,) = together.told() or [None]
    assert (total is None) == (whole is None)
    if total and whole:
        assert total.values[1:] == whole.values[1:]
        assert total.values[0] == pytest.approx(whole.values[0])


def test_a_value_falls_into_the_bucket_whose_bound_it_does_not_pass() -> None:
    figures = Figures()
    for value in (0.1, 0.11, 1.0, 5.0):
        figures.observe(TIMED, value, "store", "ok")
    assert figures.told()[0].values[1:] == (1, 2, 1)


def test_buckets_that_were_cut_otherwise_do_not_mix() -> None:
    old, new = Figure("a", (), (1.0, 1.0)), Figure("a", (), (2.0, 1.0, 1.0))
    assert added([[old], [new]]) == [new]


def test_a_block_that_fails_is_timed_as_failed() -> None:
    figures = Figures()
    with pytest.raises(ValueError, match="no"), figures.timed(TIMED, "store"):
        raise ValueError("no")
    assert figures.told()[0].labels == ("store", "failed")


@pytest.fixture
async def pool(database: Database) -> Any:
    opened = await open_pool(database.app_url, name="test")
    yield opened
    await opened.close()


async def values(pool: Any, now: datetime) -> dict[str, float]:
    return {each.metric.name: each.value for each in await samples(pool, ALL, now)}


async def test_those_that_ended_are_kept_in_one_row_and_their_gauges_are_not(pool: Any) -> None:
    now = datetime.now(UTC)
    first, second = Figures(), Figures()
    for figures in (first, second):
        figures.count(COUNTED, "telemetry", by=3)
        figures.hold(HELD, 7)
        await figures.write(pool)
    assert await values(pool, now) == {COUNTED.name: 6, HELD.name: 14}
    await pool.execute("UPDATE own_figures SET at = $2 WHERE process = $1", first.process, now - timedelta(hours=2))
    assert await values(pool, now) == {COUNTED.name: 6, HELD.name: 7}, "who is gone holds nothing"
    for _ in range(2):
        await fold(pool, now)
    assert await values(pool, now) == {COUNTED.name: 6, HELD.name: 7}
    assert {row["process"] for row in await pool.fetch("SELECT process FROM own_figures")} == {PAST, second.process}


async def test_one_that_was_only_paused_does_not_count_twice(pool: Any) -> None:
    now, figures = datetime.now(UTC), Figures()
    figures.count(COUNTED, "telemetry", by=3)
    await figures.write(pool)
    await pool.execute("UPDATE own_figures SET at = $1", now - timedelta(hours=2))
    await fold(pool, now)
    before: uuid.UUID = figures.process
    for _ in range(2):
        await figures.write(pool)
    figures.count(COUNTED, "telemetry")
    await figures.write(pool)
    assert figures.process != before
    assert (await values(pool, now))[COUNTED.name] == 4
