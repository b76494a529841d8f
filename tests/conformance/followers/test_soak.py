"""A short soak: servers are killed under load, and every acknowledged record is there once. An hour: `make soak-stores`."""

import pytest
from bench.soak_stores import SAME, soak


@pytest.mark.timeout(400)
def test_servers_killed_under_load_cost_no_record() -> None:
    found = soak(seconds=20, rate=150, kills=1, down_s=5)
    assert found["not_acknowledged"] == [{}, {}]
    assert found["archive payloads"] == found["acknowledged"] > 2_000
    for name, of in SAME:
        assert found.get(name, found[of]) == found[of], name
    assert sum(found["retries"].values()) > 0, "nothing was killed"
