"""A shape has one number whoever names it first, and a failure forgets nothing that it should not."""

import asyncio
from typing import Any

import asyncpg
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.eucora.line import Line

from eucora.archive.shapes import Shapes, digest

CPU = [["system_cpu_utilization_ratio", {}]]
labels = st.dictionaries(st.sampled_from("abc"), st.sampled_from("xyz"))


@given(labels)
def test_the_order_of_labels_does_not_matter_and_that_of_metrics_does(named: dict[str, str]) -> None:
    turned = dict(reversed(named.items()))
    assert digest("metrics", [["m", named]]) == digest("metrics", [["m", turned]])
    assert digest("metrics", [["m", named], ["n", {}]]) != digest("metrics", [["n", {}], ["m", named]])
    assert digest("metrics", [["m", named]]) != digest("lines", [["m", named]])


async def test_a_number_is_provisional_until_it_is_settled_and_then_for_ever(line: Line) -> None:
    shapes = Shapes(line.app)
    first, second = (shapes.number("metrics", key, lambda key=key: [[key, {}]]) for key in ("a", "b"))  # type: ignore[misc]
    assert (first, second) == (-1, -2)
    settled = await shapes.settle()
    assert set(settled) == {first, second}
    assert all(real > 0 for real in settled.values())
    assert shapes.number("metrics", "a", _never) == settled[first]
    assert await shapes.settle() == {}


def _never() -> object:
    raise AssertionError("a shape that is known is not described again")


async def test_many_processes_that_name_one_shape_at_once_get_one_number(line: Line) -> None:
    async def named() -> int:
        shapes = Shapes(line.app)
        provisional = shapes.number("metrics", "cpu", lambda: CPU)
        return (await shapes.settle())[provisional]

    assert len(set(await asyncio.gather(*(named() for _ in range(20))))) == 1
    assert await line.rows("SELECT count(*) FROM shapes") == [(1,)]


async def test_a_database_that_was_away_is_asked_again_for_the_same_shape(line: Line, database: Any) -> None:
    shapes = Shapes(line.app)
    shapes.number("metrics", "kept", lambda: CPU)
    await shapes.settle()
    there, shapes._pool = shapes._pool, await _closed(database.app_url)
    lost = shapes.number("metrics", "lost", lambda: [["lost", {}]])
    with pytest.raises(asyncpg.InterfaceError):
        await shapes.settle()
    shapes._pool = there
    again = shapes.number("metrics", "lost", lambda: [["lost", {}]])
    assert again == lost
    (real,) = (await shapes.settle()).values()
    assert shapes.number("metrics", "lost", _never) == real
    assert shapes.number("metrics", "kept", _never) != real


async def _closed(url: str) -> Any:
    pool = await asyncpg.create_pool(url, min_size=0)
    await pool.close()
    return pool
