"""`eucora up`: start everything in the foreground, say where it is, and stop it all in order on Ctrl-C.

The order: embedded servers at once → database brought up to date and founded → the platform's roles → a local agent.
Each part is a child process that dies with this one and is started again when it dies by itself.
"""

import asyncio
import os
import shutil
import signal
import sys
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import msgspec
import typer
from rich.console import Console
from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn
from rich.table import Table

from eucora import assemble, settings
from eucora.cli.local_agent import agent_environment, enrol_agent
from eucora.cli.serve import ready_mark
from eucora.embedded import supervise
from eucora.embedded.datadir import holder
from eucora.embedded.ports import is_free
from eucora.embedded.start import Embedded, start_embedded
from eucora.problems import EucoraError, Misconfigured
from eucora.settings import Settings, addresses

MOST_GATEWAYS = 4
"""When the setting leaves it to the number of cores: beyond that the database has the work."""


@dataclass
class Running:
    """What runs, in the order in which it was started."""

    servers: Embedded
    children: dict[str, supervise.Child]
    new_epoch: int | None = None

    def stop(self, resolved: Settings | None = None) -> None:
        """The agent, then the roles together; then the servers below them, once the trail knows of it."""
        if agent := self.children.pop("agent", None):
            agent.stop()
        for child in self.children.values():
            child.ask_to_stop()
        for child in self.children.values():
            child.stop()
        try:
            if resolved is not None:
                asyncio.run(assemble.told(resolved, "platform.stopped"))
        finally:
            self.servers.stop()


def up(
    agent: Annotated[
        bool, typer.Option("--agent/--no-agent", help="Enrol and start an agent for this machine.")
    ] = True,
) -> None:
    """Start the platform in the foreground: servers, gateway, pipeline, API and an agent for this machine."""
    console = Console(stderr=True)
    ended = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, lambda *_: ended.set())
    try:
        given = settings.read()
        with _progress(console) as report:
            running, resolved = _start(given, agent, report)
        try:
            console.print(_where(resolved, agent))
            if running.new_epoch:
                console.print(
                    f"The database was put back: epoch {running.new_epoch} begins; devices send what it lacks."
                )
            link = asyncio.run(assemble.console_link(resolved))
            console.print(f"Look: {link} opens the console once, within ten minutes.", soft_wrap=True, highlight=False)
            ended.wait()
            console.print("Stopping …")
        finally:
            running.stop(resolved)
    except EucoraError as exc:
        console.print(f"[bold red]eucora up:[/] {exc}", highlight=False, soft_wrap=True)
        raise typer.Exit(1) from exc
    console.print("Stopped; all data is kept.")


def _start(given: Settings, agent: bool, report: supervise.Report) -> tuple[Running, Settings]:
    assemble.check_endpoints(given)
    if holder(given.data_dir) is None:  # else the ports are taken by the one that runs, and that is what must be said
        _require_free_ports(given)
    servers = start_embedded(given.data_dir, _wanted(given), report)
    running = Running(servers, {})
    try:
        resolved = _resolve(given, servers)
        report("database", "bringing up to date")
        running.new_epoch = asyncio.run(assemble.found(resolved))
        asyncio.run(assemble.told(resolved, "platform.started"))
        report("database", "ready")
        parts = _parts(resolved)
        _forget_marks(resolved.data_dir / "run")
        for name, role in parts.items():
            running.children[name] = _begin(_role(name, role, resolved), report)
        for name in parts:
            running.children[name].wait_ready()
        if agent:
            report("agent", "enrolling")
            enrol_agent(resolved)
            running.children["agent"] = _begin(_agent(resolved), report)
            running.children["agent"].wait_ready()
    except BaseException:
        running.stop()
        raise
    return running, resolved


def _require_free_ports(given: Settings) -> None:
    """Before anything is started. Raises Misconfigured naming each listener's port that another program holds."""
    faults = [
        f"port {port} of {given.listen} is taken by another program: end that, or set EUCORA_{name.upper()}"
        for name in ("device_port", "enrolment_port", "operator_port")
        if not is_free(port := getattr(given, name), given.listen)
    ]
    if faults:
        raise Misconfigured("; ".join(faults))


def _wanted(given: Settings) -> frozenset[str]:
    """The servers that no URL replaces."""
    named = {"postgres": given.postgres_url, "valkey": given.redis_url, "s3": given.s3_url}
    return frozenset(name for name, url in named.items() if not url)


def _resolve(given: Settings, servers: Embedded) -> Settings:
    """The settings with the embedded servers in place of what was left open."""
    found = {
        "postgres_url": servers.postgres_url,
        "postgres_owner_url": servers.postgres_owner_url,
        "postgres_keys_url": servers.postgres_keys_url,
        "redis_url": servers.redis_url,
    }
    gateways = given.gateways or min(MOST_GATEWAYS, os.cpu_count() or 1)
    resolved = msgspec.structs.replace(given, gateways=gateways, **{k: v for k, v in found.items() if v})
    if servers.s3 is not None:
        credentials = given.data_dir / "secrets" / "s3.credentials"
        assemble.write_s3_credentials(credentials, servers.s3)
        resolved = msgspec.structs.replace(resolved, s3_url=servers.s3.url, s3_credentials_file=credentials)
    return resolved


