"""How answers look: calm tables for people, JSON for programs; canonical units in words that people use."""

import sys
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import Annotated, Any, TypeAlias

import msgspec
import typer
from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from eucora import clock
from eucora.web.words import duration, human

__all__ = ["duration", "human"]

AsJson: TypeAlias = Annotated[bool, typer.Option("--json", help="Print JSON: every page, nothing left out.")]
Since: TypeAlias = Annotated[str, typer.Option(help="600s, 15m, 1h, 7d (ago), or a time in RFC 3339.")]

# Shown, not obeyed: a log line of a device must neither move an operator's cursor nor turn the order of what is read.
SHOWN = {
    **{code: 0x2400 + code for code in range(32) if chr(code) not in "\n\t"},
    **dict.fromkeys((0x7F, *range(0x80, 0xA0), *range(0x202A, 0x202F), *range(0x2066, 0x206A)), 0xFFFD),
}


def print_json(value: Any) -> None:
    """One document."""
    sys.stdout.write(msgspec.json.format(msgspec.json.encode(value)).decode() + "\n")


def print_array(items: Iterable[Any]) -> None:
    """One array, written while its items come."""
    empty = True
    for item in items:
        sys.stdout.write(("[" if empty else ",") + "\n  " + msgspec.json.encode(item).decode())
        empty = False
    sys.stdout.write("[]\n" if empty else "\n]\n")


def print_table(titles: Sequence[str], rows: Iterable[Sequence[Any]], *, empty: str) -> None:
    """Rows under titles, or the sentence that says what to do when there is none."""
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False, header_style="bold")
    for title in titles:
        table.add_column(title, overflow="fold", no_wrap=title == titles[0])
    for row in rows:
        table.add_row(*(cell(value) for value in row))
    _console().print(table if table.row_count else empty, highlight=False)


def print_facts(facts: Iterable[tuple[str, Any]]) -> None:
    """Name and value a line; what is not known is left out."""
    table = Table(box=None, show_header=False, pad_edge=False, padding=(0, 2, 0, 0))
    table.add_column(style="dim", no_wrap=True)
    table.add_column(overflow="fold")
    for name, value in facts:
        if value not in (None, "", ()):
            table.add_row(name, cell(value))
    _console().print(table)


def _console() -> Console:
    """As wide as the terminal; what goes into a pipe or a file is never wrapped."""
    return Console() if sys.stdout.isatty() else Console(width=4096)


def say(sentence: str) -> None:
    """One line for people."""
    typer.echo(sentence)


def cell(value: Any) -> Text:
    """A value as text; what came from a device is never read as markup, nor as a command to the terminal."""
    if value is None:
        return Text("")
    if isinstance(value, bool):
        return Text("yes" if value else "no")
    told = ", ".join(map(str, value)) if isinstance(value, list | tuple) else str(value)
    return Text(told.translate(SHOWN))


def moment(text: str | None) -> str:
    """A time in the terminal's own zone."""
    return "" if text is None else parse(text).astimezone().strftime("%Y-%m-%d %H:%M:%S")


def ago(text: str | None) -> str:
    """How long ago; `never` when it was not."""
    if text is None:
        return "never"
    past_s = (clock.now() - parse(text)).total_seconds()
    return "now" if past_s < 1 else f"{duration(past_s)} ago"


def parse(text: str) -> datetime:
    """A time as the API writes it."""
    return datetime.fromisoformat(text).astimezone(UTC)
