"""Prometheus remote write 1.0 as bytes: series with their labels, one value a millisecond. Pure.

The message is written here field by field, since most series carry one sample a parcel: their labels are most of the
work, and are made once a shape. A test reads it back with protobuf's own parser.
"""

import re
import struct
import uuid
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import cramjam
from msgspec import Struct

from eucora import clock
from eucora.stores.ports import Parcel, Reading
from eucora.stores.wire_format import field, varint

DEVICE = "device"
MOST_LABELS, LONGEST = 30, 1024
"""Of labels a series and of bytes a value. Mimir's defaults are 30 and 2048."""

_METRIC = re.compile(r"[a-zA-Z_:][a-zA-Z0-9_:]{0,254}")
_LABEL = re.compile(r"(?!__)[a-zA-Z_][a-zA-Z0-9_]{0,254}")
_CONTROL = re.compile(r"[\x00-\x1f\x7f\ud800-\udfff]")
_VALUE = struct.Struct("<d")

Sample = tuple[bytes, int, float]
"""(labels of its series as they travel, milliseconds since 1970, value)."""


class Named(Struct, frozen=True, gc=False):
    """A series without its device: encoded labels that lie before and behind it, since labels travel sorted."""

    before: bytes
    behind: bytes


class Settled(Struct, frozen=True):
    """Samples sorted by series and time; and how many were merged, lay in the future, or can't be named."""

    samples: list[Sample]
    merged: int
    clamped: int
    unnamed: list[int]
    """Times of samples whose name or label no server takes."""


def settle(parcel: Parcel, known: dict[int, tuple[Named | None, ...]]) -> Settled:
    """The samples of a parcel; of several at one millisecond the last in the archive's order. The caller keeps `known`."""
    found: dict[bytes, dict[int, float]] = {}
    count = clamped = 0
    unnamed = []
    for reading in parcel.rows:
        ms, late = _moment(reading)
        device = _label(DEVICE, str(reading.device))
        for named, value in zip(_named(reading.shape, parcel.shapes, known), reading.values, strict=False):
            if named is None:
                unnamed.append(ms)
                continue
            found.setdefault(named.before + device + named.behind, {})[ms] = value
            count += 1
            clamped += late
    samples = [(labels, ms, of[ms]) for labels, of in sorted(found.items()) for ms in sorted(of)]
    return Settled(samples, count - len(samples), clamped, unnamed)


def _moment(reading: Reading) -> tuple[int, bool]:
    """Milliseconds, and whether it was cut to when it was received: one sample from the future shuts out all others."""
    future = reading.time > reading.received
    return clock.to_ms(reading.received if future else reading.time), future


def _named(shape: int, shapes: Mapping[int, Any], known: dict[int, tuple[Named | None, ...]]) -> Sequence[Named | None]:
    if shape not in known:
        known[shape] = tuple([name_series(name, labels) for name, labels in shapes[shape]])
    return known[shape]


def name_series(name: str, labels: Mapping[str, str]) -> Named | None:
    """None when a server could not hold it, or would hold it as another: names are checked, an empty label is none."""
    told = {label: value for label, value in labels.items() if value != ""}
    sound = _METRIC.fullmatch(name) and all(_is_sound(*each) for each in told.items())
    if not sound or len(told) + 2 > MOST_LABELS:
        return None
    pairs = sorted({"__name__": name, **told}.items())
    return Named(
        b"".join(_label(*pair) for pair in pairs if pair[0] < DEVICE),
        b"".join(_label(*pair) for pair in pairs if pair[0] > DEVICE),
    )


def _is_sound(label: str, value: str) -> bool:
    if label == DEVICE or not _LABEL.fullmatch(label) or _CONTROL.search(value):
        return False
    return len(value.encode()) <= LONGEST


def encode(samples: Iterable[Sample]) -> bytes:
    """A WriteRequest; samples of one series stand together and in order of time."""
    told = ([labels, *(sample(ms, value) for ms, value in of)] for labels, of in by_series(samples))
    return b"".join([field(0x0A, b"".join(parts)) for parts in told])


def compress(message: bytes) -> bytes:
    """A raw block of snappy, as the protocol wants it."""
    return bytes(cramjam.snappy.compress_raw(message))


def by_series(samples: Iterable[Sample]) -> Iterator[tuple[bytes, list[tuple[int, float]]]]:
    """Each series with its (milliseconds, value), in order."""
    last, of = b"", list[tuple[int, float]]()
    for labels, ms, value in sorted(samples):
        if labels != last and of:
            yield last, of
            of = []
        last = labels
        of.append((ms, value))
    if of:
        yield last, of


def sample(ms: int, value: float) -> bytes:
    """A Sample of either version."""
    return field(0x12, b"\x09" + _VALUE.pack(value) + b"\x10" + varint(ms % 2**64))


def _label(name: str, value: str) -> bytes:
    return field(0x0A, field(0x0A, name.encode()) + field(0x12, value.encode()))


def matcher(device: uuid.UUID) -> str:
    """Every series of a device, and of no other: an id holds nothing that could end the quotes."""
    return f'{{{DEVICE}="{uuid.UUID(bytes=device.bytes)}"}}'
