"""What compression gains of a payload: `python -m bench.bodies --payloads 240`. Bodies of a real agent on this machine.

The agent is kept from the door, so that its bodies lie in its spool as they were made. Half of them train a dictionary,
the other half is measured: as JSON, by zstd alone, with the published dictionary as it is sent, with those of this machine
alone (as good as one can get), and against the payload before (the most that any difference between payloads can gain).
Beside them stand the headers of a batch, as HPACK sends them on a connection that has sent some before.
"""

import argparse
import json
import socket
import sqlite3
import statistics
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import zstandard
from hpack import Encoder

from bench import fleet, own
from bench.agent_footprint import Relay, agent
from eucora_agent.packing import LEVEL, pack, unpack
from eucora_wire import dictionary
from eucora_wire.payload import split

SIZES = (4, 16, 64)
"""Of dictionaries, in KiB."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--payloads", type=int, default=240)
    given = parser.parse_args()
    with own.platform() as data_dir:
        platform = fleet.running(data_dir)
        found = bodies(platform, given.payloads)
        headers = header_bytes(platform)
    print(json.dumps({"payloads": len(found), "header_bytes": headers, "body_bytes": sizes(found)}, indent=2))


def bodies(platform: fleet.Platform, count: int) -> list[bytes]:
    """What an agent appends to its spool, a payload a second; the first, with the whole inventory, left out."""
    with tempfile.TemporaryDirectory(prefix="eucora-agent-") as folder:
        with agent(platform, Path(folder), 1.0, Shut):
            time.sleep(count + 10)
        rows: list[tuple[bytes]] = []
        for file in sorted((Path(folder) / "spool").glob("*.db")):
            with sqlite3.connect(file) as db:
                rows += db.execute("SELECT body FROM batches ORDER BY number").fetchall()
    return [bytes(raw) for (body,) in rows for raw in split(unpack(body))][1:]


class Shut(Relay):
    """Takes nothing."""

    async def serve(self) -> None:
        held = socket.create_server(("127.0.0.1", 0))
        self.port = held.getsockname()[1]
        held.close()
        self.ready.set()


def sizes(found: Sequence[bytes]) -> dict[str, float]:
    """Mean bytes of a payload, each way."""
    learnt, measured = found[::2], found[1::2]
    ways: dict[str, Callable[[int], bytes]] = {
        "json": lambda n: measured[n],
        "zstd 3": lambda n: zstandard.compress(measured[n], LEVEL),
        "zstd 3, the published dictionary, as sent": lambda n: pack(measured[n], dictionary.newest()),
        "zstd 19": lambda n: zstandard.compress(measured[n], 19),
    }
    for kib in SIZES:
        packer = zstandard.ZstdCompressor(LEVEL, dict_data=zstandard.train_dictionary(kib * 1024, list(learnt)))
        ways[f"zstd 3, a dictionary of this machine, {kib} KiB"] = lambda n, packer=packer: packer.compress(measured[n])  # type: ignore[misc]
    ways["zstd 3, against the payload before"] = lambda n: against(measured[n - 1], measured[n])
    told = {name: statistics.mean(len(way(n)) for n in range(1, len(measured))) for name, way in ways.items()}
    tens = [
        pack(b"[" + b",".join(measured[n : n + 10]) + b"]", dictionary.newest())
        for n in range(0, len(measured) - 9, 10)
    ]
    told["ten in a batch, as sent, each"] = statistics.mean(len(ten) / 10 for ten in tens)
    return {name: round(size, 1) for name, size in told.items()}


def against(before: bytes, body: bytes) -> bytes:
    known = zstandard.ZstdCompressionDict(before, dict_type=zstandard.DICT_TYPE_RAWCONTENT)
    return zstandard.ZstdCompressor(LEVEL, dict_data=known).compress(body)


def header_bytes(platform: fleet.Platform) -> dict[str, float]:
    """Of the first batch of a connection, and of those that follow."""
    token = str(platform.ask("/api/v1/enrolment-tokens", {"uses": 1, "hours": 1})["token"])
    with fleet.enrolment(platform) as door:
        device = fleet.enrol(door, platform.operator["enrolment_url"], token)
    encoder, blocks = Encoder(), list[bytes]()
    target = {":method": "POST", ":path": "/v1/telemetry", ":scheme": "https", ":authority": "localhost:8443"}
    for n in range(50):
        headers = {**device.seal([fleet.sample(device.enrolled.device_id, n)]).headers, "eucora-sent": device.sent()}
        blocks.append(encoder.encode([*target.items(), *headers.items()]))
    return {"first": len(blocks[0]), "following": round(statistics.mean(map(len, blocks[1:])), 1)}


if __name__ == "__main__":
    main()
