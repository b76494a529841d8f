"""A fleet is back while the digest stands still: its old batches are told when to come again, its present never."""

import time
from dataclasses import dataclass, field

import httpx
import pytest
from tests.eucora.gateway.conftest import Enrol, Start
from tests.eucora.gateway.plane import BOOT, Device, Plane
from tests.eucora.line import close_line, open_line

from eucora import clock
from eucora.gateway import replay
from eucora.gateway.chores import serve_turns
from eucora_wire.clock import Boot, Sent, format_sent
from eucora_wire.envelope import Envelope

AWAY_MS = 3_600_000
OLD, ROUNDS = 8, 10


@dataclass
class Back:
    """A device with batches of an hour ago, and its present."""

    device: Device
    old: list[Envelope] = field(default_factory=list)
    sent: int = 0

    async def say(self, plane: Plane, envelope: Envelope) -> httpx.Response:
        now = format_sent(Sent(Boot(BOOT, 1_000_000 + AWAY_MS + 100), clock.to_ms(clock.now())))
        answer = await self.device.send(envelope, plane.device_url, **{"eucora-sent": now})
        self.sent += answer.status_code == 200
        return answer

    async def present(self, plane: Plane) -> float:
        """Seconds until it was acknowledged."""
        sealed = self.device.batch(self.device.payload(), boot=Boot(BOOT, 1_000_000 + AWAY_MS))
        began = time.perf_counter()
        answer = await self.say(plane, sealed)
        assert answer.status_code == 200, answer.text
        return time.perf_counter() - began


async def digested(plane: Plane) -> None:
    line = await open_line(plane.ground.app_url, plane.ground.keys_url, plane.ground.data_dir / "secrets")
    try:
        await line.digest()
    finally:
        await close_line(line)


async def test_while_the_digest_is_behind_old_batches_wait_their_turn_the_present_none_and_nothing_fails(
    start: Start, enrol: Enrol, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in {"MOST": 8.0, "LEAST": 1.0, "RISE": 8.0, "REPLAY_BEHIND": 6}.items():
        monkeypatch.setattr(replay, name, value)
    plane = await start()
    fleet = [Back(await enrol(plane)) for _ in range(4)]
    for back in fleet:
        ago = clock.to_ms(clock.now()) - AWAY_MS
        back.old = [back.device.batch(back.device.payload(), clock_ms=ago) for _ in range(OLD)]
    waits, fresh = [], []
    for turn in range(ROUNDS):
        await serve_turns(plane.house, turn / 10)
        for back in fleet:
            fresh.append(await back.present(plane))
            if not back.old:
                continue
            answer = await back.say(plane, back.old[0])
            if answer.status_code == 200:
                back.old.pop(0)
                continue
            assert (answer.status_code, answer.json()["type"].rpartition(":")[2]) == (429, "replay-later")
            waits.append(float(answer.headers["retry-after"]))
    left = sum(len(back.old) for back in fleet)
    assert len(waits) >= left > 0, "the digest stood still, and nobody was told to come again"
    assert min(waits) >= 1
    assert sorted(fresh)[int(len(fresh) * 0.95)] < 5
    for second in range(4 * OLD):
        if not any(back.old for back in fleet):
            break
        await digested(plane)
        await serve_turns(plane.house, ROUNDS / 10 + second)
        for back in fleet:
            if back.old and (await back.say(plane, back.old[0])).status_code == 200:
                back.old.pop(0)
    assert [len(back.old) for back in fleet] == [0] * len(fleet)
    for back in fleet:
        held = [entry["sequence"] for entry in await plane.entries(back.device.stream)]
        assert held == list(range(1, OLD + ROUNDS + 1)), "a batch is missing, or there twice"
        assert back.sent == len(held)
