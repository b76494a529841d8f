"""A laptop back from three weeks offline, beside a fleet at work: `python -m bench.three_weeks`.

It sends a minute's cadence of 21 days, in batches of a hundred, as fast as the door takes them. Prints what was sent and
what the archive holds of it, and how fresh the fleet's data stayed meanwhile (goal: p95 under 5 s).
"""

import argparse
import asyncio
import json
import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from msgspec.structs import replace

from bench import fleet, own
from bench.http2 import made
from bench.load import Plan, client_for, lag, run
from eucora_wire.envelope import Envelope

CLOSED, EVERY, A_BATCH = timedelta(days=21), timedelta(minutes=1), 100
ON_MS = timedelta(days=30) // fleet.MS
"""For so long the laptop is on already: it slept, and knows how long."""


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.three_weeks", description=__doc__)
    parser.add_argument("--rate", type=float, default=1_000, help="payloads a second of the fleet")
    parser.add_argument("--seconds", type=float, default=60, help="for which the fleet sends")
    given = parser.parse_args()
    with own.platform() as data_dir:
        print(json.dumps(measure(data_dir, given.rate, given.seconds), indent=2))


def measure(data_dir: Path, rate: float, seconds: float) -> dict[str, Any]:
    """The fleet in the background, the laptop in the middle of it."""
    platform = fleet.running(data_dir)
    laptop = enrolled(platform)
    batches = list(sealed(laptop, datetime.now(UTC).replace(microsecond=0)))
    found: dict[str, Any] = {}
    background = Plan(data_dir, 10, rate, seconds, 300, 1, 256, False)
    others = threading.Thread(target=lambda: found.update(run(background, platform)))
    others.start()
    time.sleep(min(10.0, seconds / 4))
    took_s = asyncio.run(send_all(platform, laptop, batches))
    others.join()
    while lag(platform):
        time.sleep(0.2)
    return {
        "sent": len(batches) * A_BATCH,
        "queryable": held(platform, laptop),
        "seconds_to_acknowledge": round(took_s, 1),
        "fleet": {
            k: found[k] for k in ("acknowledged_payloads_per_s", "ack_p99_ms", "freshness_p95_s", "not_acknowledged")
        },
    }


def enrolled(platform: fleet.Platform) -> fleet.Device:
    token = str(platform.ask("/api/v1/enrolment-tokens", {"uses": 1, "hours": 1})["token"])
    with fleet.enrolment(platform) as door:
        laptop = fleet.enrol(door, platform.operator["enrolment_url"], token)
    laptop.on_ms = ON_MS
    return laptop


def sealed(device: fleet.Device, now: datetime) -> Iterator[Envelope]:
    """Batch after batch, each sealed when its last payload was made."""
    for first in range(0, CLOSED // EVERY // A_BATCH * A_BATCH, A_BATCH):  # whole batches: none of the future
        times = [now - CLOSED + (first + n) * EVERY for n in range(A_BATCH)]
        samples = [fleet.sample(device.enrolled.device_id, first + n) for n in range(A_BATCH)]
        payloads = [replace(sample, timestamp=at) for sample, at in zip(samples, times, strict=True)]
        yield device.seal(payloads, now - times[-1])


async def send_all(platform: fleet.Platform, laptop: fleet.Device, batches: list[Envelope]) -> float:
    """One after the other, each until it is acknowledged; seconds."""
    client = await client_for(platform, laptop)
    began = time.perf_counter()
    for batch in batches:
        headers = {**batch.headers, "content-length": str(len(batch.body))}
        request = made("POST", "localhost", "/v1/telemetry", headers, batch.body)
        while await client.send(request, {"eucora-sent": laptop.sent()}) != 200:  # noqa: ASYNC110
            await asyncio.sleep(0.2)
    return time.perf_counter() - began


def held(platform: fleet.Platform, laptop: fleet.Device) -> int:
    """Distinct times in the archive, day by day: an answer is bounded."""
    found: set[str] = set()
    for day in range(23):
        query = f"path=hardware.uptime&since={day + 1}d&until={day}d"
        told: Any = platform.ask(f"/api/v1/devices/{laptop.enrolled.device_id}/series?{query}")
        found |= {when for when, _ in told["points"]}
    return len(found)


if __name__ == "__main__":
    main()
