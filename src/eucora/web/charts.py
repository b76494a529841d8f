"""Drawings of series and of what happened, as SVG: readable without a script, which only adds a cursor that all share.

All drawings of a page span the same time, so that one moment is found in each. Pure.
"""

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from math import ceil, floor, log10

from markupsafe import Markup
from msgspec import Struct

from eucora.web.words import human

TOP, BOTTOM, RIGHT = 8, 20, 10
STEPS = (
    *(timedelta(minutes=n) for n in (1, 2, 5, 10, 15, 30)),
    *(timedelta(hours=n) for n in (1, 2, 3, 6, 12)),
    *(timedelta(days=n) for n in (1, 2, 7, 14, 30)),
)

Points = Sequence[tuple[datetime, float]]


class Span(Struct, frozen=True):
    """The time that is shown."""

    since: datetime
    until: datetime


class Sheet(Struct, frozen=True):
    """What is drawn upon, in units of the drawing: text keeps the size that it has on a page."""

    width: int
    height: int
    left: int
    ticks: int

    @property
    def right(self) -> int:
        return self.width - RIGHT

    @property
    def floor(self) -> int:
        return self.height - BOTTOM

    def x(self, span: Span, at: datetime) -> float:
        """Where a moment stands."""
        return self.left + (self.right - self.left) * ((at - span.since) / (span.until - span.since))


SMALL = Sheet(width=400, height=130, left=58, ticks=4)
WIDE = Sheet(width=1180, height=170, left=90, ticks=8)


class Happened(Struct, frozen=True):
    """Something at a moment, or from one to another: `kind` chooses row and colour."""

    kind: str
    at: datetime
    until: datetime | None
    said: str


ROWS = (("heard", "heard"), ("session", "sessions"), ("reboot", "reboots"), ("software", "software"), ("change", "changes"),
        ("deployment", "deployments"), ("crash", "crashes"))  # fmt: skip


def plot(span: Span, points: Points, unit: str, said: str) -> Markup:
    """A line over time. `said`: what it is, for who can't see it. Where nothing was said for long, the line breaks."""
    low, high = bounds([value for _, value in points], unit)

    def y(value: float) -> float:
        return TOP + (SMALL.floor - TOP) * (1 - (value - low) / (high - low))

    inside = [
        GRID.format(SMALL.left, SMALL.right, y(at), SMALL.left - 6, y(at) + 4, human(at, unit))
        for at in (low, (low + high) / 2, high)
    ]
    for part in broken(points, span):
        drawn = " ".join(f"{SMALL.x(span, at):.1f},{y(value):.1f}" for at, value in part)
        first, last = SMALL.x(span, part[0][0]), SMALL.x(span, part[-1][0])
        inside.append(AREA.format(first, SMALL.floor, drawn, last, SMALL.floor))
        inside.append(LINE.format(drawn))
        if len(part) == 1:
            inside.append(DOT.format(first, y(part[0][1])))
    scale = Markup('data-low="{}" data-high="{}" data-unit="{}"').format(f"{low:.6g}", f"{high:.6g}", unit)
    return _drawing("plot", SMALL, span, said, inside, scale)


GRID = Markup(
    '<line class="grid" x1="{0}" x2="{1}" y1="{2:.1f}" y2="{2:.1f}"/><text x="{3}" y="{4:.1f}" text-anchor="end">{5}</text>'
)
AREA = Markup('<polygon class="area" points="{:.1f},{} {} {:.1f},{}"/>')
LINE = Markup('<polyline class="serie" points="{}"/>')
DOT = Markup('<circle class="k-software" cx="{:.1f}" cy="{:.1f}" r="2.5"/>')
SPANNED = Markup(
    '<rect class="span s-{}" x="{:.1f}" y="{:.1f}" width="{:.1f}" height="{:.1f}" rx="2"><title>{}</title></rect>'
)
MARK = Markup('<circle class="mark k-{}" cx="{:.1f}" cy="{:.1f}" r="6"><title>{}</title></circle>')


