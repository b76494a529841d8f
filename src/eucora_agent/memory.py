"""What the agent must remember between two runs: states of collectors, the inventory last appended, facts last sent,
digests of both.

It stands in the spool as notes, written in the transaction that appends the payload which it speaks of: whatever is
killed when, a restart neither repeats nor misses a crash, a change or a package.
"""

import hashlib
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

import msgspec
import zstandard
from msgspec import Struct

from eucora_agent.collectors import COLLECTORS
from eucora_agent.spool import Spool
from eucora_wire.delta import Key, digest, inventory
from eucora_wire.payload import Payload
from eucora_wire.sections.agent import Holds
from eucora_wire.sections.device import Device
from eucora_wire.sections.sessions import Session
from eucora_wire.sections.software import Package
from eucora_wire.state import digest_of_facts

STATES, INVENTORY, FACTS, HOLDS, ENDED = "states", "inventory", "facts", "holds", "ended"
DURABLE = frozenset(c.name for c in COLLECTORS if c.durable)

States = dict[str, dict[str, Any]]

SPOKEN_OF = timedelta(days=7)
"""For so long an ended session is: later it may have been kept for as long as it was to be."""


class Ended(Struct, frozen=True):
    """The session that ended last, None once nothing more is said of it; `again`: it was asked for, and told again."""

    session: Session | None
    again: bool = False


class Memory:
    """Read from the spool's notes; what is damaged counts as not there. The functions below make the notes."""

    def __init__(self, spool: Spool) -> None:
        self._spool = spool
        self.states: States = self._load_states()
        self.holds = self._load_holds()
        self.ended = self._load_ended()

    def inventory(self) -> dict[Key, Package] | None:
        """The inventory last appended to the spool, None when none was."""
        try:
            packed = zstandard.decompress(self._spool.note(INVENTORY))
            return inventory(msgspec.json.decode(packed, type=list[Package]))
        except (zstandard.ZstdError, msgspec.DecodeError):
            return None

    def inventory_is_missing(self) -> bool:
        """Whether a full one must be sent."""
        return not self._spool.note(INVENTORY)

    def is_new(self, facts: Device) -> bool:
        """Whether these facts differ from those last sent, or what was sent is not known."""
        return self._spool.note(FACTS) != facts_note(facts) or self.holds.device is None

    def told(self, payload: Payload) -> Holds:
        """What the platform should hold once it has this payload as well. Costs nothing where no section is in it."""
        software, device = payload.software, payload.device
        holds = self.holds
        if software is not None:
            found = digest(inventory(software.packages or ())) if software.delta is None else software.delta.result
            holds = msgspec.structs.replace(holds, software=found)
        if device is not None:
            holds = msgspec.structs.replace(holds, device=digest_of_facts(device))
        return holds

    def ended_after(self, payload: Payload) -> Ended | None:
        """Of which ended session the platform should know once it has this payload as well."""
        ended = next((session for session in payload.sessions if session.end is not None), None)
        if ended is None:
            return self.ended
        return Ended(ended, again=self.ended is not None and self.ended.session == ended)

    def ended_asked_for(self, now: datetime) -> Session | None:
        """What is told again of it. What was told again already is let go of: a person was erased, or it is kept no more."""
        ended = self.ended
        if ended is None or ended.session is None or ended.session.end is None:
            return None
        if ended.again or now - ended.session.end > SPOKEN_OF:
            self.ended = Ended(None)
            return None
        return ended.session

    def ended_note(self, ended: Ended | None) -> dict[str, bytes]:
        """When it differs from what is kept."""
        note = b"" if ended is None else msgspec.json.encode(ended)
        return {} if note == self._spool.note(ENDED) else {ENDED: note}

    def _load_ended(self) -> Ended | None:
        try:
            return msgspec.json.decode(self._spool.note(ENDED), type=Ended)
        except msgspec.DecodeError:
            return None

    def _load_holds(self) -> Holds:
        """An agent of before had an inventory, and told no digest of it."""
        try:
            return msgspec.json.decode(self._spool.note(HOLDS), type=Holds)
        except msgspec.DecodeError:
            packages = self.inventory()
            return Holds() if packages is None else Holds(software=digest(packages))

    def states_note(self) -> dict[str, bytes]:
        """States of durable collectors, when they differ from what is kept."""
        note = msgspec.json.encode({name: state for name, state in self.states.items() if name in DURABLE})
        return {} if note == self._spool.note(STATES) else {STATES: note}

    def _load_states(self) -> States:
        try:
            return msgspec.json.decode(self._spool.note(STATES), type=States)
        except msgspec.DecodeError:
            return {}


def inventory_note(packages: Mapping[Key, Package]) -> bytes:
    return zstandard.compress(msgspec.json.encode(list(packages.values())))


def holds_note(holds: Holds) -> bytes:
    return msgspec.json.encode(holds)


def facts_note(facts: Device) -> bytes:
    return hashlib.sha256(msgspec.json.encode(facts)).digest()
