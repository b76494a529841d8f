"""A Loki that the machine has (on PATH, or named by EUCORA_TEST_LOKI), with the configuration that we ship."""

from datetime import datetime
from pathlib import Path
from typing import Any

import httpx
from tests.live import server

from eucora.problems import EucoraError

CONFIG = server.SHIPPED / "loki" / "loki.yml"


class Loki(server.Server):
    """One server and its data."""

    def __init__(self, config: Path = CONFIG, options: tuple[str, ...] = ()) -> None:
        binary = server.program("loki")
        if binary is None:
            raise EucoraError("there is no loki on PATH")
        port, grpc = server.free(2)
        settings = {"LOKI_FOLDER": "{folder}/data", "LOKI_PORT": str(port), "LOKI_GRPC_PORT": str(grpc)}
        argv = (binary, f"-config.file={config}", "-config.expand-env=true", *options)
        super().__init__("loki", argv, port, settings)

    def ask(self, path: str, **asked: Any) -> Any:
        answer = httpx.get(self.url + path, params=asked, trust_env=False, timeout=30)
        return answer.raise_for_status().json()

    def flush(self) -> None:
        """What lies in memory goes to the store."""
        httpx.post(f"{self.url}/flush", trust_env=False).raise_for_status()

    def number(self, logql: str, at: datetime) -> int:
        """What an instant query counts."""
        (one,) = self.ask("/loki/api/v1/query", query=logql, time=at.timestamp())["data"]["result"]
        return int(one["value"][1])

    def query(self, logql: str, since: datetime, until: datetime) -> list[tuple[int, str, dict[str, str]]]:
        """Lines oldest first, with nanoseconds, and their labels and structured metadata."""
        span = {"start": int(since.timestamp() * 1e9), "end": int(until.timestamp() * 1e9)}
        answer = self.ask("/loki/api/v1/query_range", query=logql, limit=5000, direction="forward", **span)
        streams = answer["data"]["result"]
        found = [(int(ns), line, stream["stream"]) for stream in streams for ns, line, *_ in stream["values"]]
        return sorted(found, key=lambda one: (one[0], one[2].get("id", "")))