def timeline(span: Span, happened: Iterable[Happened], said: str) -> Markup:
    """What happened, a row a kind, on the time of the charts below."""
    rows = {kind: number for number, (kind, _) in enumerate(ROWS)} | {"late": 0}
    step = WIDE.floor / len(ROWS)
    inside = [
        GRID.format(WIDE.left, WIDE.right, (n + 1) * step, WIDE.left - 8, n * step + step / 2 + 4, name)
        for n, (_, name) in enumerate(ROWS)
    ]
    for each in happened:
        middle = rows[each.kind] * step + step / 2
        if each.until is None:
            inside.append(MARK.format(each.kind, WIDE.x(span, each.at), middle, each.said))
            continue
        first, last = max(WIDE.x(span, each.at), WIDE.left), min(WIDE.x(span, each.until), WIDE.right)
        inside.append(
            SPANNED.format(each.kind, first, middle - step / 3, max(2.0, last - first), step / 1.5, each.said)
        )
    return _drawing("time", WIDE, span, said, inside, Markup(""))


def _drawing(kind: str, on: Sheet, span: Span, said: str, inside: Sequence[Markup], more: Markup) -> Markup:
    times = Markup("").join(
        Markup('<text x="{:.1f}" y="{}" text-anchor="middle">{}</text>').format(on.x(span, at), on.height - 4, text)
        for at, text in ticks(span, on.ticks)
        if on.left + 14 < on.x(span, at) < on.right - 14
    )
    cursor = Markup('<rect class="choose" y="0" height="{0}"/><line class="cursor" y1="0" y2="{0}"/>').format(on.floor)
    since, until = (int(at.timestamp() * 1000) for at in (span.since, span.until))
    return Markup(
        '<svg class="{}" viewBox="0 0 {} {}" role="img" aria-label="{}" data-since="{}" data-until="{}" data-left="{}" '
        'data-right="{}" data-top="{}" data-floor="{}" {}>{}{}{}</svg>'
    ).format(
        kind, on.width, on.height, said, since, until, on.left, on.right, TOP, on.floor, more,
        Markup("").join(inside), times, cursor,
    )  # fmt: skip


def bounds(values: Sequence[float], unit: str) -> tuple[float, float]:
    """From zero where that is near, a ratio to one; in round numbers, and never nothing between them."""
    low, high = min(values), max(values)
    if unit == "ratio" and low >= 0 and high <= 1:
        return 0.0, 1.0
    one = high - low < 1e-9  # no picture shows less, and a step of less may divide nothing
    if 0 <= low < high / 2 or one:
        low = min(low, 0.0)
    if one:
        return low, max(high, low + max(1.0, abs(low) * 1e-6))
    step = 10.0 ** floor(log10(high - low)) / 2
    return floor(low / step) * step, ceil(high / step) * step


def broken(points: Points, span: Span) -> list[list[tuple[datetime, float]]]:
    """Parts between which nothing was said for longer than a twentieth of the span, and than three usual distances."""
    if not points:
        return []
    distances = sorted(b[0] - a[0] for a, b in pairwise(points))
    longest = max((span.until - span.since) / 20, 3 * distances[len(distances) // 2]) if distances else timedelta(0)
    parts = [[points[0]]]
    for point in points[1:]:
        if point[0] - parts[-1][-1][0] > longest:
            parts.append([])
        parts[-1].append(point)
    return parts


def ticks(span: Span, most: int) -> list[tuple[datetime, str]]:
    """Round times, a few of them: hours and minutes, or days where the span is long."""
    wanted = (span.until - span.since) / most
    step = next((each for each in STEPS if each >= wanted), STEPS[-1])
    epoch = datetime(1970, 1, 1, tzinfo=UTC)
    at = span.since + (epoch - span.since) % step
    form = "%H:%M" if step < timedelta(hours=12) else "%d %b"
    found = []
    while at < span.until:
        found.append((at, at.strftime("%d %b" if form == "%H:%M" and at.hour == at.minute == 0 else form)))
        at += step
    return found
