"""Jaeger, which takes OTLP: it stands in for Tempo where there is none. Apache-2.0, built here.

On Badger, with a sync a write: what it acknowledges without its queue is on disk. It knows no TraceQL, and shows a span as
often as it was told of it under another start; a span of the same start is one.
"""

import json
from datetime import datetime
from typing import Any

import httpx
from tests.live import built, server

KEPT_H = 720


class Jaeger(server.Server):
    """One server and its data."""

    ready_path = "/api/services"

    def __init__(self) -> None:
        ports = server.free(5)
        super().__init__("jaeger", (str(_program()), "--config=file:{folder}/config.yml"), ports[0])
        (self.folder / "config.yml").write_text(json.dumps(config(str(self.folder), *ports)))
        self.otlp, self.otlp_grpc = f"http://127.0.0.1:{ports[2]}", f"grpc://127.0.0.1:{ports[3]}"
        self._telemetry = f"http://127.0.0.1:{ports[4]}/metrics"

    def trace(self, trace_id: bytes) -> list[str]:
        """Span ids of a trace, as often as it shows them."""
        answer = httpx.get(f"{self.url}/api/traces/{trace_id.hex()}", trust_env=False, timeout=30)
        if answer.status_code == 404:
            return []
        return sorted(s["spanID"] for t in answer.raise_for_status().json()["data"] for s in t["spans"])

    def search(self, tags: dict[str, str], since: datetime, until: datetime, name: str = "") -> list[str]:
        """Trace ids of spans that have these attributes, and this name."""
        span = {"start": int(since.timestamp() * 1e6), "end": int(until.timestamp() * 1e6)}
        asked: dict[str, Any] = {"service": "eucora-agent", "tags": json.dumps(tags), "limit": 5000, **span}
        asked |= {"operation": name} if name else {}
        answer = httpx.get(f"{self.url}/api/traces", params=asked, trust_env=False, timeout=30)
        return sorted(t["traceID"].rjust(32, "0") for t in answer.raise_for_status().json()["data"])

    def taken(self) -> int:
        """Spans that it ever took."""
        return server.counter(self._telemetry, "otelcol_receiver_accepted_spans")


def _program() -> Any:
    return built.program(built.HERE / "jaeger")


def config(folder: str, query: int, query_grpc: int, http: int, grpc: int, telemetry: int) -> dict[str, Any]:
    """JSON is YAML. Without a queue before the store, what is acknowledged is stored."""
    at = "127.0.0.1:{}".format
    badger = {
        "directories": {"keys": f"{folder}/keys", "values": f"{folder}/values"},
        "ephemeral": False,
        "consistency": True,
        "ttl": {"spans": f"{KEPT_H}h"},
    }
    return {
        "extensions": {
            "jaeger_storage": {"backends": {"here": {"badger": badger}}},
            "jaeger_query": {
                "storage": {"traces": "here"},
                "http": {"endpoint": at(query)},
                "grpc": {"endpoint": at(query_grpc)},
            },
        },
        "receivers": {"otlp": {"protocols": {"http": {"endpoint": at(http)}, "grpc": {"endpoint": at(grpc)}}}},
        "exporters": {"jaeger_storage_exporter": {"trace_storage": "here", "queue": {"enabled": False}}},
        "service": {
            "extensions": ["jaeger_storage", "jaeger_query"],
            "pipelines": {"traces": {"receivers": ["otlp"], "exporters": ["jaeger_storage_exporter"]}},
            "telemetry": {
                "logs": {"level": "warn"},
                "metrics": {
                    "readers": [{"pull": {"exporter": {"prometheus": {"host": "127.0.0.1", "port": telemetry}}}}]
                },
            },
        },
    }
