"""Lines as Loki's push API takes them: few streams, everything else as structured metadata. Pure.

A line has a nanosecond of its own, made from its id behind the microsecond of its time: so two lines of one moment are
two, and the same line told again is the same in time, text and metadata, which is what Loki drops as a repeat.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache
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

Entry = tuple[Stream, int, int, bytes]
"""(stream, milliseconds, nanoseconds, the entry as it travels)."""


def settle(parcel: Parcel) -> tuple[list[Entry], int, int]:
    """Entries by stream and time; how many were merged as repeats, and how many lay in the future."""
    streams: dict[Stream, dict[tuple[int, int], tuple[int, int, bytes]]] = {}
    into = {
        number: [streams.setdefault(labels(shape["kind"], shape["severity"], n), {}) for n in range(SHARDS)]
        for number, shape in parcel.shapes.items()
    }
    late = 0
    for line in parcel.rows:
        time = line.time
        if time > line.received:
            time, late = line.received, late + 1
        shape, stream = parcel.shapes[line.shape], into[line.shape][line.device.int % SHARDS]
        us, number = clock.to_us(time), line.id.int
        ns = us * 1_000 + number % 1_000
        said = value(ns, told(line.text, line.fields, shape), metadata(line, shape["source"]))
        stream[ns, number] = (us // 1_000, ns, said)
    entries = [(stream, *of[key]) for stream, of in sorted(streams.items()) for key in sorted(of)]
    return entries, len(parcel.rows) - len(entries), late


def value(ns: int, text: str, said: Mapping[str, str]) -> bytes:
    """One entry of a stream: [nanoseconds, text, structured metadata]."""
    try:
        return _json.encode((str(ns), text, said))
    except UnicodeEncodeError:  # half a pair of surrogates
        return _json.encode((str(ns), _clean(text), {_clean(name): _clean(held) for name, held in said.items()}))


_json = msgspec.json.Encoder()


def told(text: str, fields: Mapping[str, Any], shape: Mapping[str, str]) -> str:
    """The line as people read it: the template with its fields in their places."""
    if not text:
        return f"{shape['kind']} of {shape['source']}"
    if "{" not in text:
        return text
    between, places = _places(text)
    said = between.copy()
    for at, name in places:
        said[at] = str(fields[name]) if name in fields else f"{{{name}}}"
    return "".join(said)


@lru_cache(1_024)
def _places(template: str) -> tuple[list[str], list[tuple[int, str]]]:
    """The pieces of a template, and which of them are names of fields."""
    parts = _PLACE.split(template)
    return parts, [(at, parts[at]) for at in range(1, len(parts), 2)]


def metadata(line: Line, source: str) -> dict[str, str]:
    """What is too many for a label. A field's name gets a prefix, so that none passes for ours."""
    said = {"id": str(line.id), "device": str(line.device), "source": source}
    if line.subject is not None:
        said["subject"] = str(line.subject)
    if line.count > 1:
        said["count"] = str(line.count)
    if line.marks & LATE:
        said["late"] = "true"
    for name, held in line.fields.items():
        said[_field(name)] = str(held)[:LONGEST_FIELD]
    return said


@lru_cache(4_096)
def _field(name: str) -> str:
    return "field_" + _NAME.sub("_", name)


def _clean(text: str) -> str:
    return _LONE.sub("\ufffd", text)


def requests(entries: Sequence[Entry]) -> Iterator[Sequence[Entry]]:
    """So many at once as one request may hold."""
    first = size = 0
    for n, (_, _, _, said) in enumerate(entries):
        if n > first and (size + len(said) > ONE_REQUEST_BYTES or n - first >= ONE_REQUEST_LINES):
            yield entries[first:n]
            first, size = n, 0
        size += len(said)
    if entries:
        yield entries[first:]


def encode(entries: Sequence[Entry]) -> bytes:
    """A push request as JSON."""
    streams: dict[Stream, list[bytes]] = {}
    last: Stream | None = None
    for stream, _, _, said in entries:
        if stream is not last:  # they come by stream, whose hash costs more than all else here
            last, values = stream, streams.setdefault(stream, [])
        values.append(said)
    each = [
        b'{"stream":%b,"values":[%b]}' % (_json.encode(dict(stream)), b",".join(values))
        for stream, values in streams.items()
    ]
    return b'{"streams":[%b]}' % b",".join(each)


@lru_cache(1_024)
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
            value(line.at_us * 1_000 + n % 1_000, line.text, {}),
        )
        for n, line in enumerate(lines)
    ]
