"""The operator plane on a real port: TLS 1.3, HTTP/2, and a busy port is one sentence."""

import asyncio
import socket
import ssl
from typing import Any

import httpx
import pytest
from tests.eucora.operators.conftest import Plane

from eucora.gateway.authority import ensure_authority
from eucora.operators.serve import serve
from eucora.problems import Misconfigured


def settings_of(plane: Plane, port: int) -> dict[str, Any]:
    data = plane.house.settings.data_dir
    ensure_authority(data, "localhost,127.0.0.1")
    files = {"certificate": data / "tls" / "server.pem", "key": data / "tls" / "server.key"}
    return {"host": "127.0.0.1", "port": port, **files}


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as held:
        return int(held.getsockname()[1])


async def test_it_answers_by_http_2_over_tls_1_3_until_it_is_told_to_end(plane: Plane) -> None:
    ended, ready, port = asyncio.Event(), asyncio.Event(), free_port()
    serving = asyncio.create_task(serve(plane.app, **settings_of(plane, port), ended=ended, ready=ready.set))
    await asyncio.wait_for(ready.wait(), 10)
    context = ssl.create_default_context(cafile=plane.house.settings.data_dir / "authority" / "trusted.pem")
    async with httpx.AsyncClient(verify=context, http2=True, trust_env=False) as client:
        headers = {"authorization": f"Bearer {plane.token}"}
        answer = await client.get(f"https://localhost:{port}/api/v1/status", headers=headers)
        assert (answer.status_code, answer.http_version) == (200, "HTTP/2")
        assert [e["origin"] for e in await plane.acts("sign-in")][-1] == "127.0.0.1"
    context = ssl.create_default_context(cafile=plane.house.settings.data_dir / "authority" / "trusted.pem")
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    with pytest.raises((ssl.SSLError, ConnectionError)):
        await asyncio.open_connection("localhost", port, ssl=context)
    ended.set()
    await asyncio.wait_for(serving, 10)
    with pytest.raises(OSError, match=r"refused|Connect"):
        await asyncio.open_connection("127.0.0.1", port)


async def test_a_port_that_is_taken_is_said_so(plane: Plane) -> None:
    with socket.create_server(("127.0.0.1", 0)) as held:
        port = held.getsockname()[1]
        with pytest.raises(Misconfigured, match="EUCORA_OPERATOR_PORT"):
            await asyncio.wait_for(serve(plane.app, **settings_of(plane, port), ended=asyncio.Event()), 10)
