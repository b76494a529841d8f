"""Prometheus remote write 2.0 as bytes: every text once, in a table; series point into it, and say what they are. Pure.

io.prometheus.write.v2.Request, https://prometheus.io/docs/specs/prw/remote_write_spec_2_0/. A series is known by its labels
as version 1.0 writes them, so that sorting and isolating know one kind of sample.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache

from eucora.stores.remote_write import Sample, by_series, sample
from eucora.stores.wire_format import field, varint
from eucora_wire.registry import METRICS

CONTENT_TYPE = "application/x-protobuf;proto=io.prometheus.write.v2.Request"
VERSION = "2.0.0"
WRITTEN = "x-prometheus-remote-write-samples-written"
"""A server that answers without it took the message for one of version 1.0, and stored nothing."""

COUNTER, GAUGE = 1, 2
UNITS = re.compile(r"_(ratio|seconds|bytes|celsius|bits_per_second)(_total)?$")
ABOUT: Mapping[str, str] = {each.metric: each.about for each in METRICS.values()}

Pairs = tuple[tuple[str, str], ...]


class Symbols:
    """The table of one request; the empty text is its first."""

    def __init__(self) -> None:
        self._numbers = {"": 0}

    def number(self, text: str) -> int:
        """Its place, given at first use."""
        return self._numbers.setdefault(text, len(self._numbers))

    def written(self) -> bytes:
        """In their order."""
        return b"".join([field(0x22, text.encode()) for text in self._numbers])


def encode(samples: Sequence[Sample]) -> bytes:
    """A Request; samples of one series stand together and in order of time."""
    symbols = Symbols()
    series = b"".join([field(0x2A, part) for part in _series(samples, symbols)])
    return symbols.written() + series


def _series(samples: Sequence[Sample], symbols: Symbols) -> Iterator[bytes]:
    for labels, of in by_series(samples):
        told = pairs(labels)
        refs = b"".join([varint(symbols.number(text)) for pair in told for text in pair])
        yield field(0x0A, refs) + b"".join([sample(ms, value) for ms, value in of]) + _metadata(dict(told), symbols)


def _metadata(labels: Mapping[str, str], symbols: Symbols) -> bytes:
    name = labels["__name__"]
    unit = UNITS.search(name)
    kind = COUNTER if name.endswith("_total") else GAUGE
    told = b"\x08" + varint(kind)
    if about := ABOUT.get(name):
        told += b"\x18" + varint(symbols.number(about))
    if unit is not None:
        told += b"\x20" + varint(symbols.number(unit[1]))
    return field(0x2A, told)


@lru_cache(maxsize=65_536)
def pairs(labels: bytes) -> Pairs:
    """Names and values of a series, from its labels as version 1.0 writes them."""
    found, at = [], 0
    while at < len(labels):
        _, at = _length(labels, at + 1)  # a Label, of which the name and the value follow
        size, at = _length(labels, at + 1)
        name, at = labels[at : at + size].decode(), at + size
        size, at = _length(labels, at + 1)
        value, at = labels[at : at + size].decode(), at + size
        found.append((name, value))
    return tuple(found)


def _length(message: bytes, at: int) -> tuple[int, int]:
    """A varint, and where it ends."""
    number = shift = 0
    while True:
        byte = message[at]
        at += 1
        number |= (byte & 0x7F) << shift
        if byte < 0x80:
            return number, at
        shift += 7
