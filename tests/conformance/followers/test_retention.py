"""Prometheus, as we ship it, keeps what the shipped table says, in its own live words; of Loki `test_loki.py` asks."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from eucora.governance.classes import read
from eucora.governance.kept import Kept, kept
from eucora.slice import Pool
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
