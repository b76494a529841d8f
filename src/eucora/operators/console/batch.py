"""One batch's whole way, drawn: from its seal at the device to the last store, with the time that each step took."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from litestar import Request, Response, get
from litestar.params import FromQuery
from markupsafe import Markup

from eucora.operators.console.sessions import Session
from eucora.operators.console.view import shown, view
from eucora.operators.house import GivenHouse
from eucora.pipeline.explain import Step
from eucora.problems import Refused
from eucora.web.given import Given
from eucora.web.words import duration

LEFT, RIGHT, ROW = 110, 760, 26


@get("/batches", **shown("status.read"))
async def batch_page(
    request: Request[Any, Any, Any], house: GivenHouse, session: Given[Session], batch: FromQuery[str] = ""
) -> Response[bytes]:
    """Of the batch that is named; without one, how to name it."""
    found, fault = None, ""
    if batch:
        try:
            found = await house.explain(batch.strip()[:80])
        except Refused as exc:
            fault = exc.document.detail or exc.document.title
    steps = [] if found is None else [(step, took) for step, took in zip(found.steps, after(found.steps), strict=True)]
    drawn = None if found is None else way(found.steps)
    return view(
        request, session, "batch.html", "Platform", batch=batch, found=found, fault=fault, steps=steps, drawn=drawn
    )


def after(steps: Sequence[Step]) -> list[str]:
    """How long after the step before whose time is known."""
    told: list[str] = []
    before: datetime | None = None
    for step in steps:
        took = None if step.at is None or before is None else step.at - before
        told.append("" if took is None else f"{took / timedelta(milliseconds=1):+,.0f} ms")
        before = step.at or before
    return told


def way(steps: Sequence[Step]) -> Markup | None:
    """A bar a step, from the one before; nothing where fewer than two have a time."""
    timed = [(step, step.at) for step in steps if step.at is not None]
    if len(timed) < 2:
        return None
    first, last = min(at for _, at in timed), max(at for _, at in timed)
    whole = max((last - first) / timedelta(seconds=1), 0.001)

    def x(at: datetime) -> float:
        return LEFT + (RIGHT - LEFT) * ((at - first) / timedelta(seconds=1)) / whole

    bars, before = [], first
    for number, (step, at) in enumerate(timed):
        begins, ends = sorted((x(before), x(at)))
        bars.append(
            BAR.format(LEFT - 8, number * ROW + 17, step.name, begins, number * ROW + 5, max(3.0, ends - begins))
        )
        before = at
    said = f"The way of the batch: {', then '.join(step.name for step, _ in timed)}, {duration(whole)} in all"
    return Markup('<svg class="way" viewBox="0 0 {} {}" role="img" aria-label="{}">{}</svg>').format(
        RIGHT + 10, len(timed) * ROW, said, Markup("").join(bars)
    )


BAR = Markup(
    '<text x="{}" y="{}" text-anchor="end">{}</text>'
    '<rect class="span s-heard" x="{:.1f}" y="{}" width="{:.1f}" height="16" rx="2"/>'
)

ROUTES = (batch_page,)
