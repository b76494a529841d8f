"""The power goes at every write below SQLite: what the spool had promised by then is there when it is opened again."""

import random
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from tests.eucora_agent.powercut import Platter, Write, recorded
from tests.eucora_agent.spooling import (
    bodies_of,
    boot,
    digest,
    items_of,
    lost_of,
    opened,
    place,
    seal_all,
    sealer,
)

from eucora_agent.spool import Spool
from eucora_wire.envelope import Envelope

MOST = 640_000


@dataclass(frozen=True)
class Told:
    """What the spool had said by some moment, and what was to be found in it then."""

    bodies: dict[int, bytes] = field(default_factory=dict)
    envelopes: dict[tuple[str, int], Envelope] = field(default_factory=dict)
    settled: frozenset[int] = frozenset()
    found: dict[int, bytes] = field(default_factory=dict)


class Life:
    """A spool at work, and all that it says while the disk is noted."""

    def __init__(self, folder: Path, seed: int) -> None:
        self.draw, self.spool = random.Random(seed), opened(folder, most=MOST)
        self.now = Told()

    def work(self, steps: int, *, heavy: bool) -> Iterator[Told]:
        """A step at a time: put, sealed at once or not; sealed; acknowledged. `heavy`: more than fits, some is shed."""
        acts: list[Callable[[], None]] = [self.put, self.put, self.put_and_seal, self.seal, self.settle]
        acts += [self.heavy] * heavy
        for n in range(steps):
            (self.leave if n == steps // 2 else self.draw.choice(acts))()
            yield self.look()

    def put(self) -> None:
        self._append(self.draw.choice((40, 900, 20_000)), self.draw.randint(1, 4))

    def heavy(self) -> None:
        for _ in range(2):
            self._append(30_000, self.draw.randint(1, 4))

    def put_and_seal(self) -> None:
        self._append(700, 2, sealer)

    def seal(self) -> None:
        seal_all(self.spool, 4)

    def settle(self) -> None:
        for sealed in self.spool.sealed()[: self.draw.randint(1, 5)]:
            envelope = self.spool.batch(sealed.number)
            assert envelope is not None
            gone = frozenset(range(sealed.first, sealed.last + 1))
            self.now = Told(self.now.bodies, self.now.envelopes, self.now.settled | gone)
            self.spool.settle(sealed.number)

    def leave(self) -> None:
        """Opened anew, as after an update of the agent."""
        self.spool.close()
        self.spool = opened(self.spool.folder.path, most=MOST)

    def look(self) -> Told:
        envelopes = {**self.now.envelopes, **live(self.spool)}
        self.now = Told(self.now.bodies, envelopes, self.now.settled, found(self.spool))
        return self.now

    def _append(self, size: int, rank: int, by: object = None) -> None:
        body = f"{len(self.now.bodies)}.".encode().ljust(size, b"x")
        ordinal = self.spool.append(body, "a", rank, boot(), {"states": body[:300]}, by)  # type: ignore[arg-type]
        assert ordinal not in self.now.bodies
        self.now = Told({**self.now.bodies, ordinal: body}, self.now.envelopes, self.now.settled)


def live(spool: Spool) -> dict[tuple[str, int], Envelope]:
    return {place(e): e for x in spool.sealed() if (e := spool.batch(x.number)) is not None}


def found(spool: Spool) -> dict[int, bytes]:
    """Bodies by ordinal, waiting or sealed; each once."""
    carried = [pair for e in live(spool).values() for pair in zip(items_of(e).carried(), bodies_of(e), strict=True)]
    carried += [(item.ordinal, item.body) for item, is_whole in spool._waiting() if is_whole]
    assert len(carried) == len(dict(carried)), "an ordinal twice"
    return dict(carried)


def require(spool: Spool, before: Told, after: Told) -> None:
    """What was said before the act that the cut fell into holds; what the act itself did is there, or is not."""
    there, head = found(spool), spool.head
    assert spool.folder.damaged == 0
    for ordinal, body in there.items():
        assert after.bodies.get(ordinal, body) == body
    assert before.found.keys() & after.found.keys() <= there.keys()
    for where, envelope in live(spool).items():
        assert after.envelopes.get(where, envelope) == envelope, "other bytes under a number that was told"
    assert head.next_ordinal > max(before.bodies, default=0)
    told = {sequence for stream, sequence in before.envelopes if stream == str(head.stream)}
    assert head.sequence >= max(told, default=0)
    assert {stream for stream, _ in before.envelopes} <= {str(head.stream)}, "a stream of its own without need"
    if last := after.envelopes.get((str(head.stream), head.sequence)):
        assert head.previous == digest(last)
    missing = before.bodies.keys() - there.keys() - after.settled
    assert missing <= told_as_gone(spool, after), "gone without a word"


def told_as_gone(spool: Spool, after: Told) -> set[int]:
    """Ordinals whose absence is or will be told, and why: shed, never corrupt."""
    batches = [*after.envelopes.values(), *live(spool).values()]
    spans = [(t.first, t.last, t.reason) for e in batches for t in items_of(e).gone]
    spans += [(x.first, x.last, x.reason) for e in batches for x in lost_of(e) if x.first is not None and x.last]
    spans += [(x.first, x.last, x.reason) for x in spool.lost() if x.first is not None and x.last]
    spans += spool._gone(spool.head.next_ordinal)
    assert {reason for *_, reason in spans} <= {"shed"}
    return {n for first, last, _ in spans for n in range(first, last + 1)}


def goes_on(spool: Spool, after: Told) -> None:
    """The next item and batch follow on what was told."""
    ordinal = spool.append(b"after", "a", 4, boot())
    assert ordinal > max(found(spool).keys() - {ordinal}, default=0)
    numbers = seal_all(spool, 50)
    fresh = spool.batch(numbers[0])
    assert fresh is not None
    stream, sequence = place(fresh)
    if before := after.envelopes.get((stream, sequence - 1)):
        assert fresh.headers["previous"] == digest(before)


def cut_everywhere(base: Path, seed: int, work: Callable[[Life], Iterator[Told]], share: float) -> tuple[Life, int]:
    """Let a spool work; then, for this share of the writes and everything else, see what a power cut leaves."""
    moments = [(0, Told())]
    with recorded(base / "spool") as disk:
        life = Life(base / "spool", seed)
        moments += [(len(disk.log), told) for told in work(life)]
        life.spool.folder.close()
    draw, platter, step, cuts = random.Random(seed), Platter(), 0, 0
    for n, act in enumerate(disk.log[: moments[-1][0]]):
        platter.take(act)
        while moments[step + 1][0] <= n:
            step += 1
        if isinstance(act, Write) and draw.random() >= share:
            continue
        left, cuts = base / f"cut-{n}", cuts + 1
        platter.leave(draw, left)
        spool = opened(left, most=MOST)
        require(spool, moments[step][1], moments[step + 1][1])
        if cuts % 4 == 0:
            goes_on(spool, moments[step + 1][1])
        spool.folder.close()
        shutil.rmtree(left)
    return life, cuts


def test_at_every_single_write_a_power_cut_takes_nothing_that_was_promised(tmp_path: Path) -> None:
    life, cuts = cut_everywhere(tmp_path, 5, lambda life: life.work(24, heavy=False), share=1.0)
    assert life.now.settled
    assert life.spool.folder.newest > 1
    assert cuts > 500


@pytest.mark.parametrize("seed", range(2))
def test_a_full_spool_that_sheds_and_rolls_keeps_its_promises_whenever_the_power_goes(
    tmp_path: Path, seed: int
) -> None:
    life, cuts = cut_everywhere(tmp_path, seed, lambda life: life.work(70, heavy=True), share=0.02)
    assert life.spool.head.shed
    assert life.spool.folder.newest > 2
    assert cuts > 150
