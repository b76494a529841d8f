"""UX: latency, responsiveness and DPI events. Off by default: it comes near to measuring a person."""

from typing import Annotated

from msgspec import Struct

from eucora_wire.fields import measure, part

from .apps import Histogram


class Ux(Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """How the desktop answers, as counts and buckets."""

    latency: Annotated[Histogram, part("Input to display")] | None = None
    unresponsive: (
        Annotated[
            int,
            measure("count", "eucora_ux_unresponsive", "Windows that did not answer", ge=0, collected=False),
        ]
        | None
    ) = None
    dpi_events: (
        Annotated[
            int,
            measure("count", "eucora_ux_dpi_events", "Changes of scale or display", ge=0, collected=False),
        ]
        | None
    ) = None
    logon_seconds: (
        Annotated[float, measure("seconds", "eucora_ux_logon_seconds", "Log-on to desktop", ge=0, collected=False)]
        | None
    ) = None
