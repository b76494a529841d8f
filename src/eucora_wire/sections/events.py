"""Events: something happened once on the device that is neither a change nor a log line."""

from datetime import datetime
from typing import Annotated, Literal

from msgspec import Struct

from eucora_wire.fields import MOST, TOKEN, RecordId, fact, in_reach, moment, text

Severity = Literal["debug", "info", "warning", "error", "critical"]


class Event(Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """One event; `count` says how many equal ones were collapsed into it."""

    id: RecordId
    time: Annotated[datetime, moment("First time it happened", retention="logs")]
    name: Annotated[str, fact("Name of the event", max_length=120, pattern=TOKEN, retention="logs")]
    severity: Annotated[Severity, fact("How grave", retention="logs")] = "info"
    count: Annotated[int, fact("Equal ones collapsed into this", ge=1, le=MOST, retention="logs")] = 1
    last: Annotated[datetime, moment("Last time it happened", retention="logs")] | None = None
    detail: Annotated[str, text("What happened", 2_000, data="content", retention="logs")] | None = None

    def __post_init__(self) -> None:
        in_reach(self.time, self.last)
