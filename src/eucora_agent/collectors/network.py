"""The network towards the gateway: latency and loss by probes, throughput by the agent's own sends, raw counters, proxy.

- latency: the median of five TCP handshakes with the gateway, begun together (one round trip each, no TLS).
- loss: `probes_lost` of `probes`; raw, so that rates can be added up over any time.
- throughput: the kernel's own measure of how fast the gateway took what the agent last sent (`tcpi_delivery_rate`). A
  small send can't fill a line, so it says at least so much; absent until the agent has sent something.
- counters: bytes, errors and drops of all network cards since they came up, as the kernel counts them.
"""

import os
import socket
import struct
from pathlib import Path

from eucora_wire.sections.network import Network

from . import probe, proxy
from .files import entries, words
from .reading import Context, Link, Reading

PROBES = 5
# struct tcp_info of linux/tcp.h: tcpi_rtt in microseconds, tcpi_delivery_rate in bytes a second.
RTT_AT, RATE_AT, INFO_SIZE = 68, 160, 168
MOST_MBPS = 1_000_000.0


def read(context: Context) -> Reading:
    took_s = probe.handshakes(context.gateway, PROBES) if context.gateway else []
    answered = [s for s in took_s if s is not None]
    link = context.link
    counters = totals(context.root)
    network = Network(
        latency_ms=round(middle(answered) * 1000, 3) if answered else None,
        throughput_mbps=min(MOST_MBPS, round(link.bits_per_second / 1e6, 3)) if link else None,
        proxy=proxy.configured(context.root, os.environ),
        probes=len(took_s) or None,
        probes_lost=len(took_s) - len(answered) if took_s else None,
        received=counters["received"] if counters else None,
        sent=counters["sent"] if counters else None,
        errors=counters["errors"] if counters else None,
        drops=counters["drops"] if counters else None,
    )
    return Reading(network=network)


def middle(seconds: list[float]) -> float:
    """The median; of an even number the mean of the two. (The module `statistics` weighs half a megabyte.)"""
    ordered, half = sorted(seconds), len(seconds) // 2
    return ordered[half] if len(ordered) % 2 else (ordered[half - 1] + ordered[half]) / 2


def observe(connection: socket.socket) -> Link | None:
    """What the kernel knows of a connection after a send; None where it does not tell, or nothing was sent."""
    try:
        info = connection.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, INFO_SIZE)
    except OSError:
        return None
    if len(info) < INFO_SIZE:
        return None
    (rtt_us,), (bytes_per_second,) = struct.unpack_from("=I", info, RTT_AT), struct.unpack_from("=Q", info, RATE_AT)
    return Link(rtt_us / 1000, bytes_per_second * 8.0) if bytes_per_second else None


def totals(root: Path) -> dict[str, int] | None:
    """Sums of /proc/net/dev over the cards: interfaces with a device behind them; where none has, all but loopback."""
    counted = {name: row for name, row in _interfaces(root) if name != "lo"}
    cards = {
        i.name for i in entries(root, "sys/class/net") if (i / "device").exists()
    } & counted.keys() or counted.keys()
    rows = [counted[name] for name in cards]
    if not rows:
        return None
    columns = [sum(column) for column in zip(*rows, strict=True)]
    return {
        "received": columns[0],
        "sent": columns[8],
        "errors": columns[2] + columns[10],
        "drops": columns[3] + columns[11],
    }


def _interfaces(root: Path) -> list[tuple[str, list[int]]]:
    """Name and the sixteen counters of each interface (proc(5): eight received, eight sent)."""
    found = []
    for row in (words(root, "proc/self/net/dev") or words(root, "proc/net/dev") or "").splitlines()[2:]:
        name, _, numbers = row.partition(":")
        found.append((name.strip(), [int(n) for n in numbers.split()]))
    return found
