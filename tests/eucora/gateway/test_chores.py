"""The gateway as assembled does what comes round from time to time, beside its requests."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import msgspec
import pytest_asyncio
from tests.eucora.gateway.plane import Enrol, Plane, free_ports

from eucora.assemble import run_gateway, write_s3_credentials


@pytest_asyncio.fixture(loop_scope="module")
async def assembled(plane: Plane, servers: Any, tmp_path: Path) -> AsyncIterator[str]:
    """Where the device plane of a gateway is that assembly made from settings alone."""
    write_s3_credentials(tmp_path / "s3", servers.s3)
    device_port, enrolment_port = free_ports(2)
    settings = msgspec.structs.replace(
        plane.house.settings,
        device_port=device_port,
        enrolment_port=enrolment_port,
        postgres_url=plane.ground.app_url,
        postgres_keys_url=plane.ground.keys_url,
        s3_url=servers.s3.url,
        s3_ca_file=servers.s3.ca_file,
        s3_credentials_file=tmp_path / "s3",
    )
    ended, ready = asyncio.Event(), asyncio.Event()
    gateway = asyncio.create_task(run_gateway(settings, ended, ready.set))
    await asyncio.wait_for(ready.wait(), 20)
    yield f"https://localhost:{device_port}"
    ended.set()
    await gateway


async def test_a_device_is_asked_for_a_full_inventory_soon_after_one_is_wanted(
    assembled: str, plane: Plane, enrol: Enrol
) -> None:
    device = await enrol(plane)
    assert "resync" not in (await device.good(assembled))["next"]
    await plane.pool.execute("INSERT INTO software_state (device, resync) VALUES ($1, true)", device.id)
    asked = None
    async with asyncio.timeout(20):
        while asked != ["software"]:
            await asyncio.sleep(0.1)
            asked = (await device.good(assembled))["next"].get("resync")
    await device.client.aclose()
