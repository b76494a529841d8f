"""A founded journal on PostgreSQL."""

from collections.abc import AsyncIterator

import pytest
from tests.conformance.journal.place import Place, on_postgres


@pytest.fixture
async def place(database) -> AsyncIterator[Place]:
    async with on_postgres(database) as founded:
        yield founded
