"""Facts of devices, order-free: the row of a device is what its newest item says, whenever it came.

Change points of cohort attributes are kept from every item, so that a late one finds its place between the others.
"""

import uuid
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from eucora.batch import Item, Plan
from eucora.clock import shifted
from eucora.domains.devices.queries import SQL, UNHEARD, Heard
from eucora.domains.devices.records import COHORT
from eucora.journal.keys import Key, Keyring, Owner
from eucora.sealing import pseudonym, seal
from eucora.slice import Transaction, told
from eucora_wire.sections.device import Device, OperatingSystem

_NO_SYSTEM = OperatingSystem(name="")


class Absorb:
    """The slice's part of the digest, with the keys that it seals host names and serials under."""

    def __init__(self, keyring: Keyring, secret: bytes) -> None:
        self._keyring, self._secret = keyring, secret

    async def __call__(self, plan: Plan, tx: Transaction) -> None:
        """Three statements at most, whatever the batch's size."""
        said = plan.sections.get("device", ())
        if said:
            newest = newest_of(said)
            keys = await self._keyring.ensure([("device", device) for device in newest])
            rows = [self._row(item, keys) for _, item in sorted(newest.items())]
            await tx.execute(SQL.say_facts, msgspec.json.encode(rows).decode())
        facts = [fact for item in said for fact in facts_of(item)] + place_facts(plan.sections.get("sessions", ()))
        turned = turned_policies(plan.items, plan.known.policies)
        facts += [(item, "policy", item.policy) for item in turned]
        if facts:
            await tx.execute(SQL.keep_facts, *_columns(facts))
        if turned:
            await tx.execute(SQL.say_policies, *_policies(turned))

    def _row(self, item: Item, keys: Mapping[Owner, Key]) -> dict[str, Any]:
        device = item.payload.device
        assert device is not None
        key = keys["device", item.device]
        return {
            **plain(device),
            "boot_time": device.boot_time and shifted(device.boot_time, item.shift_ms, item.received),
            "device_id": item.device,
            "key_no": key.key_no,
            **self._sealed("hostname", device.hostname, item.device, key),
            **self._sealed("serial", device.serial, item.device, key),
            "facts_told": item.facts and _hex(told(self._secret, item.facts)),
            "order_stream": item.stream_number,
            "order_item": item.ordinal,
            "event_time": item.time,
            "received_at": item.received,
        }

    def _sealed(self, name: str, value: str | None, device: uuid.UUID, key: Key) -> dict[str, str | None]:
        if value is None or key.aead is None:
            return {f"{name}_sealed": None, f"{name}_pseudonym": None}
        body = seal(key.aead, value.encode(), f"devices.{name}_sealed/{device}".encode())
        return {f"{name}_sealed": _hex(body), f"{name}_pseudonym": _hex(pseudonym(self._secret, name, value))}


def newest_of(items: Sequence[Item]) -> dict[uuid.UUID, Item]:
    """The item of highest order key of each device."""
    newest: dict[uuid.UUID, Item] = {}
    for item in items:
        known = newest.get(item.device)
        if known is None or (known.stream_number, known.ordinal) < (item.stream_number, item.ordinal):
            newest[item.device] = item
    return newest


def plain(device: Device) -> dict[str, Any]:
    """The columns that name nobody."""
    system = device.os or _NO_SYSTEM
    return {
        "manufacturer": device.manufacturer,
        "model": device.model,
        "chassis": device.chassis,
        "os_family": system.family,
        "os_name": system.name or None,
        "os_version": system.version,
        "os_build": system.build,
        "architecture": device.architecture,
        "cpu_model": device.cpu_model,
        "cpu_count": device.cpu_count,
        "memory_bytes": device.memory_bytes,
        "boot_time": device.boot_time,
        "timezone": device.timezone,
        "virtual": device.virtual,
        "vdi": device.vdi,
        "tpm": device.tpm,
        "disk_encrypted": device.disk_encrypted,
        "firmware": device.firmware,
    }


Fact = tuple[Item, str, str | None]
"""Who said it, the attribute, its value as text."""


def facts_of(item: Item) -> list[Fact]:
    """What the item says of the attributes by which devices are compared."""
    assert item.payload.device is not None
    said = plain(item.payload.device)
    return [(item, name, _text(said[name])) for name in COHORT]


def place_facts(items: Sequence[Item]) -> list[Fact]:
    """The kind of network of the last session that an item tells of."""
    found: list[Fact] = []
    for item in items:
        places = [s.context.network for s in item.payload.sessions if s.context is not None and s.context.network]
        if places:
            found.append((item, "network", places[-1]))
    return found


def turned_policies(items: Sequence[Item], known: Mapping[uuid.UUID, Heard]) -> list[Item]:
    """The first item a device and policy that is of another than the device was last heard under, or before that one.

    A policy has one version and devices go on to newer ones only: since when each holds is known whatever came first.
    """
    first: dict[tuple[uuid.UUID, str], Item] = {}
    for item in sorted((x for x in items if _turns(x, known)), key=lambda x: (x.device, x.stream_number, x.ordinal)):
        first.setdefault((item.device, item.policy), item)
    return list(first.values())


def _turns(item: Item, known: Mapping[uuid.UUID, Heard]) -> bool:
    heard = known.get(item.device, UNHEARD)
    return heard.policy != item.policy or (item.stream_number, item.ordinal) < heard.order


def _columns(facts: Sequence[Fact]) -> tuple[list[Any], ...]:
    rows = sorted((x.device, name, x.stream_number, x.ordinal, value, x.time, x.received) for x, name, value in facts)
    return tuple(list(column) for column in zip(*rows, strict=True))


def _policies(items: Sequence[Item]) -> tuple[list[Any], ...]:
    """The newest a device, ascending by device."""
    rows = [(x.device, x.policy, x.stream_number, x.ordinal) for _, x in sorted(newest_of(items).items())]
    return tuple(list(column) for column in zip(*rows, strict=True))


def _text(value: Any) -> str | None:
    return str(value).lower() if isinstance(value, bool) else None if value is None else str(value)


def _hex(value: bytes) -> str:
    """bytea as JSON carries it."""
    return "\\x" + value.hex()
