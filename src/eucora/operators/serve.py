"""The operator plane on its port: Granian with TLS 1.3, in the loop of its process, until it is told to end."""

import asyncio
from collections.abc import Callable
from pathlib import Path

from granian.constants import Interfaces, SSLProtocols
from granian.server.embed import Server
from litestar import Litestar

from eucora.problems import Misconfigured


async def serve(
    app: Litestar,
    *,
    host: str,
    port: int,
    certificate: Path,
    key: Path,
    ended: asyncio.Event,
    ready: Callable[[], None] = lambda: None,
) -> None:
    """Serve until `ended`. `ready` is called when the port takes connections. Raises Misconfigured when it can't be had."""
    server = Server(
        app,
        address=host,
        port=port,
        interface=Interfaces.ASGI,
        ssl_cert=certificate,
        ssl_key=key,
        ssl_protocol_min=SSLProtocols.tls13,
        websockets=False,
        log_enabled=False,
    )
    serving = asyncio.create_task(server.serve())
    ending = asyncio.create_task(ended.wait())
    try:
        await _listening(host, port, serving)
        ready()
        await asyncio.wait((serving, ending), return_when=asyncio.FIRST_COMPLETED)
        if serving.done():
            raise Misconfigured(f"the operator plane on {host}:{port} ended by itself") from serving.exception()
    finally:
        ending.cancel()
        server.stop()  # type: ignore[no-untyped-call]
        await asyncio.wait((serving,), timeout=10)


async def _listening(host: str, port: int, serving: "asyncio.Task[None]") -> None:
    """Return when the port answers. Raises Misconfigured when the server ended first."""
    await asyncio.sleep(0)  # the server binds at its first step: a port that is taken shows here
    while not serving.done():
        try:
            _, writer = await asyncio.open_connection(host, port)
        except OSError:
            await asyncio.sleep(0.02)
            continue
        writer.close()
        return
    raise Misconfigured(f"{host}:{port} can't be had: another program holds it, or set EUCORA_OPERATOR_PORT")
