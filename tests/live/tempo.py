"""A Tempo that the machine has (on PATH, or named by EUCORA_TEST_TEMPO), with the configuration that we ship."""

from datetime import datetime
from pathlib import Path
from typing import Any

import httpx
from tests.live import server

from eucora.problems import EucoraError

CONFIG = server.SHIPPED / "tempo" / "tempo.yml"


class Tempo(server.Server):
    """One server and its data."""

    def __init__(self, config: Path = CONFIG) -> None:
        binary = server.program("tempo")
        if binary is None:
            raise EucoraError("there is no tempo on PATH")
        port, grpc, otlp_grpc, otlp_http = server.free(4)
        settings = {
            "TEMPO_FOLDER": "{folder}/data",
            "TEMPO_PORT": str(port),
            "TEMPO_GRPC_PORT": str(grpc),
            "TEMPO_OTLP_GRPC_PORT": str(otlp_grpc),
            "TEMPO_OTLP_HTTP_PORT": str(otlp_http),
        }
        self.otlp = f"http://127.0.0.1:{otlp_http}"
        self.otlp_grpc = f"grpc://127.0.0.1:{otlp_grpc}"
        argv = (binary, f"-config.file={config}", "-config.expand-env=true")
        super().__init__("tempo", argv, port, settings)

    def trace(self, trace_id: bytes) -> list[str]:
        """Span ids of a trace, as often as it shows them."""
        answer = httpx.get(f"{self.url}/api/traces/{trace_id.hex()}", trust_env=False, timeout=30)
        if answer.status_code == 404:
            return []
        found: Any = answer.raise_for_status().json()
        batches = found.get("batches") or found.get("trace", {}).get("resourceSpans", [])
        return sorted(s["spanId"] for b in batches for scope in b["scopeSpans"] for s in scope["spans"])

    def search(self, traceql: str, since: datetime, until: datetime) -> list[str]:
        """Trace ids that TraceQL finds."""
        span = {"start": int(since.timestamp()), "end": int(until.timestamp())}
        asked: dict[str, Any] = {"q": traceql, "limit": 5000, **span}
        answer = httpx.get(f"{self.url}/api/search", params=asked, trust_env=False, timeout=30)
        return sorted(t["traceID"].rjust(32, "0") for t in answer.raise_for_status().json().get("traces", []))
