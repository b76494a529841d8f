"""Whatever a device and its clone send, in whatever order, and whatever operators do about it: the gap ledger says of each
ordinal what a plain set would say. The journal and its digest are the real ones; the model keeps ordinals in sets.
"""

import asyncio
import copy
import uuid
from collections.abc import Coroutine
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeVar

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)
from tests.eucora.line import Device, Line, close_line, open_line

from eucora.batch import Checked
from eucora.journal import clones
from eucora.journal.holes import Stream as Said
from eucora.journal.holes import of_device
from eucora_wire.payload import Payload
from eucora_wire.sections.hardware import Hardware
from eucora_wire.sequence import Items, Lost, Reason, Tombstone

T = TypeVar("T")
REASONS: tuple[Reason, ...] = ("shed", "expired", "corrupt", "void")
OPEN = ("awaited", "left-behind", "lost")
FORGET = """WITH mask AS (
              INSERT INTO archive_masks (device, until, at, "window") VALUES ($1, now(), now(), 0) RETURNING mask)
            INSERT INTO erasures (mask, device, whole, until, asked_at, shard, live, replay)
            SELECT mask, $1, true, now(), now(), 0, 0, 0 FROM mask"""


@dataclass(repr=False, eq=False)
class Made:
    """A sealed batch, and the device as it was before it: whoever starts from there is a clone."""

    batch: Checked
    items: Items
    before: Device
    names: "Made | None"
    named_too_late: bool = False

    @property
    def sequence(self) -> int:
        return self.batch.seal.sequence


@dataclass(repr=False, eq=False)
class Stream:
    """What a plain set knows of one stream."""

    id: uuid.UUID
    begins: int = 1
    begun: bool = False
    waiting: list[Made] = field(default_factory=list)
    taken: list[Made] = field(default_factory=list)
    undigested: list[Made] = field(default_factory=list)
    settled: set[int] = field(default_factory=set)
    carried: set[int] = field(default_factory=set)
    gone: dict[int, Reason] = field(default_factory=dict)
    held: bool = False
    rewound: bool = False

    def digest(self) -> None:
        for made in self.undigested:
            self.begun |= made.sequence == 1
            self.carried |= set(made.items.carried())
            for each in made.items.gone:
                self.gone |= dict.fromkeys(range(each.first, each.last + 1), each.reason)
            lost = made.names
            if lost is not None and not made.named_too_late:
                self.gone |= dict.fromkeys(range(lost.items.first, lost.items.last + 1), "corrupt")
        self.undigested.clear()

    def items(self) -> set[int]:
        """That were heard of; where the stream begins is known with its first batch."""
        return set(range(self.begins if self.begun else 1, max(self.carried | self.gone.keys(), default=0) + 1))

    def missing(self) -> set[int]:
        return self.items() - self.carried - self.gone.keys()


