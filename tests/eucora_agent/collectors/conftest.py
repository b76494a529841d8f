"""A recorded tree stands in for a machine: `tree` writes one below tmp_path, `asked` makes the context for it."""

import uuid
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from eucora_agent.collectors import Context
from eucora_wire.clock import Boot

NOW = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)
BOOT = Boot(uuid.UUID("97852815-b903-44dd-b6b4-0846a71ea6b0"), 7_200_000)

Tree = Callable[[Mapping[str, str | bytes]], Path]
Asked = Callable[..., Context]


@pytest.fixture
def tree(tmp_path: Path) -> Tree:
    def write(files: Mapping[str, str | bytes]) -> Path:
        for path, content in files.items():
            file = tmp_path / path
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(content if isinstance(content, bytes) else content.encode())
        return tmp_path

    return write


@pytest.fixture
def asked() -> Asked:
    """Waits for nothing: a recorded machine does not change."""

    def context(root: Path = Path("/"), **more: Any) -> Context:
        return Context(
            **{"now": NOW, "boot": BOOT, "monotonic_s": 7200.0, "root": root, "pause": lambda _: None, **more}
        )

    return context
