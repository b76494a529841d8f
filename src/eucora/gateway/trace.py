"""What the device plane tells of a sampled batch: the agent's send, as the batch itself dates it, the door, the commit."""

from collections.abc import Awaitable, Callable, Sequence

from eucora import clock
from eucora.batch import Checked
from eucora.observe.trace import Tracer
from eucora.pipeline.intake import Taken
from eucora_wire.clock import correct, parse_sent

Commit = Callable[[Sequence[Checked]], Awaitable[list[Taken]]]


def commits(commit: Commit, tracer: Tracer) -> Commit:
    """The same, told for each sampled batch of the group."""

    async def told(checked: Sequence[Checked]) -> list[Taken]:
        began = clock.to_us(clock.now())
        taken = await commit(checked)
        if tracer.on:
            times = (began, clock.to_us(clock.now()))
            for each in taken:
                if trace := tracer.trace(each.checked.signed.batch_digest):
                    said = {"eucora.group": str(len(checked)), "eucora.outcome": each.appended.outcome}
                    tracer.tell(trace, "journal.commit", "door", "gateway", times, said)
        return taken

    return told


def admitted(taken: Taken, received_ms: int, tracer: Tracer) -> None:
    """The door's own stage, and the agent's before it: from sealing to arrival, by the batch's true age."""
    checked = taken.checked
    trace = tracer.trace(checked.signed.batch_digest)
    if trace is None:
        return
    seal, sent = checked.seal, None if checked.sent is None else parse_sent(checked.sent)
    age_ms = correct(seal.boot, seal.clock_ms, sent, received_ms).age_ms
    said = {
        "eucora.device": str(seal.device),
        "eucora.lane": checked.lane,
        "eucora.items": str(seal.items.carried_count()),
    }
    tracer.tell(trace, "send", None, "agent", ((received_ms - age_ms) * 1_000, received_ms * 1_000), said)
    now = clock.to_us(clock.now())
    tracer.tell(
        trace, "door", "send", "gateway", (received_ms * 1_000, now), {**said, "eucora.outcome": taken.appended.outcome}
    )