class Ledger(RuleBasedStateMachine):
    """One device at a time; what is forgotten is followed by another."""

    line: Line
    loop: asyncio.AbstractEventLoop

    def do(self, work: Coroutine[Any, Any, T]) -> T:
        return asyncio.run_coroutine_threadsafe(work, self.loop).result(60)

    @initialize()
    def enrol(self) -> None:
        self.device = self.do(self.line.enrol())
        self.streams = [Stream(self.device.stream)]

    def outcome(self, batch: Checked) -> tuple[str, bool]:
        (found,) = self.do(self.line.journal.append([batch]))
        return found.outcome, found.new_stream

    @rule(
        gone=st.lists(st.none() | st.sampled_from(REASONS), min_size=1, max_size=4).filter(lambda x: None in x),
        data=st.data(),
    )
    def seal(self, gone: list[Reason | None], data: st.DataObject) -> None:
        """The next batch, with tombstones in it; it may name one that waits, or that came, as lost."""
        stream, first = self.streams[-1], self.device.ordinal + 1
        stones = tuple(Tombstone(first + n, first + n, why) for n, why in enumerate(gone) if why is not None)
        items = Items(first, first + len(gone) - 1, stones)
        others = [each for each in (*stream.waiting, *stream.taken) if each.names is None and not self._named(each)]
        names = data.draw(st.sampled_from([None, *others])) if others else None
        lost = () if names is None else (Lost(names.sequence, names.items.first, names.items.last, "corrupt"),)
        before = copy.copy(self.device)
        payload = Payload(self.device.id, datetime.now(UTC), hardware=Hardware(cpu=1.0))
        batch = self.device.batch([payload] * items.carried_count(), items=items, lost=lost)
        stream.waiting.append(Made(batch, items, before, names))

    def _named(self, made: Made) -> bool:
        return any(each.names is made for s in self.streams for each in (*s.waiting, *s.taken))

    @precondition(lambda self: any(each.waiting for each in self.streams))
    @rule(data=st.data())
    def send(self, data: st.DataObject) -> None:
        """Any that waits, of any stream."""
        stream, made = data.draw(st.sampled_from([(s, m) for s in self.streams for m in s.waiting]))
        named = made.sequence in stream.settled
        found = self.outcome(made.batch)
        if named:  # what was told to be lost is known, and travels no more
            assert found[0] == "known", found
            stream.waiting.remove(made)
        elif stream.held:
            assert found == ("fork", False)
        else:
            assert found == ("appended", False)
            stream.waiting.remove(made)
            stream.settled.add(made.sequence)
            if made.names is not None:
                made.named_too_late = made.names in stream.taken
                stream.settled.add(made.names.sequence)
            stream.taken.append(made)
            stream.undigested.append(made)

    @precondition(lambda self: any(each.taken for each in self.streams))
    @rule(data=st.data())
    def send_again(self, data: st.DataObject) -> None:
        made = data.draw(st.sampled_from([m for s in self.streams for m in s.taken]))
        assert self.outcome(made.batch) == ("duplicate", False)

    @precondition(lambda self: any(each.taken for each in self.streams))
    @rule(data=st.data())
    def clone_speaks(self, data: st.DataObject) -> None:
        """It was the device once: another body under a number that is used."""
        stream, made = data.draw(st.sampled_from([(s, m) for s in self.streams for m in s.taken]))
        clone = copy.copy(made.before)
        other = clone.batch([Payload(clone.id, datetime.now(UTC), hardware=Hardware(cpu=99.0))])
        assert self.outcome(other) == ("fork", stream.rewound and not stream.held)
        stream.held = not stream.rewound

    @precondition(lambda self: any(each.held for each in self.streams))
    @rule(data=st.data(), as_what=st.sampled_from(("rewind", "clone")))
    def close_hold(self, data: st.DataObject, as_what: clones.As) -> None:
        stream = data.draw(st.sampled_from([each for each in self.streams if each.held]))

        async def close() -> None:
            async with self.line.app.acquire() as tx, tx.transaction():
                await clones.close(tx, stream.id, as_what, datetime.now(UTC))

        self.do(close())
        stream.held, stream.rewound = False, as_what == "rewind"

    @rule(lost=st.booleans())
    def begin_anew(self, lost: bool) -> None:
        """A new stream; its ordinals run on, unless the device lost them with the stream before."""
        self.device.stream, self.device.sequence = uuid.uuid4(), 0
        if lost:
            self.device.previous, self.device.ordinal = "lost", 0
        self.streams.append(Stream(self.device.stream, begins=self.device.ordinal + 1))

    @rule()
    def digest(self) -> None:
        self.do(self.line.digest())
        for stream in self.streams:
            stream.digest()

    @precondition(lambda self: any(each.carried for each in self.streams))
    @rule()
    def forget(self) -> None:
        """Nothing is left of it, whatever comes; the next device begins with nothing."""
        self.digest()
        gone, left = self.device.id, [made.batch for stream in self.streams for made in stream.waiting]
        self.do(self.line.app.execute(FORGET, gone))
        self.do(self.line.app.fetchval("SELECT forget_device($1)", gone))
        for batch in left[:2]:
            assert self.outcome(batch)[0] == "unknown-device"
        self.do(self.line.digest())
        assert self.do(of_device(self.line.app, gone)).streams == ()
        self.enrol()

    @invariant()
    def the_ledger_says_what_a_set_would_say(self) -> None:
        found = {each.stream: each for each in self.do(of_device(self.line.app, self.device.id)).streams}
        told = {each.id: each for each in self.streams if each.carried}
        assert found.keys() == told.keys()
        for stream_id, stream in told.items():
            said: Said = found[stream_id]
            holes = {n: hole.why for hole in said.holes for n in range(hole.first, hole.last + 1)}
            assert {n for n, why in holes.items() if why in OPEN} == stream.missing()
            assert {n: why for n, why in holes.items() if why not in OPEN} == stream.gone
            assert (said.items, said.delivered) == (len(stream.items()), len(stream.carried))


@pytest.mark.timeout(300)
async def test_whatever_is_sent_lost_forked_closed_begun_anew_and_forgotten_the_ledger_is_what_sets_would_say(
    database: Any, tmp_path: Path
) -> None:
    line = await open_line(database.app_url, database.keys_url, tmp_path / "secrets")
    Ledger.line, Ledger.loop = line, asyncio.get_running_loop()
    many = settings(
        max_examples=30,
        stateful_step_count=25,
        deadline=None,
        suppress_health_check=list(HealthCheck),
        phases=[Phase.reuse, Phase.generate],
    )
    try:
        await asyncio.to_thread(run_state_machine_as_test, Ledger, settings=many)
    finally:
        await close_line(line)
