"""A trace drawn: a line a span, indented below its parent, with a bar where its time lay. Pure."""

from collections.abc import Iterator, Sequence
from typing import Any

from eucora.cli.show import SHOWN, duration, parse

EIGHTHS = " ▏▎▍▌▋▊▉█"
Span = dict[str, Any]


def draw(spans: Sequence[Span], width: int) -> list[str]:
    """`width`: of the whole line. Spans whose parent is not there stand at the left, as roots do."""
    begin = min(_start(span) for span in spans)
    whole = max(max(_start(span) + span["duration_s"] for span in spans) - begin, 1e-9)
    placed = list(_in_order(spans))
    names = [("  " * depth + _mark(span) + span["name"]).translate(SHOWN) for depth, span in placed]
    lengths = [duration(span["duration_s"]) for _, span in placed]
    room = min(max(map(len, names)), max(16, width // 2))
    last = max(map(len, lengths))
    bar = max(10, width - room - last - 4)
    return [
        f"{name[:room]:<{room}}  {_bar(_start(span) - begin, span['duration_s'], whole, bar)}  {length:>{last}}"
        for name, length, (_, span) in zip(names, lengths, placed, strict=True)
    ]


def _in_order(spans: Sequence[Span]) -> Iterator[tuple[int, Span]]:
    """(depth, span): children behind their parent, each in order of its start; every span once, whatever they say."""
    by_id = {span["span_id"]: span for span in spans}
    below: dict[str | None, list[Span]] = {}
    for span in sorted(spans, key=lambda span: (_start(span), span["span_id"])):
        parent = span["parent_id"] if span["parent_id"] in by_id else None
        below.setdefault(parent, []).append(span)
    seen: set[int] = set()
    for root in (*below.get(None, ()), *spans):  # the latter for what is its own parent, by however many steps
        waiting = [(0, root)]
        while waiting:
            depth, span = waiting.pop()
            if id(span) in seen:
                continue
            seen.add(id(span))
            yield depth, span
            waiting += [(depth + 1, child) for child in reversed(below.get(span["span_id"], ()))]


def _bar(after: float, length: float, whole: float, width: int) -> str:
    """Full cells, and an eighth where it ends; never nothing."""
    begin = min(width - 1, int(after / whole * width))
    eighths = max(1, round((after + length) / whole * width * 8) - begin * 8)
    full, rest = divmod(min(eighths, (width - begin) * 8), 8)
    return (" " * begin + EIGHTHS[8] * full + (EIGHTHS[rest] if rest else "")).ljust(width)


def _mark(span: Span) -> str:
    return "✗ " if span["status"] == "error" else ""


def _start(span: Span) -> float:
    return parse(span["time"]).timestamp()
