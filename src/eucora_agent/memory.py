"""What the agent must remember between two runs: states of collectors, the inventory last appended, facts last sent.

It stands in the spool as notes, written in the transaction that appends the payload which it speaks of: whatever is
killed when, a restart neither repeats nor misses a crash, a change or a package.
"""

import hashlib
from collections.abc import Mapping
from typing import Any

import msgspec
import zstandard

from eucora_agent.collectors import COLLECTORS
from eucora_agent.spool import Spool
from eucora_wire.delta import Key, inventory
from eucora_wire.sections.device import Device
from eucora_wire.sections.software import Package

STATES, INVENTORY, FACTS = "states", "inventory", "facts"
DURABLE = frozenset(c.name for c in COLLECTORS if c.durable)

States = dict[str, dict[str, Any]]


class Memory:
    """Read from the spool's notes; what is damaged counts as not there. The functions below make the notes."""

    def __init__(self, spool: Spool) -> None:
        self._spool = spool
        self.states: States = self._load_states()

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
        """Whether these facts differ from those last sent."""
        return self._spool.note(FACTS) != facts_note(facts)

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


def facts_note(facts: Device) -> bytes:
    return hashlib.sha256(msgspec.json.encode(facts)).digest()
