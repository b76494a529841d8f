"""`eucora serve ROLE`: one role of the platform in this process. `eucora up` starts each; so may a service manager."""

import asyncio
import gc
import os
import signal
from collections.abc import Awaitable, Callable
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer
import uvloop

from eucora import assemble, scratch, settings
from eucora.problems import EucoraError
from eucora.settings import Settings


class Role(StrEnum):
    """What a process may be."""

    gateway = "gateway"
    pipeline = "pipeline"
    api = "api"


RUN: dict[Role, Callable[[Settings, asyncio.Event, Callable[[], None]], Awaitable[None]]] = {
    Role.gateway: assemble.run_gateway,
    Role.pipeline: assemble.run_pipeline,
    Role.api: assemble.run_api,
}


def serve(role: Annotated[Role, typer.Argument(help="gateway, pipeline or api")]) -> None:
    """Run one role of the platform in the foreground, on the stores that EUCORA_* names."""
    try:
        uvloop.run(_serve(role, settings.read()))
    except EucoraError as exc:
        typer.echo(f"eucora serve {role}: {exc}", err=True)
        raise typer.Exit(1) from exc


async def _serve(role: Role, given: Settings) -> None:
    ended = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, ended.set)
    mark = ready_mark(given.data_dir / "run", role, os.getpid())
    mark.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    assemble.configure_logs(given, role)
    try:
        with scratch.held(given.data_dir / "scratch"):
            await RUN[role](given, ended, lambda: _ready(mark))
    finally:
        mark.unlink(missing_ok=True)


def _ready(mark: Path) -> None:
    quiet_collector()
    _write(mark)


def quiet_collector() -> None:
    """What a batch makes is freed by counting references; the cycle collector would walk it for nothing."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 50)


def ready_mark(folder: Path, role: str, pid: int) -> Path:
    """The file that is there while a process is ready."""
    return folder / f"{role}-{pid}.ready"


def _write(mark: "os.PathLike[str]") -> None:
    with open(mark, "w", encoding="ascii") as file:
        file.write(str(os.getpid()))
