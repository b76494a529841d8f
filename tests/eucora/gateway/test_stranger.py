"""The gateway plays the stranger at its own door, and believes nothing else."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from tests.eucora.gateway.plane import Plane, free_ports

from eucora import clock
from eucora.gateway import stranger
from eucora.gateway.app import door
from eucora.gateway.serve import listener
from eucora.gateway.stranger import require_closed
from eucora.problems import Misconfigured


@asynccontextmanager
async def open_to_all(plane: Plane) -> AsyncIterator[int]:
    """The port of a device plane that asks for no certificate: what Granian would be without its CA."""
    (port,) = free_ports(1)
    server = listener(door(plane.house), "127.0.0.1", port, plane.house.authority, client_certificates=False)
    serving = asyncio.create_task(server.serve())
    yield port
    server.stop()
    await serving


async def test_a_closed_door_passes(plane: Plane) -> None:
    await require_closed("127.0.0.1", plane.house.settings.device_port, plane.house.authority, clock.now())


async def test_a_door_that_is_bound_to_every_address_is_tried_on_loopback(plane: Plane) -> None:
    await require_closed("0.0.0.0", plane.house.settings.device_port, plane.house.authority, clock.now())


async def test_a_door_that_lets_anybody_in_is_found(plane: Plane) -> None:
    async with open_to_all(plane) as port:
        with pytest.raises(Misconfigured, match="lets in a client without a certificate"):
            await require_closed("127.0.0.1", port, plane.house.authority, clock.now())


async def test_an_open_door_among_several_that_share_a_port_is_found(plane: Plane) -> None:
    port = plane.house.settings.device_port
    server = listener(door(plane.house), "127.0.0.1", port, plane.house.authority, client_certificates=False)
    serving = asyncio.create_task(server.serve())
    try:
        with pytest.raises(Misconfigured, match="lets in a client"):
            await require_closed("127.0.0.1", port, plane.house.authority, clock.now(), shared_by=2)
    finally:
        server.stop()
        await serving


async def test_a_dead_port_does_not_pass_for_a_closed_door(plane: Plane, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stranger, "START_LIMIT_S", 0.2)
    (port,) = free_ports(1)
    with pytest.raises(Misconfigured, match="does not answer its own certificate"):
        await require_closed("127.0.0.1", port, plane.house.authority, clock.now())
