"""VictoriaMetrics, which takes Prometheus' remote writes and answers PromQL. Apache-2.0, built here.

It keeps a sample as often as it is told unless samples of one moment are merged, which the flag below asks for.
"""

from typing import Any

import httpx
from tests.live import built, server

MERGED = "-dedup.minScrapeInterval=1ms"


class VictoriaMetrics(server.Server):
    """One server and its data."""

    ready_path = "/health"

    def __init__(self) -> None:
        (port,) = server.free(1)
        argv = (
            str(built.program(built.HERE / "victoriametrics")),
            "-storageDataPath={folder}/data",
            f"-httpListenAddr=127.0.0.1:{port}",
            "-retentionPeriod=90d",
            "-inmemoryDataFlushInterval=1s",
            MERGED,
        )
        super().__init__("victoriametrics", argv, port)

    def query(self, promql: str, at_s: float) -> list[dict[str, Any]]:
        """What its API answers to an instant query, once everything that it took is shown."""
        httpx.get(f"{self.url}/internal/force_flush", trust_env=False).raise_for_status()
        answer = httpx.get(f"{self.url}/api/v1/query", params={"query": promql, "time": at_s}, trust_env=False)
        found: list[dict[str, Any]] = answer.raise_for_status().json()["data"]["result"]
        return found
