"""What the platform says after a commit: per item what was accepted and why not, and what the agent should know next."""

import uuid
from datetime import datetime
from typing import Literal

from msgspec import Struct

from eucora_wire.problems import ItemProblem
from eucora_wire.state import Section

Lane = Literal["live", "replay"]
Outcome = Literal["appended", "duplicate", "known"]
"""appended: new · duplicate: the same batch again, its old receipt · known: used before the digests' memory."""


class Receipt(Struct, frozen=True, omit_defaults=True):
    """Where the batch stands in the journal. `epoch` is 1 until a restore."""

    epoch: int
    shard: int
    lane: Lane
    position: int
    received: datetime


class Next(Struct, frozen=True, omit_defaults=True):
    """What the agent should know: configuration, waiting commands, sections to send whole, pace, key to sign with.

    `dictionary`: what bodies may be packed with from now on; told while they come packed without.
    """

    config: int = 0
    commands: int = 0
    resync: tuple[Section, ...] = ()
    pace_s: float = 0.0
    new_stream: bool = False
    dictionary: int = 0


class Answer(Struct, frozen=True, omit_defaults=True):
    """The body of every 200 to POST /v1/telemetry: committed with fsync.

    `lacks`: sequences of this stream, first to last, that the journal does not hold. What was acknowledged is among them
    after a restore, and is to be sent again.
    """

    outcome: Outcome
    accepted: int
    sequence: int
    rejected: tuple[ItemProblem, ...] = ()
    receipt: Receipt | None = None
    next: Next = Next()
    lacks: tuple[tuple[int, int], ...] = ()


class LogonRequest(Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """At log-on: the OS account sealed to the platform's key. `provisional` is the id used while offline."""

    sealed: str
    key: str
    session_id: uuid.UUID
    provisional: uuid.UUID | None = None


class Account(Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """What is inside the seal: never on the wire in clear."""

    name: str
    domain: str = ""
    uid: str = ""
    display: str = ""


class LogonAnswer(Struct, frozen=True, omit_defaults=True):
    """The subject id to use from now on, instead of a name."""

    subject: uuid.UUID
    user_devices: int = 0
    mapped: bool = True
    problem: str | None = None
