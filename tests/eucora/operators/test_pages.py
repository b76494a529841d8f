"""Lists in pages while rows come: what was there at the first page is told once, whatever is added meanwhile."""

import uuid
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from tests.eucora.line import Device, Line
from tests.eucora.operators.conftest import Plane

from eucora_wire.payload import Payload
from eucora_wire.sections.events import Event
from eucora_wire.sections.hardware import Hardware
from eucora_wire.sections.software import Package, Software

NOW = datetime.now(UTC).replace(microsecond=0)
Add = Callable[[int], Awaitable[object]]


class World:
    """Something of everything that is listed; `add` brings more, in front of what is there, behind it and between."""

    def __init__(self, plane: Plane, line: Line, device: Device) -> None:
        self.plane, self.line, self.device = plane, line, device

    async def devices(self, n: int) -> None:
        await self.line.enrol(uuid.UUID(int=(n * 7919) % 97 << 96 | n))

    async def software(self, n: int) -> None:
        await self._say(
            software=Software(packages=tuple(Package(name=f"p{(m * 7919) % 97}", version="1") for m in range(n + 1)))
        )

    async def lines(self, n: int) -> None:
        event = Event(id=uuid.uuid4(), time=NOW - timedelta(seconds=(n * 7919) % 97), name="a.b", detail=f"event {n}")
        await self._say(events=(event,))

    async def deadletters(self, n: int) -> None:
        old = NOW - timedelta(days=60 + n)
        payload = Payload(device_id=self.device.id, timestamp=old, hardware=Hardware(cpu=1.0))
        await self.line.append(self.device.batch([payload]))
        await self.line.digest()

    async def tokens(self, n: int) -> None:
        await self._make("/tokens", {"label": f"t{n}"})

    async def enrolment_tokens(self, n: int) -> None:
        await self._make("/enrolment-tokens", {"label": f"t{n}"})

    async def operators(self, n: int) -> None:
        await self._make("/operators", {"name": f"o{(n * 7919) % 97}"})

    async def _say(self, **sections: Any) -> None:
        await self.line.append(self.device.batch([Payload(device_id=self.device.id, timestamp=NOW, **sections)]))
        await self.line.digest()

    async def _make(self, path: str, body: dict[str, str]) -> None:
        assert (await self.plane.ask("POST", path, json=body)).status_code == 201


LISTS = [
    ("/devices", "device_id", "devices"),
    ("/devices/{id}/software", "name", "software"),
    ("/devices/{id}/lines", "id", "lines"),
    ("/deadletters", "id", "deadletters"),
    ("/tokens", "token_id", "tokens"),
    ("/enrolment-tokens", "token_id", "enrolment_tokens"),
    ("/operators", "name", "operators"),
    ("/audit/events", "position", "tokens"),
]


@pytest.mark.parametrize(("path", "key", "kind"), LISTS, ids=[path for path, _, _ in LISTS])
async def test_what_was_there_is_told_once_while_more_comes(
    plane: Plane, line: Line, path: str, key: str, kind: str
) -> None:
    device = await line.enrol()
    world, url = World(plane, line, device), path.format(id=device.id)
    add: Add = getattr(world, kind)
    for n in range(7):
        await add(n)
    there = [item[key] for item in (await plane.get(url, limit=1000))["items"]]
    assert len(there) >= 7
    seen: list[Any] = []
    after, n = None, 7
    while True:
        page = await plane.get(url, limit=2, **({"after": after} if after else {}))
        assert len(page["items"]) <= 2
        seen += [item[key] for item in page["items"]]
        after = page["next"]
        if after is None:
            break
        if n < 12:
            await add(n)
            n += 1
    assert len(seen) == len(set(seen)), "an item was told twice"
    assert [one for one in seen if one in set(there)] == there, "what was there is missing, or out of its order"
