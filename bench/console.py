"""How long pages of the console take with a large fleet in the tables: `python -m bench.console` (a minute or two).

A platform of its own, asked over TLS as a browser asks, one page after the other; prints JSON: p50 and p95 in ms, bytes.
"""

import argparse
import asyncio
import json
import statistics
import time
from pathlib import Path
from typing import Any

import asyncpg
import httpx

from bench import fleet, own
from eucora.sql import load

SQL = load(__file__, "console.sql")
GOAL_MS = 200
PAGES = {
    "fleet": "/fleet",
    "fleet, a later page": "/fleet?after=IjgwMDAwMDAwLTAwMDAtMDAwMC0wMDAwLTAwMDAwMDAwMDAwMCI",
    "by model": "/fleet?q=model:thinkpad+t17",
    "by site and system": "/fleet?q=site:site+2+os:fedora",
    "by package": "/fleet?q=package:openssl",
    "a word": "/fleet?q=thinkpad",
    "a word that nothing has": "/fleet?q=macbook",
    "a host name": "/fleet?q=host:nobody-has-it",
    "a device": "/devices/{device}?since=1h",
    "its software": "/devices/{device}/software",
    "its lines": "/devices/{device}/lines",
    "platform": "/platform",
    "dead letters": "/dead-letters",
    "audit": "/audit",
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--devices", type=int, default=100_000)
    parser.add_argument("--times", type=int, default=30)
    given = parser.parse_args()
    with own.platform() as data_dir:
        asyncio.run(_fill(data_dir, given.devices))
        platform = fleet.running(data_dir)
        found = _asked(platform, given.times, _a_device(platform))
    slow = {name for name, each in found.items() if each["p95_ms"] > GOAL_MS}
    print(
        json.dumps({"devices": given.devices, "goal_ms": GOAL_MS, "too_slow": sorted(slow), "pages": found}, indent=2)
    )


async def _fill(data_dir: Path, devices: int) -> None:
    db = await asyncpg.connect(own.owner_url(data_dir), timeout=30, command_timeout=600)
    for name in ("devices", "heads", "packages"):
        await db.execute(getattr(SQL, name), devices)
    await db.execute(SQL.rows, devices, await db.fetchval(SQL.shape))
    await db.execute(SQL.events)
    await db.execute(SQL.analyze)
    await db.close()


def _a_device(platform: fleet.Platform) -> str:
    found: Any = platform.ask("/api/v1/devices?limit=1")
    return str(found["items"][0]["device_id"])


def _asked(platform: fleet.Platform, times: int, device: str) -> dict[str, dict[str, Any]]:
    found: dict[str, dict[str, Any]] = {}
    log = platform.data_dir / "logs" / "api.log"
    with httpx.Client(base_url=platform.operator["url"], verify=platform.tls(), trust_env=False, timeout=60) as browser:
        browser.post("/sign-in", data={"token": platform.operator["token"], "to": "/fleet"})
        for name, path in PAGES.items():
            took = []
            for _ in range(times + 1):
                began = time.perf_counter()
                answer = browser.get(path.format(device=device))
                took.append((time.perf_counter() - began) * 1000)
                assert answer.status_code == 200, (path, answer.text, log.read_text()[-2000:])
            took = sorted(took[1:])  # the first opens what the others share
            found[name] = {
                "p50_ms": round(statistics.median(took), 1),
                "p95_ms": round(took[int(len(took) * 0.95)], 1),
                "bytes": len(answer.content),
            }
    return found


if __name__ == "__main__":
    main()
