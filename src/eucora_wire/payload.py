"""The message of the seed's §4.2: one payload is one item. Unknown fields are refused, absent ones mean "not there"."""

import uuid
from collections.abc import Iterable
from datetime import datetime
from typing import Annotated, TypeVar

import msgspec
from msgspec import Struct

from .fields import Count, Key, fact, in_reach, listing, moment, part
from .sections.agent import Agent
from .sections.apps import Apps
from .sections.changes import Change
from .sections.deployments import Deployment
from .sections.device import Device
from .sections.events import Event
from .sections.hardware import Hardware
from .sections.logs import Line
from .sections.network import Network
from .sections.sessions import Session
from .sections.software import Software
from .sections.spans import Span
from .sections.ux import Ux


class Payload(Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """What a device says at one time. The first seven fields are the seed's, the rest its other categories."""

    device_id: Annotated[uuid.UUID, fact("The device; must be the signer's", purposes=("transport",))]
    timestamp: Annotated[datetime, moment("When it was collected, by the device's clock", retention="metrics")]
    user_id: Annotated[uuid.UUID, fact("Subject at the device, absent when nobody is", data="pseudonymous")] | None = (
        None
    )
    hardware: Annotated[Hardware, part("Device health")] | None = None
    software: Annotated[Software, part("Software inventory")] | None = None
    network: Annotated[Network, part("Network")] | None = None
    agent: Annotated[Agent, part("Agent health")] | None = None
    device: Annotated[Device, part("Facts about the device")] | None = None
    apps: Annotated[Apps, part("Application performance")] | None = None
    ux: Annotated[Ux, part("UX")] | None = None
    deployments: Annotated[tuple[Deployment, ...], listing("Deployment signals", 200)] = ()
    changes: Annotated[tuple[Change, ...], listing("Changes", 2_000)] = ()
    events: Annotated[tuple[Event, ...], listing("Events", 500)] = ()
    logs: Annotated[tuple[Line, ...], listing("Log lines", 2_000)] = ()
    spans: Annotated[tuple[Span, ...], listing("Spans", 2_000)] = ()
    sessions: Annotated[tuple[Session, ...], listing("Sessions", 50)] = ()
    withheld: Annotated[
        dict[Key, Count],
        fact("What the agent withheld or masked, counted by rule", max_length=64, purposes=("compliance",)),
    ] = {}

    def __post_init__(self) -> None:
        in_reach(self.timestamp)


_T = TypeVar("_T")

_encoder = msgspec.json.Encoder()
_one = msgspec.json.Decoder(Payload)
_many = msgspec.json.Decoder(list[Payload])
_raw = msgspec.json.Decoder(list[msgspec.Raw])


def encode(payloads: Iterable[Payload]) -> bytes:
    """A JSON array of payloads, compact."""
    return _encoder.encode(list(payloads))


def encode_one(payload: Payload) -> bytes:
    """One payload as a JSON object."""
    return _encoder.encode(payload)


def decode(body: bytes) -> list[Payload]:
    """One payload or an array of them. Raises msgspec.ValidationError (with the path) or msgspec.DecodeError."""
    return _read(_many, body) if is_array(body) else [_read(_one, body)]


def split(body: bytes) -> list[msgspec.Raw]:
    """The items of a body undecoded, so that one bad item does not hide the good ones. Raises msgspec.DecodeError."""
    return _read(_raw, body) if is_array(body) else [msgspec.Raw(body)]


def decode_item(item: bytes | msgspec.Raw) -> Payload:
    """One item of `split`. Raises as `decode`."""
    return _read(_one, item)


def _read(decoder: msgspec.json.Decoder[_T], body: bytes | msgspec.Raw) -> _T:
    # msgspec lets two failures of its input through as what they are inside: a field name that is not UTF-8, and
    # nesting deeper than the interpreter's stack.
    try:
        return decoder.decode(body)
    except (UnicodeDecodeError, RecursionError) as exc:
        raise msgspec.DecodeError("JSON is malformed: not UTF-8, or nested too deeply") from exc


def is_array(body: bytes) -> bool:
    """Whether the first character that is not white space opens an array."""
    return body[:1] == b"[" or body.lstrip()[:1] == b"["
