"""Spools of tests don't wait for the disk: what a crash leaves is tried by copies and by kill -9, not by power cuts."""

import pytest

from eucora_agent import durable, spool_file


@pytest.fixture(autouse=True)
def hasty(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(spool_file, "SYNCHRONOUS", "OFF")
    monkeypatch.setattr(durable, "sync_folder", lambda folder: None)
