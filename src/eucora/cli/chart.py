"""A line drawn in braille: two by four dots a character, so that ten lines of a terminal show forty steps. Pure."""

from collections.abc import Callable, Sequence
from itertools import pairwise

BLANK = 0x2800
DOTS = ((0x01, 0x08), (0x02, 0x10), (0x04, 0x20), (0x40, 0x80))
"""Unicode 28xx: the bit of each dot by row and column."""

Point = tuple[float, float]


def draw(points: Sequence[Point], width: int, height: int, label: Callable[[float], str]) -> list[str]:
    """`height` lines of at most `width` characters: the values' scale on the left, the curve beside it.

    Points lie where their time is. Neighbours are joined, unless they are ten times as far apart as is usual: what was
    not measured is not drawn.
    """
    low, high = _bounds([value for _, value in points])
    marks = {0: label(high), height // 2: label((low + high) / 2), height - 1: label(low)}
    margin = max(len(mark) for mark in marks.values())
    cells = _dots(points, max(8, width - margin - 2), height, low, high)
    return [
        f"{marks.get(row, ''):>{margin}} {'┤' if row in marks else '│'}{''.join(map(chr, line)).rstrip(chr(BLANK))}"
        for row, line in enumerate(cells)
    ]


def _bounds(values: Sequence[float]) -> tuple[float, float]:
    """The scale: from the least to the most, never flat."""
    low, high = min(values), max(values)
    if high - low > 1e-9 * max(abs(high), abs(low)):
        return low, high
    room = abs(high) * 0.1 or 1.0
    return low - room, high + room


def _dots(points: Sequence[Point], columns: int, rows: int, low: float, high: float) -> list[list[int]]:
    cells = [[BLANK] * columns for _ in range(rows)]
    begin, end = points[0][0], points[-1][0]
    across, up = columns * 2 - 1, rows * 4 - 1
    placed = [
        (round((time - begin) / ((end - begin) or 1) * across), round((high - value) / (high - low) * up))
        for time, value in points
    ]
    usual = sorted(later[0] - sooner[0] for sooner, later in pairwise(points)) or [0.0]
    widest = 10 * usual[len(usual) // 2]
    for at, (x, y) in enumerate(placed):
        joined = at > 0 and points[at][0] - points[at - 1][0] <= widest
        for dot in _line(*placed[at - 1], x, y) if joined else ((x, y),):
            cells[dot[1] // 4][dot[0] // 2] |= DOTS[dot[1] % 4][dot[0] % 2]
    return cells


def _line(x0: int, y0: int, x1: int, y1: int) -> list[tuple[int, int]]:
    """Every dot between two dots."""
    steps = max(abs(x1 - x0), abs(y1 - y0), 1)
    return [(x0 + round((x1 - x0) * n / steps), y0 + round((y1 - y0) * n / steps)) for n in range(steps + 1)]
