"""The commands against a real operator plane: Granian, TLS, and operator.json as `eucora up` writes it."""

import asyncio
import json
import socket
from collections.abc import AsyncIterator
from typing import Any

import pytest
from tests.eucora.operators.conftest import Plane, line, plane, plant
from typer.testing import CliRunner, Result

from eucora.cli.main import app
from eucora.gateway.authority import ensure_authority
from eucora.operators.first import first_operator
from eucora.operators.serve import serve

__all__ = ["line", "plane", "plant"]


class Terminal:
    """Somebody who types commands."""

    async def type(self, *words: str, keys: str | None = None) -> Result:
        """What a command ends with."""
        return await asyncio.to_thread(CliRunner().invoke, app, list(words), keys)

    async def told(self, *words: str) -> str:
        """The output of a command that must do."""
        result = await self.type(*words)
        assert result.exit_code == 0, (result.output, result.exception)
        return result.stdout

    async def json(self, *words: str) -> Any:
        """Its JSON."""
        return json.loads(await self.told(*words, "--json"))


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as held:
        return int(held.getsockname()[1])


@pytest.fixture
async def terminal(plane: Plane, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Terminal]:
    data, port = plane.house.settings.data_dir, free_port()
    ensure_authority(data, "localhost,127.0.0.1")
    addresses = {"url": f"https://localhost:{port}", "device_url": "", "enrolment_url": ""}
    await first_operator(plane.house.pool, data, addresses, data / "authority" / "trusted.pem")
    monkeypatch.setenv("EUCORA_DATA_DIR", str(data))
    monkeypatch.delenv("EUCORA_OPERATOR_FILE", raising=False)
    ended, ready = asyncio.Event(), asyncio.Event()
    serving = asyncio.create_task(
        serve(
            plane.app,
            host="127.0.0.1",
            port=port,
            certificate=data / "tls" / "server.pem",
            key=data / "tls" / "server.key",
            ended=ended,
            ready=ready.set,
        )
    )
    waiting = asyncio.create_task(ready.wait())
    await asyncio.wait((waiting, serving), return_when=asyncio.FIRST_COMPLETED)
    assert ready.is_set(), serving.exception()
    yield Terminal()
    ended.set()
    await serving
