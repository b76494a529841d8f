"""Spans: timed steps of a job on the device, in the shape of OpenTelemetry."""

from datetime import datetime
from typing import Annotated, Literal

from msgspec import Struct

from eucora_wire.fields import Key, Value, fact, in_reach, moment, text


class Span(Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """One span: ids in lower-case hex as in W3C trace context."""

    trace_id: Annotated[str, fact("Trace", pattern="^[0-9a-f]{32}$", retention="traces")]
    span_id: Annotated[str, fact("Span", pattern="^[0-9a-f]{16}$", retention="traces")]
    name: Annotated[str, text("Name of the step", 200, retention="traces")]
    start: Annotated[datetime, moment("Start", retention="traces")]
    end: Annotated[datetime, moment("End", retention="traces")]
    parent_id: Annotated[str, fact("Parent span", pattern="^[0-9a-f]{16}$", retention="traces")] | None = None
    status: Annotated[Literal["unset", "ok", "error"], fact("Outcome", retention="traces")] = "unset"
    attributes: Annotated[dict[Key, Value], fact("Attributes", data="content", max_length=32, retention="traces")] = {}

    def __post_init__(self) -> None:
        in_reach(self.start, self.end)
