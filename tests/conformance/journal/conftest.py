"""A journal of each adapter on its real server. Today there is one."""

from collections.abc import AsyncIterator

import pytest
from tests.conformance.journal.place import Place, on_postgres

ADAPTERS = {"postgres": on_postgres}


@pytest.fixture(params=ADAPTERS)
async def place(request, database) -> AsyncIterator[Place]:
    async with ADAPTERS[request.param](database) as founded:
        yield founded
