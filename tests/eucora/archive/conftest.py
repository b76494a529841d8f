"""A platform of this test's own: journal and pipeline on a fresh database."""

import os
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from tests.eucora.line import Line, close_line, open_line

# A hundred kills and what is larger than memory take a while: `make test-live`.
collect_ignore = [] if os.environ.get("EUCORA_TEST_LIVE") else ["test_kill.py", "test_memory.py"]


@pytest.fixture
async def line(database: Any, tmp_path: Path) -> AsyncIterator[Line]:
    opened = await open_line(database.app_url, database.keys_url, tmp_path / "secrets")
    yield opened
    await close_line(opened)
