"""Processor use from ticks."""

from hypothesis import given
from hypothesis import strategies as st

from eucora_agent.collectors import cpu

ticks = st.lists(st.integers(0, 10**9), min_size=8, max_size=8)


def stat(*numbers: int) -> dict[str, str]:
    return {"proc/stat": f"cpu  {' '.join(map(str, numbers))} 0 0\ncpu0 1 2 3\n", "proc/uptime": "4098.11 7000.00\n"}


def test_use_is_what_was_neither_idle_nor_waiting_since_the_read_before(tree, asked):
    root = tree(stat(100, 0, 100, 700, 100, 0, 0, 0))
    first = cpu.read(asked(root))
    tree(stat(120, 0, 110, 750, 120, 0, 0, 0))
    second = cpu.read(asked(root, state=first.state))
    assert first.hardware.cpu is None
    assert (second.hardware.cpu, second.hardware.uptime) == (30.0, 4098.11)


def test_a_first_read_looks_twice(asked):
    looks = []
    assert 0 <= cpu.read(asked(pause=lambda s: (looks.append(s), __import__("time").sleep(s)))).hardware.cpu <= 100
    assert looks == [cpu.FIRST_LOOK_S]


@given(ticks, ticks)
def test_use_stays_within_its_bounds_even_when_counters_jump_back(before, now):
    found = cpu.busy(before, now)
    assert found is None or 0 <= found <= 100
