"""VictoriaLogs, which takes Loki's push API: it stands in for Loki where there is none. Apache-2.0, built here.

It keeps each line as often as it is told, names none that it refuses (what is too old it drops and counts), and has what
it acknowledged on disk a moment later. So here: distinct ids are asked for, and `settled` waits for the disk.
"""

import json
import time
from datetime import datetime
from typing import Any

import httpx
from tests.live import built, server

ON_DISK_S = 1.0


class VictoriaLogs(server.Server):
    """One server and its data."""

    ready_path = "/health"

    def __init__(self) -> None:
        (port,) = server.free(1)
        argv = (
            str(built.program(built.HERE / "victorialogs")),
            "-storageDataPath={folder}/data",
            f"-httpListenAddr=127.0.0.1:{port}",
            "-retentionPeriod=180d",
            f"-inmemoryDataFlushInterval={ON_DISK_S}s",
            "-loki.disableMessageParsing",
        )
        super().__init__("victorialogs", argv, port)
        self.push = f"{self.url}/insert"
        self.otlp = f"{self.url}/insert/opentelemetry/v1/logs"

    def settled(self) -> None:
        """Everything that it acknowledged is on disk, and shown."""
        time.sleep(2 * ON_DISK_S)
        httpx.get(f"{self.url}/internal/force_flush", trust_env=False).raise_for_status()

    def query(self, logsql: str, since: datetime, until: datetime) -> list[dict[str, Any]]:
        """Lines as it shows them, each a row of its own."""
        httpx.get(f"{self.url}/internal/force_flush", trust_env=False).raise_for_status()
        span = {"start": since.isoformat(), "end": until.isoformat()}
        answer = httpx.get(
            f"{self.url}/select/logsql/query", params={"query": logsql, **span}, trust_env=False, timeout=30
        )
        return [json.loads(row) for row in answer.raise_for_status().text.splitlines()]

    def taken(self) -> int:
        """Lines that it ever took."""
        return server.counter(f"{self.url}/metrics", "vl_rows_ingested_total")
