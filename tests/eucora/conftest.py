"""The archive of a test's line: hot rows in its database, files on the object store."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from tests.eucora.line import Line

from eucora.archive.copies import Copies
from eucora.archive.query import Archive
from eucora.embedded.seaweedfs import DATA_BUCKET
from eucora.stores.s3 import S3Objects


@pytest.fixture
async def objects(servers: Any) -> AsyncIterator[S3Objects]:
    """The data bucket, on a real S3 server."""
    opened = S3Objects(servers.s3, DATA_BUCKET)
    yield opened
    await opened.close()


@pytest.fixture
def archive(line: Line, objects: S3Objects, tmp_path: Path) -> Archive:
    return Archive(line.app, Copies(objects, tmp_path / "copies", 64 * 2**20))
