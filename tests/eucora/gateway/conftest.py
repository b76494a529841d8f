"""One ground and one gateway a module; devices a test. Tests that need a gateway of their own start it on the ground."""

import inspect
import uuid
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import asyncpg
import pytest
import pytest_asyncio
from tests.conftest import at_database
from tests.eucora.gateway.machine import Build, Machine
from tests.eucora.gateway.plane import Device, Enrol, Ground, Plane, Start, enrolled, running

HERE = Path(__file__).parent


def pytest_collection_modifyitems(items: Sequence[pytest.Item]) -> None:
    """Tests of this folder run in the loop of their module, where its gateway runs."""
    for item in items:
        if HERE in item.path.parents and inspect.iscoroutinefunction(getattr(item, "function", None)):
            item.add_marker(pytest.mark.asyncio(loop_scope="module"), append=False)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def ground(servers: Any, template: str, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Ground]:
    """A migrated database and a data directory of this module's own."""
    name = f"t_{uuid.uuid4().hex[:12]}"
    owner = await asyncpg.connect(servers.postgres_owner_url)
    try:
        await owner.execute(f"CREATE DATABASE {name} TEMPLATE {template} STRATEGY file_copy")
        yield Ground(
            tmp_path_factory.mktemp("gateway"),
            at_database(servers.postgres_url, name),
            at_database(servers.postgres_owner_url, name),
            at_database(servers.postgres_keys_url, name),
            servers.redis_url,
        )
        await owner.execute(f"DROP DATABASE {name} WITH (FORCE)")
    finally:
        await owner.close()


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def plane(ground: Ground) -> AsyncIterator[Plane]:
    """A gateway with the default settings."""
    async with running(ground) as plane:
        yield plane


@pytest_asyncio.fixture(loop_scope="module")
async def start(ground: Ground) -> AsyncIterator[Start]:
    """Starts another gateway on the ground, with these settings; each is stopped when the test ends."""
    async with AsyncExitStack() as stack:

        async def begin(**settings: Any) -> Plane:
            return await stack.enter_async_context(running(ground, **settings))

        yield begin


@pytest_asyncio.fixture(loop_scope="module")
async def enrol(tmp_path: Path, start: Start) -> AsyncIterator[Enrol]:
    """Enrols devices through the real listener. They hang up before any gateway of the test is stopped, which would
    wait for them."""
    async with AsyncExitStack() as stack:

        async def begin(plane: Plane, key: Any = None) -> Device:
            device = await enrolled(plane, tmp_path, key)
            stack.push_async_callback(device.client.aclose)
            return device

        yield begin


@pytest_asyncio.fixture(loop_scope="module")
async def device(plane: Plane, enrol: Enrol) -> Device:
    """A device enrolled at `plane`."""
    return await enrol(plane)


@pytest_asyncio.fixture(loop_scope="module")
async def owner(ground: Ground) -> AsyncIterator[Any]:
    """The database as its owner sees it, to break and to mend what the application may not."""
    connection = await asyncpg.connect(ground.owner_url)
    yield connection
    await connection.close()


@pytest_asyncio.fixture(loop_scope="module")
async def build(tmp_path: Path) -> AsyncIterator[Build]:
    """Enrols a recorded machine at a gateway."""
    machines = []

    async def begin(plane: Plane) -> Machine:
        folder = tmp_path / f"{len(machines)}"
        (folder / "root/run/systemd/sessions").mkdir(parents=True)
        machine = Machine(plane, folder)
        machines.append(machine)
        await machine.enrol()
        return machine

    yield begin
    for machine in machines:
        await machine.stop()
        machine.thread.shutdown()


@pytest_asyncio.fixture(loop_scope="module")
async def machine(plane: Plane, build: Build) -> Machine:
    return await build(plane)
