"""Stage 1. What doors received becomes parsed headers; what can't be read as ours is refused before anything is computed."""

from collections.abc import Mapping, Sequence

from msgspec import Struct

from eucora.problems import Refused
from eucora_wire import SCHEMA
from eucora_wire.clock import Sent, parse_sent
from eucora_wire.envelope import CONTENT_TYPE, BadHeader, Seal, Signed, Unsigned, parse_signed, read_seal

SCHEMAS = frozenset({SCHEMA})
"""The current version, the one before, and each that was current within the spool's maximum age."""

ENCODINGS = frozenset({"zstd", "gzip", "identity"})


class Arrival(Struct, frozen=True, gc=False):
    """A batch as a door received it: headers in lower case. `body` is None when it was larger than the limit."""

    headers: Mapping[str, str]
    body: bytes | None
    received_ms: int


class Opened(Struct, frozen=True, gc=False):
    """A batch whose headers are well formed; nothing is proved yet."""

    arrival: Arrival
    signed: Signed
    seal: Seal
    sent: Sent | None


def collect(arrivals: Sequence[Arrival]) -> list[Opened | Refused]:
    """Each arrival opened, or the reason why not; the result at i belongs to the arrival at i."""
    return [_open_or_refuse(arrival) for arrival in arrivals]


def _open_or_refuse(arrival: Arrival) -> Opened | Refused:
    try:
        return open_one(arrival)
    except Refused as refused:
        return refused


def open_one(arrival: Arrival) -> Opened:
    """The headers as values. Raises Refused: wrong-content-type, -encoding, unsigned, bad-header, unsupported-schema."""
    headers = arrival.headers
    if not is_json(headers):
        raise Refused("wrong-content-type")
    if headers.get("content-encoding", "identity") not in ENCODINGS:
        raise Refused("wrong-content-encoding")
    try:
        signed = parse_signed(headers)
        if headers["eucora-schema"] not in SCHEMAS:
            raise Refused("unsupported-schema", f"accepted: {', '.join(sorted(SCHEMAS))}")
        return Opened(arrival, signed, read_seal(headers), _sent(headers))
    except Unsigned as exc:
        raise Refused("unsigned", str(exc)) from exc
    except BadHeader as exc:
        raise Refused("bad-header", exc.name) from exc


def is_json(headers: Mapping[str, str]) -> bool:
    """Whether the content type is application/json, with or without parameters."""
    given = headers.get("content-type", "")
    return given == CONTENT_TYPE or given.partition(";")[0].strip().lower() == CONTENT_TYPE


def _sent(headers: Mapping[str, str]) -> Sent | None:
    text = headers.get("eucora-sent")
    try:
        return None if text is None else parse_sent(text)
    except ValueError as exc:
        raise BadHeader("eucora-sent") from exc
