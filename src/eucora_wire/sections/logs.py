"""Log lines: a template and its fields, so that lines can be counted, masked and compressed."""

from datetime import datetime
from typing import Annotated

from msgspec import Struct

from eucora_wire.fields import MOST, Key, RecordId, Value, fact, in_reach, moment, text

from .events import Severity


class Line(Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """One line. `{name}` in the template stands for a field."""

    id: RecordId
    time: Annotated[datetime, moment("When it was written", retention="logs")]
    source: Annotated[str, text("Program that wrote it", 120, retention="logs")]
    template: Annotated[str, fact("Message with {fields}", max_length=2_000, data="content", retention="logs")]
    severity: Annotated[Severity, fact("How grave", retention="logs")] = "info"
    fields: Annotated[
        dict[Key, Value], fact("Values of the fields", data="content", max_length=32, retention="logs")
    ] = {}
    count: Annotated[int, fact("Equal ones collapsed into this", ge=1, le=MOST, retention="logs")] = 1

    def __post_init__(self) -> None:
        in_reach(self.time)
