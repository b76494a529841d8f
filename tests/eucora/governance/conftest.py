"""A line with its archive, and a keeper who works on it."""

import uuid
from collections.abc import AsyncIterator
from typing import Any

import pytest
from tests.eucora.archive.conftest import line
from tests.eucora.line import Line

from eucora.domains.audit.heads import FOLDER
from eucora.governance.classes import read
from eucora.governance.enforce import Keeper

__all__ = ["line"]


@pytest.fixture
async def keeper(line: Line, objects: Any, tmp_path: Any) -> AsyncIterator[Keeper]:
    epoch = uuid.uuid4().int % 10**9  # objects of this test alone
    yield Keeper(line.app, objects, epoch, line.secrets.audit, read(None, tmp_path, 28.0))
    for stored in [head async for head in objects.list(FOLDER)]:
        await objects.delete(stored.key)
