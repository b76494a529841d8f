"""The faults: what is killed, stopped and woken, by the pid files that `eucora up` keeps."""

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from bench.processes import below
from tests.platform import Up


def pids_of(up: Up, name: str) -> list[int]:
    """A server's or a role's processes, of which one may just be starting again; a gateway may have several."""
    return up.eventually(lambda: list(_noted(up.data_dir / "logs", name)))


def _noted(logs: Path, name: str) -> Iterator[int]:
    for file in logs.glob(f"{name}*.pid"):
        with suppress(FileNotFoundError):  # it ended just now
            yield from map(int, file.read_text().split()[:1])


def pid_of(up: Up, name: str) -> int:
    """The process of a role that has one."""
    return pids_of(up, name)[0]


def environment_of(up: Up, role: str) -> dict[str, str]:
    """What a role was told by its environment: the stores, with their passwords."""
    told = Path(f"/proc/{pid_of(up, role)}/environ").read_bytes().decode().split("\0")
    return dict(pair.split("=", 1) for pair in told if pair)


def kill(name: str) -> Callable[[Up], None]:
    """Kill it and all that it started: a PostgreSQL with its backends, a gateway with its twin."""

    def kill_groups(up: Up) -> None:
        for pid in pids_of(up, name):
            with suppress(ProcessLookupError):
                os.killpg(pid, signal.SIGKILL)

    return kill_groups


def kill_postmaster(up: Up) -> None:
    """Its backends are left behind, for as long as they take to notice."""
    os.kill(pid_of(up, "postgres"), signal.SIGKILL)


def kill_everything(up: Up) -> None:
    """Platform and servers at one blow, and a new start."""
    for pid in below(up.pid):
        with suppress(ProcessLookupError):  # gone with its parent
            os.kill(pid, signal.SIGKILL)
    assert up.process is not None
    up.process.wait()
    up.start("--no-agent")


FAULTS: dict[str, Callable[[Up], None]] = {
    "gateway": kill("gateway"),
    "pipeline": kill("pipeline"),
    "api": kill("api"),
    "postgres": kill("postgres"),
    "postmaster alone": kill_postmaster,
    "valkey": kill("valkey"),
    "s3": kill("s3"),
    "everything": kill_everything,
}


@contextmanager
def second_worker(up: Up) -> Iterator[None]:
    """Another pipeline on the same stores, as a service manager on another machine would start it."""
    environ = environment_of(up, "pipeline")
    with open(up.data_dir.parent / "second.log", "ab") as log:
        worker = subprocess.Popen(
            [sys.executable, "-m", "eucora.cli.main", "serve", "pipeline"], env=environ, stdout=log, stderr=log
        )
    try:
        yield
    finally:
        worker.terminate()
        worker.wait(30)


@contextmanager
def stopped(pid: int) -> Iterator[None]:
    """Asleep in the middle of whatever it did, as a paused virtual machine is; woken afterwards."""
    os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        with suppress(ProcessLookupError):  # killed in its sleep
            os.kill(pid, signal.SIGCONT)
