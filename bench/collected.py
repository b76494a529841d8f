"""The same records by an OpenTelemetry Collector, for `bench.stores`: OTLP in, a queue on disk with fsync, out to a server.

Ours of bench/collector: released modules, the configuration below. For logs and spans the queue is the exporter's sending
queue on file_storage; remote write has none on disk, but a write-ahead log of its own. CPU is the Collector's alone.

It masks free text where it is asked to, by its redaction processor and the rules that ours has: what its regular
expressions lack (looking behind and ahead) is left out of them, which makes them cheaper.
"""

import asyncio
import json
import re
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import httpx
from tests.live import built, server

from bench import processes
from bench.followed import Cost
from eucora.pipeline.mask import PERSON, RULES
from eucora.stores.ports import Kind

MODULE = Path(__file__).parent / "collector"
AT_ONCE = 8
SIGNALS = {"metrics": "metrics", "lines": "logs", "spans": "traces"}
PATIENCE_S = 300.0


class Collector(server.Server):
    """One Collector for one signal, with its queue in its own folder. `export`: where to, as OTLP or remote write."""

    ready_path = "/metrics"

    def __init__(self, kind: Kind, export: str, *, masks: bool = False) -> None:
        otlp, telemetry = server.free(2)
        self.otlp = f"http://127.0.0.1:{otlp}/v1/{SIGNALS[kind]}"
        argv = (str(built.program(MODULE)), "--config=file:{folder}/config.yml")
        super().__init__("collector", argv, telemetry)
        told = config(kind, export, self.folder, otlp, telemetry, masks)
        (self.folder / "config.yml").write_text(json.dumps(told))

    def cpu_s(self) -> float:
        assert self._process is not None
        return processes.cpu_s(self._process.pid)


def config(kind: Kind, export: str, folder: Path, otlp: int, telemetry: int, masks: bool) -> dict[str, Any]:
    """JSON is YAML. Nothing is compressed to the server, as ours does not, but for remote write, whose snappy is a must."""
    queue = {
        "sizer": "items",
        "queue_size": 10_000_000,
        "num_consumers": 4,
        "batch": {"sizer": "items", "min_size": 8192, "max_size": 8192, "flush_timeout": "200ms"},
        "storage": "file_storage",
    }
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
                "wal": log,
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
        "processors": {"redaction": MASKING},
        "exporters": exporters[kind],
        "service": {
            "extensions": ["file_storage"],
            "pipelines": {
                SIGNALS[kind]: {"receivers": ["otlp"], "processors": ["redaction"] * masks, "exporters": [name]}
            },
            "telemetry": {
                "logs": {"level": "warn"},
                "metrics": {
                    "readers": [{"pull": {"exporter": {"prometheus": {"host": "127.0.0.1", "port": telemetry}}}}]
                },
            },
        },
    }


def in_go(pattern: re.Pattern[str]) -> str:
    """The pattern as RE2 takes it: without looking around, and with no more than 1,000 repetitions."""
    around = re.sub(r"\(\?<?[=!][^()]*\)", "", pattern.pattern)
    return re.sub(r"\{(\d+),\d{4,}\}", r"{\1,}", around)


# Ours asks a function about what may be an IPv6 address; here it is a pattern.
MASKING = {
    "allow_all_keys": True,
    "ignored_keys": ["id", "device", "source", "service.name", "host.id"],
    "blocked_key_patterns": [in_go(PERSON)],
    "blocked_values": [
        r"(?:[0-9A-Fa-f]{0,4}:){2,7}[0-9A-Fa-f]{1,4}",
        *[in_go(p) for needed, p, _ in RULES if needed != ":"],
    ],
    "summary": "silent",
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
