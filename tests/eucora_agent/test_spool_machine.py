"""Whatever happens in whatever order: every item is carried once by a batch that counts, or its absence is explained."""

import random
import shutil
import tempfile
import uuid
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from tests.eucora_agent.powercut import cut, recorded
from tests.eucora_agent.spooling import (
    BOOT,
    DAY_MS,
    MOST,
    Killed,
    again,
    bodies_of,
    boot,
    digest,
    halves,
    items_of,
    killed_at,
    lost_of,
    place,
    seal_all,
    seal_next,
    sealer,
    signer,
)

from eucora_agent.spool import Spool
from eucora_agent.spool_head import AGAIN, Part
from eucora_wire.envelope import Envelope
from eucora_wire.sequence import FIRST, LOST

AGE_MS = 28 * DAY_MS


class Life(RuleBasedStateMachine):
    """A spool, and a platform that remembers what it accepted. Items are known by their bodies, which are all different."""

    @initialize()
    def begin(self) -> None:
        self.base = Path(tempfile.mkdtemp(prefix="spool-"))
        self.folder, self.lives = self.base / "0", 0
        self.boot, self.uptime_ms, self.counter = BOOT, 1_000, 0
        self.ordinals: dict[bytes, int] = {}
        self.excused: set[bytes] = set()
        self.seen: dict[tuple[str, int], Envelope] = {}
        self.accepted: set[tuple[str, int]] = set()
        self.void: set[tuple[str, int]] = set()
        self.streams: list[str] = []
        self.starts: dict[str, set[str]] = {}
        self.fresh: dict[bytes, int] = {}
        self.spool = self._open()
        self._new_stream({FIRST})

    def teardown(self) -> None:
        if hasattr(self, "spool"):
            self.spool.folder.close()
            shutil.rmtree(self.base)

    # --- what the device does

    @rule(
        many=st.integers(1, 8),
        size=st.sampled_from((40, 3_000, 30_000, 60_000, 120_000)),
        mark=st.sampled_from("aab"),
        rank=st.integers(1, 4),
    )
    def append(self, many: int, size: int, mark: str, rank: int) -> None:
        for _ in range(many):
            body = self._body(size)
            self.ordinals[body] = self.spool.append(body, mark, rank, boot(self.uptime_ms, self.boot))

    @rule()
    def seal(self) -> None:
        seal_next(self.spool, 4)

    @rule()
    def seal_everything(self) -> None:
        seal_all(self.spool, 4)

    @rule(many=st.integers(1, 5), heard=st.booleans())
    def deliver(self, many: int, heard: bool) -> None:
        """In order; when nothing is heard, the platform has the last of them and the device does not know."""
        sent = self.spool.sealed()[:many]
        for sealed in sent:
            envelope = self.spool.batch(sealed.number)
            assert envelope is not None
            self.accepted.add(place(envelope))
            if heard or sealed is not sent[-1]:
                self.spool.settle(sealed.number)

    @precondition(lambda self: self.spool.sealed())
    @rule()
    def refuse_as_too_large(self) -> None:
        sealed = self.spool.sealed()[0]
        envelope = self.spool.batch(sealed.number)
        assert envelope is not None
        if place(envelope) in self.accepted:
            return
        self.accepted.add(place(envelope))
        if len(bodies_of(envelope)) > 1:
            self.void.add(place(envelope))
            self.spool.seal_again([sealed.number], halves(envelope))
        else:
            self.spool.settle(sealed.number)

    @rule()
    def fork(self) -> None:
        """What the platform has is acknowledged first: batches are sent in order."""
        for sealed in self.spool.sealed():
            envelope = self.spool.batch(sealed.number)
            assert envelope is not None
            if place(envelope) in self.accepted:
                self.spool.settle(sealed.number)
        before = self.spool.head
        self.spool.leave(before.stream)
        self._new_stream({before.previous})
        for sealed in self.spool.sealed(AGAIN):
            envelope = self.spool.batch(sealed.number)
            assert envelope is not None
            self.spool.seal_again([sealed.number], again(envelope))
        for numbers, items in self.spool.adrift():
            self.spool.seal_again(numbers, [Part(items, signer(items, ()))])

    @rule(hours=st.sampled_from((1, 24, 24 * 20)))
    def time_passes(self, hours: int) -> None:
        self.uptime_ms += hours * 3_600_000

    @rule()
    def reboot(self) -> None:
        self.reopen()
        self.boot, self.uptime_ms = uuid.uuid4(), 500

    @rule()
    def reopen(self) -> None:
        self.spool.close()
        self.spool = self._open()

    @rule(
        point=st.integers(1, 12),
        size=st.sampled_from((40, 30_000, 60_000)),
        what=st.sampled_from(("append", "seal", "all")),
    )
    def be_killed(self, point: int, size: int, what: str) -> None:
        """At some point between two writes; what the disk held then is what the next life finds."""
        self.lives += 1
        copy, body = self.base / str(self.lives), self._body(size)
        try:
            with killed_at(self.spool, point, copy, self._require_bounded):
                if what == "append":
                    self.ordinals[body] = self.spool.append(body, "a", 2, boot(self.uptime_ms, self.boot))
                elif what == "seal":
                    seal_next(self.spool, 4)
                else:
                    self.deliver(2, heard=True)
                    seal_all(self.spool, 4)
        except Killed:
            self.spool.folder.close()
            shutil.rmtree(self.folder)
            self.folder = copy
            self.spool = self._open()
        if what == "append" and body not in self.ordinals and body in self._waiting():
            self.ordinals[body] = self._waiting()[body]

    @rule(luck=st.integers(0, 5), which=st.integers(0, 20), how=st.sampled_from(("cut", "garbage", "empty", "remove")))
    def damage_a_file(self, luck: int, which: int, how: str) -> None:
        if luck:
            return
        self.spool.close()
        files = sorted(self.folder.glob("*.db"))
        target = files[which % len(files)]
        was_head, size = target == files[-1], target.stat().st_size
        if how == "remove":
            target.unlink()
        else:
            kept = target.read_bytes()[: 0 if how == "empty" else size // 2]
            target.write_bytes(kept + (b"\xa5" * (size - len(kept)) if how == "garbage" else b""))
        before, self.spool = self.spool.head, self._open()
        if was_head and self.spool.head.stream != before.stream:  # garbage in free pages is no damage
            nothing_is_left = len(files) == 1 and how == "remove" and not list(self.folder.glob("*.damaged-*"))
            expected = FIRST if nothing_is_left else LOST
            assert self.spool.head.previous == expected
            self._new_stream({expected})
            there = self._waiting().keys() | {b for e in self._live().values() for b in bodies_of(e)}
            there |= {b for p in self.accepted - self.void for b in bodies_of(self.seen[p])}
            self.excused |= self.ordinals.keys() - there

    # --- what holds

    @invariant()
    def every_item_is_there_once_or_explained(self) -> None:
        if not hasattr(self, "spool"):
            return
        live, waiting = self._live(), self._waiting()
        counted = [self.seen[p] for p in self.accepted - self.void]
        counted += [e for p, e in live.items() if p not in self.accepted]
        carried: dict[bytes, int] = {}
        for body in [b for e in counted for b in bodies_of(e)] + list(waiting):
            carried[body] = carried.get(body, 0) + 1
        assert all(count == 1 for count in carried.values())
        for body in self.ordinals.keys() - carried.keys() - self.excused:
            assert self._is_explained(self.ordinals[body], counted), self.ordinals[body]

    @invariant()
    def sealed_bytes_never_change_and_chain(self) -> None:
        if not hasattr(self, "spool"):
            return
        self._live()
        for (stream, sequence), envelope in self.seen.items():
            previous = envelope.headers["previous"]
            if sequence == 1:
                assert previous in self.starts[stream]
            else:
                assert previous == digest(self.seen[stream, sequence - 1])

    @invariant()
    def the_folder_stays_within_its_bound(self) -> None:
        if hasattr(self, "spool"):
            self._require_bounded()

    # --- looking

    def _is_explained(self, ordinal: int, counted: list[Envelope]) -> bool:
        head = self.spool.head
        if ordinal > head.sealed_to:
            return True  # `pending` will tell it: as it was let go, else as corrupt
        told = [t for e in counted for t in items_of(e).gone if t.first <= ordinal <= t.last]
        rows = self.spool.folder.facts("SELECT first, last FROM lost WHERE named_by = 0")
        lost = [row for row in rows if row[0] is not None and row[0] <= ordinal <= row[1]]
        namers = [*counted, *(self.seen[p] for p in self.void)]  # the platform takes the name from a void one too
        named = [x for e in namers for x in lost_of(e) if x.first is not None and x.first <= ordinal <= (x.last or 0)]
        return bool(told or lost or named)

    def _live(self) -> dict[tuple[str, int], Envelope]:
        found = {}
        for sealed in self.spool.sealed():
            envelope = self.spool.batch(sealed.number)
            assert envelope is not None
            assert place(envelope) == (str(sealed.stream), sealed.sequence)
            assert self.seen.setdefault(place(envelope), envelope) == envelope
            found[place(envelope)] = envelope
        return found

    def _waiting(self) -> dict[bytes, int]:
        return {item.body: item.ordinal for item, _ in self.spool._waiting()}

    def _require_bounded(self) -> None:
        assert sum(f.stat().st_size for f in self.spool.folder.path.iterdir()) <= MOST

    def _body(self, size: int) -> bytes:
        self.counter += 1
        return f"{self.counter}.".encode().ljust(size, b"x")

    def _open(self) -> Spool:
        return Spool(self.folder, MOST, AGE_MS, boot(self.uptime_ms, self.boot))

    def _new_stream(self, previous: set[str]) -> None:
        self.starts[str(self.spool.head.stream)] = previous


class LifeWithPowerCuts(Life):
    """The same on a disk that tears and reorders what was not synced; while opening too."""

    def _open(self) -> Spool:
        if not hasattr(self, "recording"):
            self.recording = ExitStack()
        self.recording.close()
        self.disk = self.recording.enter_context(recorded(self.folder))
        return super()._open()

    @rule(
        share=st.floats(0, 1),
        draw=st.randoms(use_true_random=False),
        size=st.sampled_from((40, 30_000, 60_000)),
        what=st.sampled_from(("append", "append sealed", "seal", "all", "open")),
    )
    def lose_power(self, share: float, draw: random.Random, size: int, what: str) -> None:
        """After some share of the acts of one deed."""
        before, body = len(self.disk.log), self._body(size)
        known, kept = self.spool.head, self._kept()
        if what.startswith("append"):
            at, by = boot(self.uptime_ms, self.boot), sealer if what == "append sealed" else None
            self.ordinals[body] = self.spool.append(body, "a", 2, at, sealer=by)
        elif what == "open":
            self.reopen()
            before = self.disk.begun
        else:
            self.deliver(2, heard=True)
            seal_all(self.spool, 4)
        kept &= self._kept()
        acts = self.disk.log[: before + round(share * (len(self.disk.log) - before))]
        self.spool.folder.close()
        shutil.rmtree(self.folder)
        self.lives += 1
        self.folder = self.base / str(self.lives)
        cut(acts, draw, self.folder)
        self.spool = self._open()
        head = self.spool.head
        assert (self.spool.damaged, head.stream) == (0, known.stream)
        assert (head.next_ordinal, head.sequence) >= (known.next_ordinal, known.sequence)
        assert kept <= self._kept()
        if head.next_ordinal <= self.ordinals.get(body, 0):
            del self.ordinals[body]  # the power went before append returned

    def _kept(self) -> set[bytes]:
        """Without remembering what is sealed: the power may go before that was said."""
        envelopes = [self.spool.batch(x.number) for x in self.spool.sealed()]
        return self._waiting().keys() | {b for e in envelopes if e is not None for b in bodies_of(e)}

    def teardown(self) -> None:
        super().teardown()
        if hasattr(self, "recording"):
            self.recording.close()


Life.TestCase.settings = settings(
    max_examples=60, stateful_step_count=50, deadline=None, suppress_health_check=list(HealthCheck)
)
test_a_spool_lives_through_anything: Any = Life.TestCase
LifeWithPowerCuts.TestCase.settings = settings(
    max_examples=20, stateful_step_count=30, deadline=None, suppress_health_check=list(HealthCheck)
)
test_a_spool_lives_through_power_cuts_too: Any = LifeWithPowerCuts.TestCase
