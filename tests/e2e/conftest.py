"""Platforms for a newcomer's first minutes."""

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.platform import Up, platform_in

# A browser is installed where the whole is proved (`.ci/run`, `make test-live`).
BROWSER = shutil.which("chromium") if os.environ.get("EUCORA_TEST_LIVE") else None
# What takes longest is proved there too, so that `make test` stays one that people run.
LONG = (
    []
    if os.environ.get("EUCORA_TEST_LIVE")
    else ["test_restarts.py", "test_demo.py", "test_drift.py", "test_verify.py"]
)
collect_ignore = LONG if BROWSER else [*LONG, "test_console.py", "test_questions.py"]


@pytest.fixture
def up(tmp_path: Path) -> Iterator[Up]:
    """A platform of this test's own, not yet started."""
    with platform_in(tmp_path) as platform:
        yield platform


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Up]:
    """A platform that the tests of one file share, with this machine's agent."""
    with platform_in(tmp_path_factory.mktemp("up")) as platform:
        yield platform.start()
