"""Prometheus with the configuration that we ship: Debian's (2.42), and a newer one where it was built (`built.py`)."""

from pathlib import Path
from typing import Any

import httpx
from tests.live import built, server

from eucora.problems import EucoraError

SHIPPED = server.SHIPPED / "prometheus" / "prometheus.yml"
ADMITTED = ("--web.enable-remote-write-receiver", "--web.enable-admin-api", "--storage.tsdb.retention.time=90d")


NEWER = built.cached("prometheus")
PROGRAMS = {"2": server.program("prometheus"), **({"3": NEWER} if NEWER else {})}


class Server(server.Server):
    """One server and its data. `options` and `config` are those that the shipped file tells to use."""

    ready_path = "/-/ready"

    def __init__(self, config: Path = SHIPPED, options: tuple[str, ...] = ADMITTED, version: str = "2") -> None:
        binary, self.version = PROGRAMS[version], version
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