def _begin(program: supervise.Program, report: supervise.Report) -> supervise.Child:
    report(program.name, "starting")
    child = supervise.Child(program, report)
    child.start()
    return child


def _parts(resolved: Settings) -> dict[str, str]:
    """The platform's processes by name, and their roles. Several gateways share the device plane's ports."""
    gateways = {"gateway" if n == 1 else f"gateway-{n}": "gateway" for n in range(1, resolved.gateways + 1)}
    return {**gateways, "pipeline": "pipeline", "api": "api"}


def _forget_marks(folder: Path) -> None:
    """What killed processes left says nothing, and their pids come again."""
    folder.mkdir(mode=0o700, exist_ok=True)
    for mark in folder.glob("*.ready"):
        mark.unlink()


def _role(name: str, role: str, resolved: Settings) -> supervise.Program:
    """One process of the platform as a child: the same program started with another word."""
    marks = resolved.data_dir / "run"
    return supervise.Program(
        name=name,
        argv=(sys.executable, "-m", "eucora.cli.main", "serve", role),
        log=resolved.data_dir / "logs" / f"{name}.log",
        ready=lambda pid: ready_mark(marks, role, pid).read_text() == str(pid),
        environment={
            **supervise.plain_environment(),
            **settings.to_environment(resolved),
            "HOME": os.environ.get("HOME", "/"),
        },
        start_limit_s=60,
        stop_limit_s=20,
    )


def _agent(resolved: Settings) -> supervise.Program:
    return supervise.Program(
        name="agent",
        argv=(sys.executable, "-m", "eucora_agent.main", "run"),
        log=resolved.data_dir / "logs" / "agent.log",
        ready=lambda _: True,
        environment={**_proxy(os.environ), **supervise.plain_environment(), **agent_environment(resolved)},
    )


def _proxy(environ: Mapping[str, str]) -> dict[str, str]:
    """The agent reports whether a proxy is configured, so it must see what the system says of one."""
    return {
        k: v for k, v in environ.items() if k.lower() in ("http_proxy", "https_proxy", "all_proxy", "no_proxy", "home")
    }


@contextmanager
def _progress(console: Console) -> Iterator[supervise.Report]:
    """A line a part, while everything starts; afterwards what happens to a part is one line each."""
    columns = (
        SpinnerColumn(),
        TextColumn("{task.description:<10}"),
        TextColumn("{task.fields[said]}"),
        TimeElapsedColumn(),
    )
    lines: dict[str, int] = {}
    shown = Progress(*columns, console=console, transient=True, disable=not console.is_terminal)
    starting = True

    def report(name: str, said: str) -> None:
        if not starting:
            console.print(f"{name}: {said}", highlight=False)
            return
        if name not in lines:
            lines[name] = shown.add_task(name, total=1, said=said)
        shown.update(lines[name], said=said, completed=int(said.startswith("ready")))  # type: ignore[arg-type]

    with shown:
        yield report
    starting = False


def _where(resolved: Settings, agent: bool) -> Table:
    """What is where, and what to type next."""
    where = addresses(resolved)
    table = Table(title="EUCORA is up", title_justify="left", show_header=False, box=None, padding=(0, 2, 0, 0))
    table.add_column(no_wrap=True)
    table.add_column(overflow="fold")
    table.add_column(overflow="fold")
    table.add_row("devices", where["device_url"], "telemetry, mTLS")
    table.add_row("enrolment", where["enrolment_url"], "new agents")
    table.add_row("operators", where["url"], "API; its documents under /schema")
    table.add_row("data", str(resolved.data_dir), "databases, secrets, logs")
    table.add_section()
    eucora = _as_typed()
    if agent:
        table.add_row("next", f"{eucora} devices", "this machine should be there")
        table.add_row("", f"{eucora} series self cpu", "its processor, drawn")
        table.add_row("", f"{eucora} software self", "its packages")
    else:
        table.add_row("next", f"{eucora} enrolment-tokens create", "for the first device")
    table.add_row("", f"{eucora} status", "what happens, what lags")
    table.add_row("", f"{eucora} console", "another link to the console")
    table.add_row("stop", f"Ctrl-C, or {eucora} down", "nothing is lost")
    return table


def _as_typed() -> str:
    """This program as one types it here: by its name where the shell finds it, else by its path."""
    found = shutil.which("eucora")
    mine = Path(sys.executable).parent / "eucora"
    if found and Path(found).absolute() == mine:
        return "eucora"
    return str(mine.relative_to(Path.cwd()) if mine.is_relative_to(Path.cwd()) else mine)


def down() -> None:
    """Stop the platform that runs on this data directory, wherever it was started."""
    console = Console(stderr=True)
    folder = settings.read().data_dir
    pid = holder(folder)
    if pid is None:
        console.print(f"Nothing runs on {folder}.")
        return
    os.kill(pid, signal.SIGTERM)
    for _ in range(300):
        if holder(folder) is None:
            console.print("Stopped; all data is kept.")
            return
        threading.Event().wait(0.1)
    console.print(f"[bold red]eucora down:[/] pid {pid} has not stopped within 30 s; see {folder / 'logs'}")
    raise typer.Exit(1)
