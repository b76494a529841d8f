"""The classes of data and how long each is kept: the shipped table, and what the customer's file says otherwise.

Read and checked whole at start, so that a mistake in it deletes nothing.
"""

import tomllib
from collections.abc import Mapping
from datetime import datetime, timedelta
from pathlib import Path
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta, Struct

from eucora.problems import Misconfigured

SHIPPED = Path(__file__).with_name("retention.toml")
OWN_NAME = "retention.toml"
LONGEST_DAYS = 36_500

BEYOND_THE_SPOOL = ("metrics", "logs", "traces", "inventory", "journal", "segments", "dead_letters")
"""What a spool may still bring. Kept for less, it would go before it came, and what was used would be taken for new."""
BY_EVENT = ("metrics", "logs", "traces")

LINES: Mapping[str, str] = {
    "log": "logs",
    "event": "logs",
    "change": "logs",
    "crash": "logs",
    "deployment": "inventory",
}
"""Kinds of lines lie together in the archive; their classes, as the registry of fields has them."""

Clock = Literal["received", "event"]


class Class(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What is kept where, for how many days by which clock; `hold`: for ever."""

    covers: str
    stores: tuple[str, ...]
    days: Annotated[int, Meta(ge=1, le=LONGEST_DAYS)]
    clock: Clock
    hold: bool = False

    def before(self, now: datetime) -> datetime | None:
        """What is older may go; None: nothing."""
        return None if self.hold else now - timedelta(days=self.days)


class Change(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a customer may decide of a class."""

    days: Annotated[int, Meta(ge=1, le=LONGEST_DAYS)] | None = None
    clock: Clock | None = None
    hold: bool | None = None


Table = Mapping[str, Class]


def read(own: Path | None, data_dir: Path, spool_max_age_days: float) -> Table:
    """The table in force. `own`: the customer's file; None: the one in the data directory, if there is one.

    Raises Misconfigured with every fault in one message, each with its mend.
    """
    shipped = msgspec.convert(_parsed(SHIPPED), dict[str, Class])
    file = own or data_dir / OWN_NAME
    if own is None and not file.exists():
        given, faults = dict[str, Any](), list[str]()
    else:
        given, faults = _parsed(file), []
    table = dict(shipped)
    for name, said in given.items():
        if name not in shipped:
            faults.append(f"[{name}] is no class of data; the classes are {', '.join(shipped)}")
            continue
        try:
            table[name] = _changed(shipped[name], msgspec.convert(said, Change))
        except msgspec.ValidationError as exc:
            faults.append(f"[{name}] {exc}")
    faults += contradictions(table, spool_max_age_days)
    if faults:
        raise Misconfigured(f"{file}: " + "; ".join(faults))
    return table


def contradictions(table: Table, spool_max_age_days: float) -> list[str]:
    """What each class allows but can't be."""
    least = spool_max_age_days + 1
    short = [
        f"[{name}] days must be at least {least:g}, a day more than EUCORA_SPOOL_MAX_AGE_DAYS: devices may still send it"
        for name in BEYOND_THE_SPOOL
        if table[name].days < least
    ]
    odd = [
        f'[{name}] clock must be "received": only {", ".join(BY_EVENT)} can be kept by "event"'
        for name, each in table.items()
        if each.clock == "event" and name not in BY_EVENT
    ]
    return short + odd


def _changed(shipped: Class, said: Change) -> Class:
    changes = {name: value for name in Change.__struct_fields__ if (value := getattr(said, name)) is not None}
    return msgspec.structs.replace(shipped, **changes)


def _parsed(file: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(file.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as exc:
        raise Misconfigured(f"{file} can not be read: {exc}") from exc
