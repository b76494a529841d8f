"""Deliver sealed batches, the present first and then in order, the same bytes until settled; wait after a failure with
full jitter.

A batch is let go of by a 200, or by a refusal that consumes it; one that is too large, or whose dictionary is not known
there, travels again otherwise. One that is more than the line carries waits for a while, so that smaller ones pass. A fork
stops its stream: nothing behind it is sent, and the stream is left only when the answer says so. A platform that was
restored says what it lacks, and gets it again out of the spool's tail.
"""

import random
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field

import msgspec

from eucora_agent.ask import good, read_as
from eucora_agent.batching import Carried, Draw
from eucora_agent.http2 import Connection
from eucora_agent.log import log
from eucora_agent.moment import Moment
from eucora_agent.problems import Refused, ReplayLater, Stalled, TryLater, Unreachable
from eucora_agent.spool import Spool
from eucora_agent.spool_head import Sealed
from eucora_wire.answer import Answer, Next
from eucora_wire.clock import format_sent
from eucora_wire.dictionary import PLAIN, is_known
from eucora_wire.envelope import Envelope, Unsigned, parse_signed
from eucora_wire.problems import BASE
from eucora_wire.trace import traceparent

FIRST_WAIT_S = 1.0

SealOtherwise = Callable[[str, Sealed, Envelope], bool]
"""Seals the items of a batch again so that a refusal does not meet them; False when there is no such way."""


def wait_s(attempt: int, cap_s: float, draw: Draw = random.uniform) -> float:
    """Full jitter: the cap bounds the range, not the draw, else a fleet at the cap returns as one."""
    return draw(0.0, min(cap_s, FIRST_WAIT_S * 2.0 ** min(attempt, 32)))


