"""What one device costs its line: `python -m bench.wire --minutes 15`. A real agent with its inventory on, a real door.

Counted between the two, both ways: what TLS sends (handshakes, headers, bodies, answers, pings), and each segment of TCP
with its header, as on a line of 1,500 bytes. What happens once a start (handshake, facts, the whole inventory) is told
apart from what each minute costs; a day is its minutes, and the starts and renewals that a day has.
"""

import argparse
import asyncio
import contextlib
import json
import socket
import struct
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path

from bench import own
from bench.agent_footprint import Relay, acknowledged, agent
from bench.fleet import Platform, running

SEGMENT = 1448
"""Bytes that fit into a segment on a line of 1,500."""
IP_AND_TCP = 52
"""Headers of a segment: 20 of IPv4, 32 of TCP with its time stamps."""
SEGMENTS = struct.Struct("=136xII")
"""Where struct tcp_info of Linux has tcpi_segs_out and tcpi_segs_in."""
STARTS_A_DAY = 4
"""Handshakes of a day: two times on, two changes of the network."""


@dataclass(frozen=True)
class Line:
    """What had passed until now."""

    at_s: float
    up: int
    down: int
    segments: int
    payloads: int
    connections: int

    @property
    def bytes(self) -> int:
        return self.up + self.down + IP_AND_TCP * self.segments


@dataclass
class Counting(Relay):
    """A relay that asks the kernel for the segments of the agent's side, those without data too."""

    there: set[socket.socket] = field(default_factory=set)
    ended: int = 0
    connections: int = 0

    async def serve(self) -> None:
        listening = socket.create_server(("127.0.0.1", 0))
        listening.setsockopt(socket.IPPROTO_TCP, socket.TCP_MAXSEG, SEGMENT)
        self.port = listening.getsockname()[1]
        server = await asyncio.start_server(self._carry, sock=listening)
        self.ready.set()
        await server.serve_forever()

    async def _carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        near = writer.get_extra_info("socket")
        kept = socket.socket(fileno=near.dup().detach())  # still asked when the relay has closed its own
        self.there.add(kept)
        self.connections += 1
        try:
            await super()._carry(reader, writer)
        finally:
            self.ended += segments(kept)
            self.there.discard(kept)
            kept.close()

    @property
    def segments(self) -> int:
        return self.ended + sum(map(segments, list(self.there)))


def segments(of: socket.socket) -> int:
    with contextlib.suppress(OSError):
        return sum(SEGMENTS.unpack_from(of.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 256)))
    return 0


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=15.0, help="how long to measure, after the start")
    parser.add_argument("--cadence", type=float, default=60.0, help="seconds between two readings of the machine")
    given = parser.parse_args()
    with own.platform() as data_dir:
        print(json.dumps(measure(running(data_dir), given.minutes * 60, given.cadence), indent=2))


def measure(platform: Platform, seconds: float, cadence_s: float) -> dict[str, object]:
    """The start of one agent, and then its minutes."""
    with (
        tempfile.TemporaryDirectory(prefix="eucora-agent-") as folder,
        agent(platform, Path(folder), cadence_s, Counting) as (_, relay),
    ):
        assert isinstance(relay, Counting)
        began = Line(time.monotonic(), 0, 0, 0, 0, 0)
        time.sleep(1.5 * cadence_s)
        started = read(relay, Path(folder))
        time.sleep(seconds)
        ended = read(relay, Path(folder))
    return report(began, started, ended, cadence_s)


def read(relay: Counting, folder: Path) -> Line:
    return Line(time.monotonic(), relay.up, relay.down, relay.segments, acknowledged(folder), relay.connections)


def report(began: Line, started: Line, ended: Line, cadence_s: float) -> dict[str, object]:
    """By payload and by day. The start is charged whole each time, though the inventory is sent whole but once."""
    payloads = max(1, ended.payloads - started.payloads)
    each = (ended.bytes - started.bytes) / payloads
    start = (started.bytes - began.bytes) - each * started.payloads
    day = each * 86_400 / cadence_s + STARTS_A_DAY * start
    return {
        "cadence_s": cadence_s,
        "payloads": payloads,
        "connections": ended.connections,
        "bytes_a_payload": {
            "up": round((ended.up - started.up) / payloads),
            "down": round((ended.down - started.down) / payloads),
            "segments": round((ended.segments - started.segments) / payloads, 1),
            "all": round(each),
        },
        "bytes_a_start": round(start),
        "bytes_a_day": round(day),
        "kbit_s": round(day * 8 / 86_400 / 1_000, 3),
        "goal_kbit_s": 0.3,
    }


if __name__ == "__main__":
    main()
