"""What the agent must remember between two runs: states of collectors, the inventory last appended, facts last sent.

Written with what was appended, so that a restart neither repeats nor misses a crash, a change or a package.
"""

import hashlib
from pathlib import Path
from typing import Any

import msgspec
import zstandard

from eucora_agent import durable
from eucora_agent.collectors import COLLECTORS
from eucora_wire.delta import Key, inventory
from eucora_wire.sections.device import Device
from eucora_wire.sections.software import Package

STATES, INVENTORY, FACTS = "collectors.json", "inventory.zst", "facts"
DURABLE = frozenset(c.name for c in COLLECTORS if c.durable)


class Memory:
    """Files in the state directory; what is damaged counts as not there."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.states: dict[str, dict[str, Any]] = self._load_states()

    def keep_states(self) -> None:
        """Those of durable collectors."""
        kept = {name: state for name, state in self.states.items() if name in DURABLE}
        durable.write(self._folder / STATES, msgspec.json.encode(kept))

    def inventory(self) -> dict[Key, Package] | None:
        """The inventory last appended to the spool, None when none was."""
        try:
            packed = zstandard.decompress((self._folder / INVENTORY).read_bytes())
            return inventory(msgspec.json.decode(packed, type=list[Package]))
        except (FileNotFoundError, zstandard.ZstdError, msgspec.DecodeError):
            return None

    def inventory_is_missing(self) -> bool:
        """Whether a full one must be sent."""
        return not (self._folder / INVENTORY).exists()

    def keep_inventory(self, packages: dict[Key, Package]) -> None:
        durable.write(self._folder / INVENTORY, zstandard.compress(msgspec.json.encode(list(packages.values()))))

    def is_new(self, facts: Device) -> bool:
        """Whether these facts differ from those last sent."""
        path = self._folder / FACTS
        return not path.exists() or path.read_bytes() != _digest(facts)

    def keep_facts(self, facts: Device) -> None:
        durable.write(self._folder / FACTS, _digest(facts))

    def _load_states(self) -> dict[str, dict[str, Any]]:
        try:
            return msgspec.json.decode((self._folder / STATES).read_bytes(), type=dict[str, dict[str, Any]])
        except (FileNotFoundError, msgspec.DecodeError):
            return {}


def _digest(facts: Device) -> bytes:
    return hashlib.sha256(msgspec.json.encode(facts)).digest()
