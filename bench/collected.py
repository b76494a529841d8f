"""The same records by an OpenTelemetry Collector, for `bench.stores`: OTLP in, a queue on disk with fsync, out to a server.

Ours of bench/collector: released modules, the configuration below. For logs and spans the queue is the exporter's sending
queue on file_storage; remote write has none on disk, but a write-ahead log of its own. CPU is the Collector's alone.
"""

import asyncio
import json
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import httpx
from tests.live import built, server

from bench import processes
from bench.followed import Cost
from eucora.stores.ports import Kind

MODULE = Path(__file__).parent / "collector"
AT_ONCE = 8
SIGNALS = {"metrics": "metrics", "lines": "logs", "spans": "traces"}
PATIENCE_S = 300.0


class Collector(server.Server):
    """One Collector for one signal, with its queue in its own folder. `export`: where to, as OTLP or remote write."""

    ready_path = "/metrics"

    def __init__(self, kind: Kind, export: str, durable: bool = True) -> None:
        otlp, telemetry = server.free(2)
        self.otlp = f"http://127.0.0.1:{otlp}/v1/{SIGNALS[kind]}"
        argv = (str(built.program(MODULE)), "--config=file:{folder}/config.yml")
        super().__init__("collector", argv, telemetry)
        told = config(kind, export, self.folder, otlp, telemetry, durable)
        (self.folder / "config.yml").write_text(json.dumps(told))

    def cpu_s(self) -> float:
        assert self._process is not None
        return processes.cpu_s(self._process.pid)


def config(kind: Kind, export: str, folder: Path, otlp: int, telemetry: int, durable: bool) -> dict[str, Any]:
    """JSON is YAML. Nothing is compressed to the server, as ours does not, but for remote write, whose snappy is a must."""
    queue = {
        "sizer": "items",
        "queue_size": 10_000_000,
        "num_consumers": 4,
        "batch": {"sizer": "items", "min_size": 8192, "max_size": 8192, "flush_timeout": "200ms"},
    }
    if durable:
        queue["storage"] = "file_storage"
    log = {"directory": f"{folder}/wal", "buffer_size": 300, "truncate_frequency": "1s"}
    exporters: dict[str, Any] = {
        "metrics": {
            "prometheus_remote_write": {
                "endpoint": export,
                "tls": {"insecure": True},
                "translation_strategy": "UnderscoreEscapingWithoutSuffixes",
                "resource_to_telemetry_conversion": {"enabled": True},
                "target_info": {"enabled": False},
                "disable_scope_info": True,
                "remote_write_queue": {"enabled": True, "queue_size": 1_000_000},
                **({"wal": log} if durable else {}),
            }
        },
        "lines": {"otlp_http": {"logs_endpoint": export, "compression": "none", "sending_queue": queue}},
        "spans": {"otlp_http": {"traces_endpoint": export, "compression": "none", "sending_queue": queue}},
    }
    (name,) = exporters[kind]
    return {
        "receivers": {"otlp": {"protocols": {"http": {"endpoint": f"127.0.0.1:{otlp}"}}}},
        "extensions": {
            "file_storage": {"directory": f"{folder}/queue", "create_directory": True, "fsync": True},
        },
        "exporters": exporters[kind],
        "service": {
            "extensions": ["file_storage"],
            "pipelines": {SIGNALS[kind]: {"receivers": ["otlp"], "exporters": [name]}},
            "telemetry": {
                "logs": {"level": "warn"},
                "metrics": {
                    "readers": [{"pull": {"exporter": {"prometheus": {"host": "127.0.0.1", "port": telemetry}}}}]
                },
            },
        },
    }


async def told(collector: Collector, requests: Sequence[bytes], held: Callable[[], int], count: int) -> Cost:
    """Send all, some at once, and wait until the server has taken so many records."""
    cpu, wall = collector.cpu_s(), time.perf_counter()
    headers = {"content-type": "application/x-protobuf"}
    waiting = iter(requests)

    async def send() -> None:
        for body in waiting:
            (await http.post(collector.otlp, content=body, headers=headers)).raise_for_status()

    async with httpx.AsyncClient(trust_env=False, timeout=60) as http:
        await asyncio.gather(*(send() for _ in range(AT_ONCE)))
        while (found := await asyncio.to_thread(held)) < count:
            if time.perf_counter() - wall > PATIENCE_S:
                raise RuntimeError(f"{found} of {count} arrived: {collector.log()[-2000:]}")
            await asyncio.sleep(0.1)
    return Cost(time.perf_counter() - wall, collector.cpu_s() - cpu)
