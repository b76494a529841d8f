"""Debian's Prometheus with the configuration that we ship, on a free port of loopback, killed and started at will."""

from pathlib import Path
from typing import Any

import httpx
from tests.live import server

from eucora.problems import EucoraError

SHIPPED = server.SHIPPED / "prometheus" / "prometheus.yml"
ADMITTED = ("--web.enable-remote-write-receiver", "--web.enable-admin-api", "--storage.tsdb.retention.time=90d")


class Server(server.Server):
    """One server and its data. `options` and `config` are those that the shipped file tells to use."""

    ready_path = "/-/ready"

    def __init__(self, config: Path = SHIPPED, options: tuple[str, ...] = ADMITTED) -> None:
        binary = server.program("prometheus")
        if binary is None:
            raise EucoraError("there is no Prometheus: apt-get install --no-install-recommends prometheus")
        (port,) = server.free(1)
        argv = (
            binary,
            f"--config.file={config}",
            "--storage.tsdb.path={folder}/data",
            f"--web.listen-address=127.0.0.1:{port}",
        )
        super().__init__("prometheus", (*argv, *options), port)

    def query(self, promql: str, at_s: float) -> list[dict[str, Any]]:
        """What the server's own API answers to an instant query."""
        answer = httpx.get(f"{self.url}/api/v1/query", params={"query": promql, "time": at_s}, trust_env=False)
        found: list[dict[str, Any]] = answer.raise_for_status().json()["data"]["result"]
        return found
