"""Debian's Prometheus with the configuration that we ship, on a free port of loopback, killed and started at will."""

import shutil
import subprocess
import tempfile
import time
from pathlib import Path
from typing import Any

import httpx

from eucora.embedded.ports import LOWEST, is_free
from eucora.embedded.supervise import Program, plain_environment, spawn
from eucora.problems import EucoraError

BINARY = "prometheus"
SHIPPED = Path(__file__).resolve().parents[2] / "deploy" / "prometheus" / "prometheus.yml"
ADMITTED = ("--web.enable-remote-write-receiver", "--web.enable-admin-api", "--storage.tsdb.retention.time=90d")
PATIENCE_S = 30.0


class Server:
    """One server and its data. `options` and `config` are those that the shipped file tells to use."""

    def __init__(self, config: Path = SHIPPED, options: tuple[str, ...] = ADMITTED) -> None:
        binary = shutil.which(BINARY)
        if binary is None:
            raise EucoraError("there is no Prometheus: apt-get install --no-install-recommends prometheus")
        self._folder = Path(tempfile.mkdtemp(prefix="eucora-prometheus-"))
        self._process: subprocess.Popen[bytes] | None = None
        port = next(port for port in range(LOWEST, 2**15) if is_free(port))
        self.url = f"http://127.0.0.1:{port}"
        self._program = Program(
            name="prometheus",
            argv=(
                binary,
                f"--config.file={config}",
                f"--storage.tsdb.path={self._folder / 'data'}",
                f"--web.listen-address=127.0.0.1:{port}",
                *options,
            ),
            log=self._folder / "log",
            ready=lambda pid: self.is_ready(),
            environment=plain_environment(),
        )

    def start(self) -> None:
        self._process = spawn(self._program)
        until = time.monotonic() + PATIENCE_S
        while not self.is_ready():
            if self._process.poll() is not None or time.monotonic() > until:
                raise EucoraError(f"Prometheus does not start: {self.log()[-500:]}")
            time.sleep(0.05)

    def is_ready(self) -> bool:
        try:
            return httpx.get(f"{self.url}/-/ready", trust_env=False).is_success
        except httpx.TransportError:
            return False

    def log(self) -> str:
        return (self._folder / "log").read_text(errors="replace")

    def kill(self) -> None:
        """As a power cut does it."""
        assert self._process is not None
        self._process.kill()
        self._process.wait()

    def close(self) -> None:
        if self._process is not None and self._process.poll() is None:
            self.kill()
        shutil.rmtree(self._folder)

    def query(self, promql: str, at_s: float) -> list[dict[str, Any]]:
        """What the server's own API answers to an instant query."""
        answer = httpx.get(f"{self.url}/api/v1/query", params={"query": promql, "time": at_s}, trust_env=False)
        found: list[dict[str, Any]] = answer.raise_for_status().json()["data"]["result"]
        return found
