"""The servers that we ship a configuration for keep what the shipped table says, in their own live words."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from tests.live import loki
from tests.live.server import program

from eucora.governance.classes import read
from eucora.governance.kept import Kept, kept
from eucora.slice import Pool
from eucora.stores.loki import Loki
from eucora.stores.ports import Follower
from eucora.stores.postgres import open_pool
from eucora.stores.prometheus import Prometheus

TABLE = read(None, Path("/nowhere"), 28.0)


@pytest.fixture
async def pool(database: Any) -> AsyncIterator[Pool]:
    opened = await open_pool(database.app_url, name="test", most=2)
    yield opened
    await opened.close()


async def told(pool: Pool, follower: Follower) -> dict[str, Kept]:
    return {each.store: each for each in await kept(pool, (follower,), TABLE, datetime.now(UTC))}


async def test_prometheus_keeps_metrics_as_long_as_the_table_says(pool: Pool, follower: Prometheus) -> None:
    row = (await told(pool, follower))["prometheus"]
    assert (row.in_force, row.well) == ("90 days", True)


@pytest.mark.skipif(program("loki") is None, reason="there is no loki on PATH")
async def test_loki_keeps_lines_and_the_audit_trail_by_rules_of_their_own(pool: Pool) -> None:
    server = loki.Loki()
    server.start()
    follower = Loki(server.url)
    rows = await told(pool, follower)
    await follower.close()
    server.close()
    assert [(rows[store].in_force, rows[store].well) for store in ("loki", "loki-audit")] == [
        ("180 days", True),
        ("730 days", True),
    ]