@dataclass(slots=True)
class Sender:
    """How sending goes: failures in a row, when to try again (uptime), what was last heard, what was refused for ever.

    `retries` and `unreached` (the platform did not answer at all) are counted since the start. When the
    platform lets old batches wait, those up to number `old_to` do until `old_not_before_s`; the present goes on.
    `looked_for`: gaps of streams of which it is known already what can be done. `dictionary`: what the platform is known to
    unpack; `plain` once it refused one.
    """

    cap_s: float
    draw: Draw = random.uniform
    failures: int = 0
    retries: int = 0
    unreached: int = 0
    not_before_s: float = 0.0
    old_to: int = 0
    old_not_before_s: float = 0.0
    carried: Carried = field(default_factory=Carried)
    dictionary: int = PLAIN
    plain: bool = False
    last_ack: str | None = None
    last_problem: str | None = None
    next: Next = field(default_factory=Next)
    missing: tuple[int, ...] = ()
    looked_for: set[tuple[uuid.UUID, int, int]] = field(default_factory=set)
    refused: list[str] = field(default_factory=list)

    def may_send(self, at: Moment) -> bool:
        return at.uptime_s >= self.not_before_s

    def deliver_all(
        self,
        spool: Spool,
        to: Connection,
        read: Callable[[], Moment],
        otherwise: SealOtherwise,
        until_s: float = float("inf"),
    ) -> uuid.UUID | None:
        """Deliver what is sealed until a failure, a wait, or `until_s` of uptime; after failures one batch, which tries
        the platform. The stream to leave."""
        trying, batches = self.failures > 0, self._in_order(spool)
        newest = max((each.number for each in batches), default=0)
        for sealed in batches:
            at = read()
            if not self.may_send(at) or at.uptime_s >= until_s or (trying and self.failures == 0):
                return None
            if self._waits(sealed, at):
                continue
            envelope = spool.batch(sealed.number)
            if envelope is None:  # damaged on the disk: a later batch names it as lost
                self.refused.append("corrupt")
                continue
            try:
                answer = self._deliver(envelope, to, at)
                self.carried.answered(sealed, read().uptime_s - at.uptime_s)
                spool.settle(sealed.number)
                self._heal(answer, spool, sealed.stream)
            except Refused as exc:
                if not self._survives(exc, spool, sealed, envelope, at, otherwise):
                    return sealed.stream if _leaves(exc) else None
            except ReplayLater as exc:
                self.failures, self.old_not_before_s = 0, at.uptime_s + exc.retry_after_s
                self.old_to = max(sealed.number, newest - 1)
            except TryLater as exc:
                self.unreached += isinstance(exc, Unreachable)
                if isinstance(exc, Stalled):
                    # Nothing passes a batch of an older stream: `_in_order`.
                    of_now = sealed.stream == spool.head.stream
                    self.carried.stalled(sealed, at.uptime_s, self.draw, may_wait=of_now)
                self._failed(at, exc.retry_after_s, exc.reason)
                return None
            if self.next.new_stream:
                return sealed.stream
        return None

    def tries(self, spool: Spool, at: Moment) -> bool:
        """Whether something is sealed that does not wait: it shows whether the platform is there."""
        return any(not self._waits(sealed, at) for sealed in spool.sealed())

    def taken(self) -> Next:
        """What the last answer asks for, once."""
        told, self.next = self.next, msgspec.structs.replace(self.next, resync=(), new_stream=False)
        return told

    def _in_order(self, spool: Spool) -> list[Sealed]:
        """What the platform misses, then the newest, which is the present, then the others as sealed; what it had already,
        before a restore, last.

        A number that is sent early leaves one gap, which the others fill. Not while an older stream is on its way: the
        platform numbers streams by what it sees first.
        """
        sealed = spool.sealed()
        newest = sealed[-1] if sealed else None
        if newest and newest.number not in spool.sent_before and all(x.stream == newest.stream for x in sealed):
            sealed.insert(0, sealed.pop())
        first = set(spool.helping(self.missing)) if self.missing else set()
        return sorted(sealed, key=lambda each: (each.number not in first, each.number in spool.sent_before))

    def _waits(self, sealed: Sealed, at: Moment) -> bool:
        """For its turn, or since it is more than the line carries."""
        old = sealed.number <= self.old_to and at.uptime_s < self.old_not_before_s
        return old or self.carried.waits(sealed, at.uptime_s)

    def _deliver(self, envelope: Envelope, to: Connection, at: Moment) -> Answer:
        headers = {**envelope.headers, "eucora-sent": format_sent(at.sent), **_traced(envelope)}
        answer = read_as(good(to.ask("POST", "/v1/telemetry", headers, envelope.body)), Answer)
        if answer.rejected:
            self.last_problem = answer.rejected[0].type
            self.refused += [x.type.removeprefix(BASE) for x in answer.rejected]
            log("items_rejected", sequence=answer.sequence, items=len(answer.rejected), problem=self.last_problem)
        resync = tuple({*self.next.resync, *answer.next.resync})
        self.next = msgspec.structs.replace(answer.next, resync=resync)
        if not self.plain and is_known(answer.next.dictionary):
            self.dictionary = answer.next.dictionary
        self.failures, self.missing, self.last_ack = 0, (), at.now.isoformat()
        self.not_before_s = at.uptime_s + answer.next.pace_s if answer.next.pace_s else 0.0
        return answer

    def _heal(self, answer: Answer, spool: Spool, stream: uuid.UUID) -> None:
        """A platform that was set back is given again what it had. A gap that is on its way is looked for once."""
        another = answer.receipt is not None and spool.heard(answer.receipt.epoch)
        if another or not answer.lacks:
            self.looked_for.clear()
        known = [(first, last) for of, first, last in self.looked_for if of == stream]
        new = [gap for gap in answer.lacks if not any(a <= gap[0] and gap[1] <= b for a, b in known)]
        if new and spool.send_again(stream, new):
            self.looked_for |= {(stream, *gap) for gap in new}

    def _survives(
        self, exc: Refused, spool: Spool, sealed: Sealed, envelope: Envelope, at: Moment, otherwise: SealOtherwise
    ) -> bool:
        """Whether the next batch may be sent after this refusal."""
        log("batch_refused", sequence=sealed.sequence, problem=exc.slug)
        if exc.settles:
            self.failures, self.last_problem = 0, exc.slug
            if exc.slug == "unknown-dictionary":
                self.dictionary, self.plain = PLAIN, True
            if not otherwise(exc.slug, sealed, envelope):
                self.refused.append(exc.slug)
                spool.settle(sealed.number)
            return True
        if exc.document.missing:
            self._look_for(exc.document.missing, spool, sealed)
        self._failed(at, exc.retry_after_s, exc.slug)
        return False

    def _look_for(self, missing: tuple[int, ...], spool: Spool, sealed: Sealed) -> None:
        """The platform wants these first. In an older stream all that is left was sent: its rest goes to the present."""
        if sealed.stream == spool.head.stream:
            self.missing = missing
        else:
            spool.seal_later(sealed.number)

    def _failed(self, at: Moment, least_s: float, problem: str) -> None:
        self.last_problem = problem
        self.not_before_s = at.uptime_s + max(least_s, 0.0) + wait_s(self.failures, self.cap_s, self.draw)
        self.failures += 1
        self.retries += 1
        if self.failures in (1, 10, 100):
            log("delivery_failed", failures=self.failures, reason=problem)


def _traced(envelope: Envelope) -> dict[str, str]:
    """Not signed: it says nothing of the device, and a proxy on the way may make its own of it."""
    try:
        return {"traceparent": traceparent(parse_signed(envelope.headers).batch_digest)}
    except Unsigned:
        return {}


def _leaves(exc: Refused) -> bool:
    return exc.slug == "fork" and exc.document.new_stream
