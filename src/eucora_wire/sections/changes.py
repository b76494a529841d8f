"""What changed on the device: without it, ranking causes is worthless."""

from datetime import datetime
from typing import Annotated, Literal

from msgspec import Struct

from eucora_wire.fields import RecordId, fact, in_reach, moment, text

ChangeKind = Literal["install", "remove", "update", "driver", "policy", "reboot", "configuration"]


class Change(Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """One change, with what was before and what is now."""

    id: RecordId
    time: Annotated[datetime, moment("When it changed", retention="logs")]
    kind: Annotated[ChangeKind, fact("What sort of change", retention="logs")]
    subject: Annotated[str, text("Package, driver or setting", 200, retention="logs")]
    before: Annotated[str, text("Version or value before", 200, retention="logs")] | None = None
    after: Annotated[str, text("Version or value now", 200, retention="logs")] | None = None
    reason: Annotated[str, text("Reason, where the system records one", 200, retention="logs")] | None = None

    def __post_init__(self) -> None:
        in_reach(self.time)
