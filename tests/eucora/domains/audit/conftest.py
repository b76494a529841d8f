"""A founded database, and the pool that the application would have."""

import uuid
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any

import asyncpg
import pytest

NOW = datetime.now(UTC)


@pytest.fixture
async def pool(database: Any) -> AsyncIterator[Any]:
    async with asyncpg.create_pool(database.app_url, min_size=1, max_size=6) as opened:
        await opened.execute("INSERT INTO platform (installation, shards) VALUES ($1, 2)", uuid.uuid4())
        await opened.execute("SELECT keep_partitions(current_date)")
        yield opened
