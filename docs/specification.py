"""Reads the specification (`seed.md`) into its items: rows, bullets, fields, arrows and promises. Pure."""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass

# Lines that end in a colon introduce a list; these two promise something by themselves.
PROMISING = ("Defaults (tenant controlled):", "Logs are structured JSON for:")
# Sections whose rows and bullets name several things, each of which can be there or not.
SEVERAL = ("4.1", "11.1")

_heading = re.compile(r"^#+ (?P<number>\d+(?:\.\d+)?)?")
_bullet = re.compile(r"^\s*(?:[-*]|\d+\.) +(?P<text>.+)$")
_title = re.compile(r"^\*\*[^*]+\*\*$")
_rule = re.compile(r"^\|[-:| ]+\|$")


@dataclass(frozen=True, slots=True)
class Item:
    """One thing the seed asks for, named by its section and its own words."""

    at: str
    text: str

    def __str__(self) -> str:
        return f"§{self.at} “{self.text}”"


def items(specification: str) -> list[Item]:
    """Every row, bullet, field, arrow and promise of the specification, once each, in its order."""
    found = (Item(at, text) for at, lines in _sections(specification) for text in _texts(at, lines))
    return list(dict.fromkeys(found))


def _sections(specification: str) -> Iterator[tuple[str, list[str]]]:
    number, lines = "", list[str]()
    for line in specification.splitlines():
        heading = _heading.match(line)
        if heading:
            yield number, lines
            number, lines = heading["number"] or number, []
        else:
            lines.append(line)
    yield number, lines


def _texts(at: str, lines: list[str]) -> Iterator[str]:
    # What stands before section 1 is the title page.
    if not at:
        return
    drawing: list[str] | None = None
    for line, below in zip(lines, [*lines[1:], ""], strict=True):
        if line.startswith("```"):
            yield from _drawn(drawing or [])
            drawing = [] if drawing is None else None
        elif drawing is not None:
            drawing.append(line)
        elif line.startswith("|"):
            yield from () if _rule.match(line) or _rule.match(below) else _row(at, line)
        elif bullet := _bullet.match(line):
            yield from _bulleted(at, bullet["text"].replace("**", ""))
        elif _promises(line):
            yield line.replace("**", "")


def _row(at: str, line: str) -> Iterator[str]:
    cells = [cell.strip() for cell in line.strip("|").split("|")]
    if at in SEVERAL:
        yield from (f"{cells[0]}: {part.strip()}" for part in cells[1].split(","))
    else:
        yield " | ".join(cells)


def _bulleted(at: str, text: str) -> Iterator[str]:
    yield from text.strip("`").split(",") if at in SEVERAL else (text,)


def _promises(line: str) -> bool:
    introduces = line.endswith(":") or _title.match(line)
    return line in PROMISING or bool(line.strip("-") and not introduces)


def _drawn(lines: list[str]) -> Iterator[str]:
    if lines and lines[0] == "{":
        yield from _fields(json.loads("\n".join(lines)), "")
    else:
        yield from (" ".join(line.split()) for line in lines if line.strip())


def _fields(node: object, path: str) -> Iterator[str]:
    if isinstance(node, dict):
        for name, inner in node.items():
            yield from _fields(inner, f"{path}.{name}" if path else name)
    elif isinstance(node, list):
        yield from _fields(node[0], f"{path}[]")
    else:
        yield f"{path}: {node}"
