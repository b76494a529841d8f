"""Lines as Loki's push API takes them: few streams, everything else as structured metadata. Pure.

A line has a nanosecond of its own, made from its id behind the microsecond of its time: so two lines of one moment are
two, and the same line told again is the same in time, text and metadata, which is what Loki drops as a repeat.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import msgspec

from eucora import clock
from eucora.batch import LATE
from eucora.observe.logs import Said
from eucora.stores.ports import Line, Parcel

SERVICE = "eucora"
AUDIT = "eucora-audit"
"""Service of the stream that the copy of the audit trail lies in."""
SHARDS = 8
"""Streams of one kind and severity: one alone would meet the limit of bytes a second that Loki has a stream."""
LONGEST_FIELD = 1_000
ONE_REQUEST_BYTES, ONE_REQUEST_LINES = 2**20, 5_000

_NAME = re.compile(r"[^A-Za-z0-9_]")
_PLACE = re.compile(r"\{([A-Za-z0-9_.:+~@/-]{1,120})\}")
_LONE = re.compile("[\ud800-\udfff]")

Stream = tuple[tuple[str, str], ...]
"""Its labels, by name."""

Entry = tuple[Stream, int, int, str, Mapping[str, str]]
"""(stream, milliseconds, nanoseconds, text, structured metadata)."""


def settle(parcel: Parcel) -> tuple[list[Entry], int, int]:
    """Entries by stream and time; how many were merged as repeats, and how many lay in the future."""
    found: dict[tuple[Stream, int, str], Entry] = {}
    late = 0
    for line in parcel.rows:
        shape = parcel.shapes[line.shape]
        future = line.time > line.received
        late += future
        entry = _entry(line, shape, future)
        found[entry[0], entry[2], entry[4]["id"]] = entry
    return [found[key] for key in sorted(found)], len(parcel.rows) - len(found), late


def _entry(line: Line, shape: Mapping[str, str], future: bool) -> Entry:
    us = clock.to_us(line.received if future else line.time)
    stream = labels(shape["kind"], shape["severity"], line.device.int % SHARDS)
    ns = us * 1_000 + line.id.int % 1_000
    return stream, us // 1_000, ns, told(line.text, line.fields, shape), metadata(line, shape["source"])


def told(text: str, fields: Mapping[str, Any], shape: Mapping[str, str]) -> str:
    """The line as people read it: the template with its fields in their places."""
    if not text:
        return f"{shape['kind']} of {shape['source']}"
    return _clean(_PLACE.sub(lambda place: str(fields.get(place[1], place[0])), text))


def metadata(line: Line, source: str) -> dict[str, str]:
    """What is too many for a label. A field's name gets a prefix, so that none passes for ours."""
    said = {"id": str(line.id), "device": str(line.device), "source": _clean(source)}
    if line.subject is not None:
        said["subject"] = str(line.subject)
    if line.count > 1:
        said["count"] = str(line.count)
    if line.marks & LATE:
        said["late"] = "true"
    for name, value in line.fields.items():
        said["field_" + _NAME.sub("_", name)] = _clean(str(value))[:LONGEST_FIELD]
    return said


def _clean(text: str) -> str:
    return _LONE.sub("�", text)


def requests(entries: Sequence[Entry]) -> Iterator[Sequence[Entry]]:
    """So many at once as one request may hold."""
    first = size = 0
    for n, entry in enumerate(entries):
        length = len(entry[3]) + sum(len(name) + len(value) + 6 for name, value in entry[4].items()) + 30
        if n > first and (size + length > ONE_REQUEST_BYTES or n - first >= ONE_REQUEST_LINES):
            yield entries[first:n]
            first, size = n, 0
        size += length
    if entries:
        yield entries[first:]


def encode(entries: Sequence[Entry]) -> bytes:
    """A push request as JSON."""
    streams: dict[Stream, list[tuple[str, str, Mapping[str, str]]]] = {}
    for stream, _, ns, text, said in entries:
        streams.setdefault(stream, []).append((str(ns), text, said))
    return msgspec.json.encode(
        {"streams": [{"stream": dict(stream), "values": values} for stream, values in streams.items()]}
    )


def labels(kind: str, severity: str, shard: int) -> Stream:
    """Few values each: a stream is made of all of them."""
    return (("kind", kind), ("service_name", SERVICE), ("severity", severity), ("shard", str(shard)))


def own(service: str, lines: Sequence[Said]) -> list[Entry]:
    """The platform's own lines, in the order in which they were written."""
    return [
        (
            (("service_name", service), ("severity", line.severity)),
            line.at_us // 1_000,
            line.at_us * 1_000 + n % 1_000,
            line.text,
            {},
        )
        for n, line in enumerate(lines)
    ]
