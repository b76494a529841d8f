"""Servers of these tests' own, to be killed and damaged, in folders that any user can enter."""

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from eucora.embedded.start import ALL, Embedded, start_embedded


@pytest.fixture
def folder() -> Iterator[Path]:
    """An empty folder whose parents let everybody through, as pytest's own do not."""
    path = Path(tempfile.mkdtemp(prefix="eucora-"))
    path.chmod(0o755)
    yield path
    shutil.rmtree(path)


@pytest.fixture(scope="module")
def embedded() -> Iterator[Embedded]:
    """All three servers, for a module that does them harm."""
    path = Path(tempfile.mkdtemp(prefix="eucora-"))
    running = start_embedded(path / "data", ALL, lambda name, what: None)
    yield running
    running.stop()
    shutil.rmtree(path)
