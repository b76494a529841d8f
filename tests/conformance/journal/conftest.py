"""A journal of each adapter on its real server. Today there is one."""

from collections.abc import AsyncIterator

import pytest
from tests.conformance.journal.place import Place, on_postgres

from eucora.embedded.seaweedfs import DATA_BUCKET
from eucora.stores.s3 import S3Objects

ADAPTERS = {"postgres": on_postgres}


@pytest.fixture
async def objects(servers) -> AsyncIterator[S3Objects]:
    """The data bucket, on a real S3 server."""
    opened = S3Objects(servers.s3, DATA_BUCKET)
    yield opened
    await opened.close()


@pytest.fixture(params=ADAPTERS)
async def place(request, database, objects) -> AsyncIterator[Place]:
    async with ADAPTERS[request.param](database, objects) as founded:
        yield founded
