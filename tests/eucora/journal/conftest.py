"""A founded journal on PostgreSQL, and the object store that its days go to."""

import os
from collections.abc import AsyncIterator

import pytest
from tests.conformance.journal.place import Place, on_postgres

from eucora.embedded.seaweedfs import DATA_BUCKET
from eucora.stores.s3 import S3Objects

# Go is there where servers are built, and time for many kills: `.ci/run`, `make test-live`.
collect_ignore = [] if os.environ.get("EUCORA_TEST_LIVE") else ["test_statement_in_go.py", "test_killed_sealer.py"]


@pytest.fixture
async def objects(servers) -> AsyncIterator[S3Objects]:
    """The data bucket, on a real S3 server."""
    opened = S3Objects(servers.s3, DATA_BUCKET)
    yield opened
    await opened.close()


@pytest.fixture
async def place(database, objects) -> AsyncIterator[Place]:
    async with on_postgres(database, objects) as founded:
        yield founded
