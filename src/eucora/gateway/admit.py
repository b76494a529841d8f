"""POST /v1/telemetry: one batch in, one answer out. What is decided here is a courtesy; the journal decides again."""

from eucora import clock
from eucora.gateway.answer import compose, fault_of
from eucora.gateway.doors.https import Request, Response, refusal
from eucora.gateway.house import Gateway
from eucora.gateway.trace import admitted
from eucora.pipeline.collect import Arrival
from eucora.pipeline.intake import Taken, Turned
from eucora.problems import Refused
from eucora_wire.problems import BASE


async def admit(request: Request, house: Gateway) -> Response:
    """Committed with fsync when it is 200. Raises TryLater while the disk's reserve is touched or the journal is away."""
    house.disk.admit()
    now = clock.now()
    received_ms = clock.to_ms(now)
    outcome = await house.group.submit(Arrival(request.headers, request.body, received_ms))
    if isinstance(outcome, Turned):
        if isinstance(outcome.reason, Refused):
            simulated = outcome.signer is not None and outcome.signer.simulated
            house.refusals.note(outcome.reason.slug, outcome.device, now, simulated=simulated)
        return refusal(outcome.reason)
    _note_faults(outcome, house)
    if house.tracer.on:
        admitted(outcome, received_ms, house.tracer)
    return compose(outcome, house.notices.next_for)


def _note_faults(taken: Taken, house: Gateway) -> None:
    """A committed batch may still be a refusal, wholly or in parts."""
    verdict, outcome = taken.checked.verdict, taken.appended.outcome
    if verdict is None and outcome in ("appended", "duplicate", "known"):
        return
    found = fault_of(taken)
    reason = verdict.items[0].type if found is None and verdict is not None else found.type if found else ""
    house.refusals.note(reason.removeprefix(BASE), taken.checked.seal.device, clock.now())
