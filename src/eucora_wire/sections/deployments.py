"""Deployment signals: success or failure, rollback, durations."""

from datetime import datetime
from typing import Annotated, Literal

from msgspec import Struct

from eucora_wire.fields import RecordId, fact, in_reach, measure, moment, text

Outcome = Literal["succeeded", "failed", "rolled_back", "running"]


class Deployment(Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """One deployment job as it went on this device."""

    id: RecordId
    time: Annotated[datetime, moment("When it ended, or was seen running")]
    job: Annotated[str, text("Job or package", 200)]
    outcome: Annotated[Outcome, fact("How it ended")]
    version: Annotated[str, text("Version deployed", 200)] | None = None
    duration: (
        Annotated[float, measure("seconds", "eucora_deployment_duration_seconds", "How long it took", ge=0)] | None
    ) = None
    exit_code: Annotated[int, fact("Exit code of the installer", ge=-(2**31), le=2**32)] | None = None

    def __post_init__(self) -> None:
        in_reach(self.time)
