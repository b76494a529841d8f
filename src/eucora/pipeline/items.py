"""The items of a body against the schema. All at once when they are good; one by one only when something is wrong, so
that a bad item never hides a good one. What is said about a fault never repeats a value: values may be personal.
"""

import re
import uuid
from collections.abc import Iterator, Sequence

import msgspec

from eucora.batch import Verdict
from eucora.ids import dead_letter_id
from eucora_wire import payload as wire
from eucora_wire.envelope import Seal
from eucora_wire.payload import Payload
from eucora_wire.problems import BASE, ItemProblem
from eucora_wire.registry import FIELDS

NUL = b"\\u0000"
"""JSON has no other way to write the character that PostgreSQL can't hold."""

APART = 2**20
"""Bytes that are taken apart value by value. Beyond it, 32 MiB of `1,1,1` or `[],[],[]` would become a gigabyte."""

_NUL_WRITTEN = re.compile(rb"(?<!\\)(?:\\\\)*\\u0000")
"""Not the text `\\u0000`, whose backslash is itself escaped."""

NAMES = frozenset(name for path in FIELDS for name in path.split("."))
"""Names that may be said: any other key may itself be personal."""

_PATH = re.compile(r"(.*?)(?: - at `(?:key in )?(\$[^`]*)`)?", re.DOTALL)
_SAFE = re.compile(r"(Expected|Object missing|Invalid (UUID|RFC3339)|Number out|software is|a histogram|a time before)")


class _Object(msgspec.Struct, gc=False):
    """An item of which nothing is read but that it is an object."""


_objects = msgspec.json.Decoder(list[_Object])
_any = msgspec.json.Decoder(msgspec.Raw)

Fault = tuple[str, str, str]
"""(slug, path, detail)."""


def judge_items(body: bytes, seal: Seal) -> Verdict | None:
    """None when every item may be stored; else the fault of the whole body, or of single items under their ordinals."""
    try:
        if NUL not in body and _all_good(body, seal):
            return None
        if not _as_many_as(body, seal.items.carried_count()):
            return Verdict("items-mismatch")
        return _judge_pieces(wire.split(body), seal)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return Verdict("unreadable")


def _all_good(body: bytes, seal: Seal) -> bool:
    try:
        payloads = wire.decode(body)
    except msgspec.ValidationError:
        return False
    return len(payloads) == seal.items.carried_count() and all(fault_of(p, seal) is None for p in payloads)


def _as_many_as(body: bytes, count: int) -> bool:
    """Whether a large body may be split: it holds as many objects as accounted for, and nothing else."""
    try:
        return len(body) <= APART or not wire.is_array(body) or len(_objects.decode(body)) == count
    except msgspec.ValidationError:
        return False


def _judge_pieces(pieces: Sequence[msgspec.Raw], seal: Seal) -> Verdict | None:
    if len(pieces) != seal.items.carried_count():
        return Verdict("items-mismatch")
    faults = tuple(
        _problem(seal.stream, ordinal, fault)
        for ordinal, piece in zip(seal.items.carried(), pieces, strict=True)
        if (fault := _fault_in(bytes(piece), seal)) is not None
    )
    return Verdict(items=faults) if faults else None


def _problem(stream: uuid.UUID, ordinal: int, fault: Fault) -> ItemProblem:
    slug, path, detail = fault
    return ItemProblem(ordinal, BASE + slug, path, detail, str(dead_letter_id(stream, ordinal)))


def _fault_in(item: bytes, seal: Seal) -> Fault | None:
    """What is wrong with one item that is still JSON."""
    try:
        if NUL in item and (path := _path_of_nul(item)) is not None:
            return "nul-character", path, ""
        return fault_of(wire.decode_item(item), seal)
    except msgspec.ValidationError as exc:
        return "schema", *_explain(str(exc))
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return "unreadable", "$", ""


def fault_of(payload: Payload, seal: Seal) -> Fault | None:
    """A payload speaks for its signer and for the subject of its batch, and for nobody else."""
    if payload.device_id != seal.device:
        return "foreign-device", "$.device_id", ""
    if payload.user_id is not None and payload.user_id != seal.subject:
        return "foreign-subject", "$.user_id", ""
    for session in payload.sessions:
        if session.device_id != seal.device:
            return "foreign-device", "$.sessions[...].device_id", ""
        if session.user_id != seal.subject:
            return "foreign-subject", "$.sessions[...].user_id", ""
    return None


def _explain(message: str) -> tuple[str, str]:
    """msgspec's message as (path, detail), without the values that some of its messages repeat."""
    match = _PATH.fullmatch(message)
    said, path = (match[1], match[2]) if match else (message, None)
    if said.startswith("Object contains unknown field"):
        return path or "$", "The object has a field that the registry does not know"
    return path or "$", said if _SAFE.match(said) else "The value is not one of those allowed"


def _path_of_nul(item: bytes) -> str | None:
    """Where the first text with U+0000 stands; only the contract's own names are named. Raises DecodeError."""
    if len(item) <= APART:
        return next((path for path, text in _texts(msgspec.json.decode(item), "$") if "\x00" in text), None)
    _any.decode(item)
    return "$" if _NUL_WRITTEN.search(item) else None


def _texts(value: object, path: str) -> Iterator[tuple[str, str]]:
    if isinstance(value, str):
        yield path, value
    elif isinstance(value, list):
        for index, inner in enumerate(value):
            yield from _texts(inner, f"{path}[{index}]")
    elif isinstance(value, dict):
        for key, inner in value.items():
            yield path, key
            yield from _texts(inner, f"{path}.{key}" if key in NAMES else f"{path}[...]")
