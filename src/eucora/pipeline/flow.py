"""The table of contents: what happens before the acknowledgement, and what after. Read this first."""

import uuid
from collections.abc import Sequence

from eucora import clock
from eucora.batch import LIVE, Checked, Entry
from eucora.journal.cursors import Moves
from eucora.observe.figures import HERE
from eucora.observe.golden import FRESHNESS, STAGE, STORE
from eucora.pipeline import traced
from eucora.pipeline.announce import announce
from eucora.pipeline.collect import Arrival, Opened, collect
from eucora.pipeline.enrich import devices_of, enrich, subjects_of
from eucora.pipeline.house import House
from eucora.pipeline.intake import Intake, Taken, Turned, turned
from eucora.pipeline.normalise import normalise
from eucora.pipeline.store import Committed, store
from eucora.pipeline.validate import validate


async def check(arrivals: Sequence[Arrival], intake: Intake) -> list[Checked | Turned]:
    """Before the acknowledgement: stages 1 and 2. The result at i belongs to the arrival at i."""
    with HERE.timed(STAGE, "check"):
        opened = collect(arrivals)
        signers = await intake.signers.get({batch.signed.keyid for batch in opened if isinstance(batch, Opened)})
        return turned(opened, signers, validate(opened, signers, intake.rules))


async def commit(checked: Sequence[Checked], intake: Intake) -> list[Taken]:
    """Then the journal: what this gives is committed, and from here on it may be acknowledged."""
    with HERE.timed(STAGE, "commit"), HERE.timed(STORE, "postgresql"):
        appended = await intake.journal.append(checked)
    return [Taken(*both) for both in zip(checked, appended, strict=True)]


async def digest(entries: Sequence[Entry], moves: Moves, lease: uuid.UUID, house: House) -> Committed:
    """After the acknowledgement: stages 3 to 7 of what the journal holds, in order."""
    stages, found = traced.Stages(), traced.sampled(entries, house.tracer)
    with stages.stage("normalise"):
        normal = normalise(entries, house.limits)
    with stages.stage("enrich"):
        enriched = enrich(normal, await house.directory.look_up(devices_of(normal), subjects_of(normal)))
    with (
        stages.stage("store"),
        HERE.timed(STORE, "postgresql"),
    ):  # route, then domains, archive, cursor: one transaction
        committed = await store(enriched, entries, moves, lease, house, found)
    now = clock.now()
    HERE.observe_all(FRESHNESS, [(now - item.time).total_seconds() for item in enriched.items if item.lane == LIVE])
    traced.tell(found, stages, house.tracer)
    await announce(house.cache, committed.items, committed.dead, committed.devices)
    return committed
