"""Sessions: who was at the device from when to when, exactly as in the seed's §9."""

import uuid
from datetime import datetime
from typing import Annotated, Literal

from msgspec import Struct

from eucora_wire.fields import fact, in_reach, moment, part

Place = Literal["corp", "home", "public"]


class Context(Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """Where the session took place; what is not known is absent."""

    network: Annotated[Place, fact("Kind of network")] | None = None
    vpn: Annotated[bool, fact("Over a VPN")] | None = None
    # A country follows a person around: off by default.
    geo: (
        Annotated[
            str,
            fact("Country, ISO 3166-1 alpha-2", pattern="^[A-Z]{2}$", data="pseudonymous", collected=False),
        ]
        | None
    ) = None


class Session(Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """One session. `end` is absent while it lasts. `user_id` is a subject id, never a name."""

    session_id: Annotated[uuid.UUID, fact("Session", data="pseudonymous")]
    user_id: Annotated[uuid.UUID, fact("Subject", data="pseudonymous")]
    device_id: Annotated[uuid.UUID, fact("Device")]
    start: Annotated[datetime, moment("Log-on")]
    end: Annotated[datetime, moment("Log-off")] | None = None
    context: Annotated[Context, part("Where")] | None = None

    def __post_init__(self) -> None:
        in_reach(self.start, self.end)
