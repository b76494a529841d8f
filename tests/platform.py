"""The whole platform as a user starts it: `eucora up` in a process of its own, a data folder of its own, free ports.

With EUCORA_POSTGRES_OWNER_URL (and the two others) set, it runs on that PostgreSQL, on a database of its own.
"""

import asyncio
import json
import os
import signal
import subprocess
import sys
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import asyncpg
from bench.own import free_ports
from tests.conftest import at_database

START_LIMIT_S = 90
POSTGRES = ("EUCORA_POSTGRES_URL", "EUCORA_POSTGRES_OWNER_URL", "EUCORA_POSTGRES_KEYS_URL")

T = TypeVar("T")


@dataclass
class Up:
    """A running `eucora up`, and the commands that a user types beside it."""

    data_dir: Path
    environ: dict[str, str]
    process: subprocess.Popen[str] | None = None
    said: list[str] = field(default_factory=list)

    @property
    def pid(self) -> int:
        assert self.process is not None
        return self.process.pid

    @property
    def log(self) -> Path:
        return self.data_dir.parent / "up.log"

    def start(self, *flags: str) -> "Up":
        self.log.write_text("")
        with open(self.log, "a+") as log:
            argv = [sys.executable, "-m", "eucora.cli.main", "up", *flags]
            self.process = subprocess.Popen(argv, env=self.environ, stdout=log, stderr=log, text=True)
        began = time.monotonic()
        while "EUCORA is up" not in self.output():
            if self.process.poll() is not None or time.monotonic() - began > START_LIMIT_S:
                raise AssertionError(f"eucora up did not come up: {self.output()[-3000:]}")
            time.sleep(0.1)
        return self

    def output(self) -> str:
        return self.log.read_text()

    def stop(self, how: signal.Signals = signal.SIGINT) -> int:
        assert self.process is not None
        self.process.send_signal(how)
        return self.process.wait(60)

    def end(self) -> None:
        """Whatever became of it, nothing of it runs afterwards."""
        if self.process is not None and self.process.poll() is None:
            self.stop()

    def run(self, *words: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "eucora.cli.main", *words],
            env=self.environ,
            capture_output=True,
            text=True,
            check=check,
        )

    def json(self, *words: str) -> Any:
        done = self.run(*words, "--json", check=False)
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    def eventually(self, question: Callable[[], T], limit_s: float = 60.0) -> T:
        """The first true answer to `question()`."""
        began = time.monotonic()
        while True:
            answer = question()
            if answer or time.monotonic() - began > limit_s:
                assert answer, self.output()[-2000:]
                return answer
            time.sleep(0.2)


def owner(up: Up) -> str:
    """A URL of the role whose tables they are: it sees all of them."""
    if "EUCORA_POSTGRES_OWNER_URL" in up.environ:
        return up.environ["EUCORA_POSTGRES_OWNER_URL"]
    folder, secret = up.data_dir / "postgres", (up.data_dir / "secrets" / "eucora_owner.password").read_text()
    port = (folder / "postmaster.pid").read_text().splitlines()[3]
    return f"postgresql://eucora_owner:{secret}@127.0.0.1:{port}/eucora?sslmode=disable"


@contextmanager
def platform_in(folder: Path, **settings: str) -> Iterator[Up]:
    """A platform that is not yet started; ended with the block."""
    device, enrolment, operator = free_ports(3)
    environ = {k: v for k, v in os.environ.items() if not k.startswith("EUCORA_")} | {
        "EUCORA_DATA_DIR": str(folder / "data"),
        "EUCORA_DEVICE_PORT": str(device),
        "EUCORA_ENROLMENT_PORT": str(enrolment),
        "EUCORA_OPERATOR_PORT": str(operator),
    }
    with _external_database() as urls:
        up = Up(folder / "data", environ | urls | settings)
        try:
            yield up
        finally:
            up.end()


@contextmanager
def _external_database() -> Iterator[dict[str, str]]:
    if POSTGRES[1] not in os.environ:
        yield {}
        return
    name, owner = f"up_{uuid.uuid4().hex[:12]}", os.environ[POSTGRES[1]]
    asyncio.run(execute(owner, f"CREATE DATABASE {name}"))
    yield {variable: at_database(os.environ[variable], name) for variable in POSTGRES}
    asyncio.run(execute(owner, f"DROP DATABASE {name} WITH (FORCE)"))


async def execute(url: str, statement: str) -> None:
    """One statement, in a session of its own."""
    connection = await asyncpg.connect(url)
    try:
        await connection.execute(statement)
    finally:
        await connection.close()
