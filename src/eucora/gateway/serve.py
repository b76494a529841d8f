"""Both listeners in one loop: Granian, HTTP/2 and TLS 1.3 only, client certificates required on the device plane.

Granian drops client verification without a word when it has no CA. So it is never believed: after the start the device
plane must refuse a stranger, with no certificate and with one of his own, or the process ends.
"""

import asyncio
from collections.abc import Callable, Sequence
from pathlib import Path

from granian.constants import HTTPModes, Interfaces, SSLProtocols
from granian.http import HTTP2Settings
from granian.server.embed import Server

from eucora import clock
from eucora.gateway.app import App, door, enrolment_door
from eucora.gateway.authority import Authority
from eucora.gateway.house import Gateway
from eucora.gateway.stranger import require_closed
from eucora.problems import Misconfigured

CONNECTIONS = 16_384
"""Devices connected at once; Granian's backpressure counts connections."""

STOP_LIMIT_S = 3.0
"""Devices stay connected for days; what is under way is answered in a fraction of this."""

STREAMS = HTTP2Settings(
    max_concurrent_streams=256,
    max_headers_size=64 * 1024,
    initial_stream_window_size=1024 * 1024,
    initial_connection_window_size=4 * 1024 * 1024,
    # An agent answers when it wakes for its next payload, each minute by default: before that it counts as alive.
    keep_alive_interval=60_000,
    keep_alive_timeout=180,
)


def listener(app: App, address: str, port: int, authority: Authority, *, client_certificates: bool) -> Server:
    """A server that is not started. Raises Misconfigured when client certificates are wanted and no CA is there."""
    trusted: Path | None = authority.trusted_file if client_certificates else None
    if trusted is not None and not _has_authority(trusted):
        raise Misconfigured(f"{trusted} holds no certificate authority: the device plane stays closed")
    return Server(
        app,
        address=address,
        port=port,
        interface=Interfaces.RSGI,
        http=HTTPModes.http2,
        http2_settings=STREAMS,
        websockets=False,
        backlog=1024,
        backpressure=CONNECTIONS,
        log_enabled=False,
        ssl_cert=authority.server_file,
        ssl_key=authority.server_key_file,
        ssl_protocol_min=SSLProtocols.tls13,
        ssl_ca=trusted,
        ssl_client_verify=client_certificates,
    )


async def serve(house: Gateway, ended: asyncio.Event, ready: Callable[[], None]) -> None:
    """Serve until `ended`. `ready` is called when the device plane is proved closed to strangers. Raises Misconfigured
    when a port can't be had or the door does not close."""
    settings, authority = house.settings, house.authority
    await house.notices.refresh()
    await house.sites.read()
    servers = (
        listener(door(house), settings.listen, settings.device_port, authority, client_certificates=True),
        listener(enrolment_door(house), settings.listen, settings.enrolment_port, authority, client_certificates=False),
    )
    serving = [asyncio.create_task(server.serve()) for server in servers]
    ending = asyncio.create_task(ended.wait())
    closed = require_closed(
        settings.listen, settings.device_port, authority, clock.now(), shared_by=max(1, settings.gateways)
    )
    proof = asyncio.create_task(closed)
    try:
        await asyncio.wait((proof, *serving), return_when=asyncio.FIRST_COMPLETED)
        _require_alive(serving, house)
        await proof
        ready()
        await asyncio.wait((ending, *serving), return_when=asyncio.FIRST_COMPLETED)
        _require_alive(serving, house)
    finally:
        for task in (ending, proof):
            task.cancel()
        for server in servers:
            server.stop()  # type: ignore[no-untyped-call]
        await asyncio.wait(serving, timeout=STOP_LIMIT_S)
        await house.group.drain()
        await house.refusals.tell(house.pool, clock.now(), at_the_end=True)


def _require_alive(serving: Sequence["asyncio.Task[None]"], house: Gateway) -> None:
    for task in serving:
        if task.done():
            ports = f"{house.settings.device_port} and {house.settings.enrolment_port}"
            raise Misconfigured(
                f"ports {ports} can't be had: another program holds one; set EUCORA_DEVICE_PORT, EUCORA_ENROLMENT_PORT"
            ) from task.exception()


def _has_authority(file: Path) -> bool:
    return file.is_file() and b"BEGIN CERTIFICATE" in file.read_bytes()
