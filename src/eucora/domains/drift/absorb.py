"""What heartbeats say that the platform should hold, order-free: the newest of a device and section stands."""

import uuid
from collections.abc import Iterable

from eucora.batch import Item, Plan
from eucora.domains.drift.queries import SQL
from eucora.slice import Transaction, told
from eucora_wire.payload import Payload
from eucora_wire.state import SECTIONS, Section

Key = tuple[uuid.UUID, Section]


class Absorb:
    """The slice's part of the digest, with the key under which digests are kept."""

    def __init__(self, secret: bytes) -> None:
        self._secret = secret

    async def __call__(self, plan: Plan, tx: Transaction) -> None:
        """One statement for a batch in which somebody says so: most heartbeats do not."""
        rows = [
            (*key, told(self._secret, digest), whole(item.payload, key[1]), *_order(item), item.time, item.received)
            for key, (item, digest) in sorted(newest_of(plan.items).items())
        ]
        if rows:
            await tx.execute(SQL.say, *[list(column) for column in zip(*rows, strict=True)])


def newest_of(items: Iterable[Item]) -> dict[Key, tuple[Item, str]]:
    """What the newest heartbeat of a device says of each section."""
    newest: dict[Key, tuple[Item, str]] = {}
    for item in items:
        agent = item.payload.agent
        if agent is None or agent.holds is None:
            continue
        for section in SECTIONS:
            digest: str | None = getattr(agent.holds, section)
            known = newest.get((item.device, section))
            if digest is not None and (known is None or _order(known[0]) < _order(item)):
                newest[item.device, section] = item, digest
    return newest


def whole(payload: Payload, section: Section) -> bool:
    """Whether it carries the section whole, which is what was asked for."""
    if section == "software":
        return payload.software is not None and payload.software.packages is not None
    return bool(getattr(payload, section))


def _order(item: Item) -> tuple[int, int]:
    return item.stream_number, item.ordinal
