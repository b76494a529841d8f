"""The whole platform as a user starts it: `eucora up` in a process of its own, a data folder of its own, free ports."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

START_LIMIT_S = 90


def free_ports(count: int) -> list[int]:
    held = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [s.getsockname()[1] for s in held]
    for s in held:
        s.close()
    return ports


@dataclass
class Up:
    """A running `eucora up`, and the commands that a user types beside it."""

    data_dir: Path
    environ: dict[str, str]
    process: subprocess.Popen[str] | None = None
    said: list[str] = field(default_factory=list)

    def start(self, *flags: str) -> "Up":
        with open(self.data_dir.parent / "up.log", "a+") as log:
            argv = [sys.executable, "-m", "eucora.cli.main", "up", *flags]
            self.process = subprocess.Popen(argv, env=self.environ, stdout=log, stderr=log, text=True)
        began = time.monotonic()
        while "EUCORA is up" not in self.output():
            if self.process.poll() is not None or time.monotonic() - began > START_LIMIT_S:
                raise AssertionError(f"eucora up did not come up: {self.output()[-3000:]}")
            time.sleep(0.1)
        return self

    def output(self) -> str:
        return (self.data_dir.parent / "up.log").read_text()

    def forget_output(self) -> None:
        (self.data_dir.parent / "up.log").write_text("")

    def stop(self, how: signal.Signals = signal.SIGINT) -> int:
        assert self.process is not None
        self.process.send_signal(how)
        return self.process.wait(60)

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

    def eventually(self, question: Any, limit_s: float = 60.0) -> Any:
        """The first true answer to `question()`."""
        began = time.monotonic()
        while True:
            answer = question()
            if answer or time.monotonic() - began > limit_s:
                assert answer, self.output()[-2000:]
                return answer
            time.sleep(0.2)


def new_up(folder: Path) -> Up:
    device, enrolment, operator = free_ports(3)
    environ = {k: v for k, v in os.environ.items() if not k.startswith("EUCORA_")} | {
        "EUCORA_DATA_DIR": str(folder / "data"),
        "EUCORA_DEVICE_PORT": str(device),
        "EUCORA_ENROLMENT_PORT": str(enrolment),
        "EUCORA_OPERATOR_PORT": str(operator),
    }
    return Up(folder / "data", environ)


@pytest.fixture
def up(tmp_path: Path) -> Iterator[Up]:
    """A platform of this test's own, not yet started."""
    platform = new_up(tmp_path)
    yield platform
    if platform.process is not None and platform.process.poll() is None:
        platform.stop()


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Up]:
    """A platform that the tests of one file share, with this machine's agent."""
    platform = new_up(tmp_path_factory.mktemp("up")).start()
    yield platform
    assert platform.process is not None
    if platform.process.poll() is None:
        platform.stop()
