"""Application performance: launches, hangs, errors, crashes. Use time stands beside crashes; raw counts, never averages."""

from datetime import datetime
from typing import Annotated

from msgspec import Struct

from eucora_wire.fields import MOST, Count, RecordId, fact, in_reach, listing, measure, moment, part, text


class Histogram(Struct, frozen=True, forbid_unknown_fields=True):
    """Counts per bucket: `bounds` are upper limits in ms, `counts` has one more for what lies above."""

    bounds: Annotated[tuple[float, ...], fact("Upper limits, ascending", unit="ms", max_length=64)]
    counts: Annotated[tuple[Count, ...], fact("Observations a bucket", unit="count", max_length=65)]
    sum: Annotated[float, fact("Sum of all observations", unit="ms", ge=0, le=MOST)]

    def __post_init__(self) -> None:
        if len(self.counts) != len(self.bounds) + 1:
            raise ValueError("a histogram has one count more than bounds")


class App(Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """One application since the payload before."""

    name: Annotated[str, text("Application", 200)]
    version: Annotated[str, text("Version", 200)] | None = None
    launches: Annotated[int, measure("count", "eucora_app_launches", "Launches", ge=0)] | None = None
    hangs: Annotated[int, measure("count", "eucora_app_hangs", "Hangs", ge=0)] | None = None
    errors: Annotated[int, measure("count", "eucora_app_errors", "Errors", ge=0)] | None = None
    crashes: Annotated[int, measure("count", "eucora_app_crashes", "Crashes", ge=0)] | None = None
    # Time in an application measures how a person works: off unless a policy with a purpose turns it on.
    used_seconds: (
        Annotated[
            float,
            measure("seconds", "eucora_app_used_seconds", "Time in use", ge=0, data="pseudonymous", collected=False),
        ]
        | None
    ) = None
    launch_time: Annotated[Histogram, part("Launch times")] | None = None


class Crash(Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """One crash that the system recorded."""

    id: RecordId
    time: Annotated[datetime, moment("When it crashed", retention="logs")]
    name: Annotated[str, text("Program", 200, retention="logs")]
    version: Annotated[str, text("Version", 200, retention="logs")] | None = None
    signal: Annotated[str, text("Signal or exception code", 64, retention="logs")] | None = None
    module: Annotated[str, text("Faulting module", 200, retention="logs")] | None = None
    core: Annotated[bool, fact("A core dump is kept on the device", retention="logs")] | None = None

    def __post_init__(self) -> None:
        in_reach(self.time)


class Apps(Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """Applications and crashes."""

    apps: Annotated[tuple[App, ...], listing("Applications", 500)] = ()
    crashes: Annotated[tuple[Crash, ...], listing("Crashes", 200)] = ()
