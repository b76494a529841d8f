"""Deliver sealed batches in order, the same bytes until settled; wait after a failure with full jitter."""

import random
from collections.abc import Callable
from dataclasses import dataclass, field

import msgspec

from eucora_agent.ask import good
from eucora_agent.http2 import Connection
from eucora_agent.log import log
from eucora_agent.moment import Moment
from eucora_agent.problems import Refused, TryLater
from eucora_agent.spool import Spool
from eucora_wire.answer import Answer, Next
from eucora_wire.clock import format_sent

FIRST_WAIT_S = 1.0


def wait_s(attempt: int, cap_s: float, draw: Callable[[float, float], float] = random.uniform) -> float:
    """Full jitter: the cap bounds the range, not the draw, else a fleet at the cap returns as one."""
    return draw(0.0, min(cap_s, FIRST_WAIT_S * 2.0 ** min(attempt, 32)))


@dataclass(slots=True)
class Sender:
    """How sending goes: failures in a row, when to try again (uptime), and what was last heard."""

    cap_s: float
    failures: int = 0
    retries: int = 0
    not_before_s: float = 0.0
    last_ack: str | None = None
    last_problem: str | None = None
    next: Next = field(default_factory=Next)

    def may_send(self, at: Moment) -> bool:
        return at.uptime_s >= self.not_before_s

    def deliver_all(self, spool: Spool, to: Connection, read: Callable[[], Moment]) -> bool:
        """Deliver what is sealed, oldest first, until a failure. True when the platform asks for a new stream."""
        for sequence in spool.sealed():
            at = read()
            try:
                self._deliver(spool, sequence, to, at)
            except Refused as exc:
                self.last_problem = exc.slug
                log("batch_refused", sequence=sequence, problem=exc.slug)
                if exc.slug == "fork":
                    self._failed(at, 0.0)
                    return exc.document.new_stream
                if not exc.settles:
                    self._failed(at, exc.document.retry_after_s or 0.0)
                    return False
                spool.settle(sequence)
            except TryLater as exc:
                self.last_problem = exc.reason
                self._failed(at, exc.retry_after_s)
                return False
        return False

    def _deliver(self, spool: Spool, sequence: int, to: Connection, at: Moment) -> None:
        envelope = spool.batch(sequence)
        headers = {**envelope.headers, "eucora-sent": format_sent(at.sent)}
        answer = msgspec.json.decode(good(to.ask("POST", "/v1/telemetry", headers, envelope.body)), type=Answer)
        spool.settle(sequence)
        if answer.rejected:
            self.last_problem = answer.rejected[0].type
            log("items_rejected", sequence=sequence, items=len(answer.rejected), problem=answer.rejected[0].type)
        self.failures, self.next, self.last_ack = 0, answer.next, at.now.isoformat()
        self.not_before_s = at.uptime_s + answer.next.pace_s if answer.next.pace_s else 0.0

    def _failed(self, at: Moment, least_s: float) -> None:
        self.not_before_s = at.uptime_s + max(least_s, 0.0) + wait_s(self.failures, self.cap_s)
        self.failures += 1
        self.retries += 1
        if self.failures in (1, 10, 100):
            log("delivery_failed", failures=self.failures, reason=self.last_problem)
