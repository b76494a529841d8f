"""A real server for tests, on free ports of loopback, killed and started at will; its data goes with it."""

import os
import re
import shutil
import subprocess
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path

import httpx

from eucora.embedded.ports import HIGHEST, LOWEST, is_free
from eucora.embedded.supervise import Program, plain_environment, spawn
from eucora.problems import EucoraError

BY_CHANCE = ("loki", "tempo")
"""Servers that nothing here installs, for their licence; what needs one is left out on a machine without, and said so."""

SHIPPED = Path(__file__).resolve().parents[2] / "deploy"
PATIENCE_S = 60.0


def program(name: str) -> str | None:
    """Where a server's program is: named by EUCORA_TEST_<NAME>, or on PATH."""
    return os.environ.get(f"EUCORA_TEST_{name.upper()}") or shutil.which(name)


_given: set[int] = set()


def free(count: int) -> list[int]:
    """Ports that nobody holds and nobody here was given; others look for theirs at the same time, from another place."""
    span = HIGHEST - LOWEST
    each = (LOWEST + (os.getpid() * 37 + n) % span for n in range(span))
    found = [port for _, port in zip(range(count), (p for p in each if p not in _given and is_free(p)), strict=False)]
    _given.update(found)
    return found


class Server:
    """`argv` and `environment` are made by who knows the server; `{folder}` in them is where its data lies."""

    ready_path = "/ready"

    def __init__(
        self, name: str, argv: tuple[str, ...], port: int, environment: Mapping[str, str] | None = None
    ) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix=f"eucora-{name}-"))
        self.url = f"http://127.0.0.1:{port}"
        self._process: subprocess.Popen[bytes] | None = None
        placed = {key: value.format(folder=self.folder) for key, value in (environment or {}).items()}
        self._program = Program(
            name=name,
            argv=tuple(word.replace("{folder}", str(self.folder)) for word in argv),
            log=self.folder / "log",
            ready=lambda pid: self.is_ready(),
            environment={**plain_environment(), **placed},
        )

    def start(self) -> None:
        self._process = spawn(self._program)
        until = time.monotonic() + PATIENCE_S
        while not self.is_ready():
            if self._process.poll() is not None or time.monotonic() > until:
                raise EucoraError(f"{self._program.name} does not start: {self.log()[-800:]}")
            time.sleep(0.05)

    def is_ready(self) -> bool:
        try:
            return httpx.get(self.url + self.ready_path, trust_env=False, timeout=2).is_success
        except httpx.TransportError:
            return False

    def log(self) -> str:
        return (self.folder / "log").read_text(errors="replace")

    def kill(self) -> None:
        """As a power cut does it."""
        assert self._process is not None
        self._process.kill()
        self._process.wait()

    def close(self) -> None:
        if self._process is not None and self._process.poll() is None:
            self.kill()
        shutil.rmtree(self.folder)


def counter(url: str, name: str) -> int:
    """What a server counted under a name of its /metrics, over all labels."""
    told = httpx.get(url, trust_env=False, timeout=10).raise_for_status().text
    return round(sum(float(value) for value in re.findall(rf"(?m)^{name}(?:_total)?(?:\{{.*\}})? (\S+)$", told)))


if __name__ == "__main__":
    for absent in (name for name in BY_CHANCE if program(name) is None):
        print(f"There is no {absent} on PATH: what is proved against one is left out.", flush=True)
