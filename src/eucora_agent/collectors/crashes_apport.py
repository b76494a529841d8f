"""Crashes kept by apport in /var/crash: a report begins with the facts, then come megabytes of core, which stay unread."""

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

from eucora_wire.sections.apps import Crash

from .files import entries, line, machine
from .reading import record_id
from .signals import named

FOLDER = "var/crash"
HEAD = 64 * 1024


def recorded(root: Path) -> Iterator[tuple[int, Crash]]:
    """Marked with their microsecond."""
    for file in entries(root, FOLDER):
        if file.suffix == ".crash" and (crash := _crash(file, machine(root))):
            yield int(crash.time.timestamp() * 1_000_000), crash


def _crash(file: Path, of_machine: str) -> Crash | None:
    """None for a report of another kind (a failed package, a kernel), or one that can't be read."""
    try:
        when = datetime.fromtimestamp(file.stat().st_mtime, UTC)
        with file.open("rb") as report:
            rows = report.read(HEAD).decode(errors="replace").splitlines()
    except OSError:
        return None
    told = {name: value.strip() for name, _, value in (row.partition(": ") for row in rows if row[:1] != " ")}
    program = told.get("ExecutablePath")
    if told.get("ProblemType") != "Crash" or not program:
        return None
    version = told.get("Package", "").partition(" ")[2]
    return Crash(
        id=record_id(of_machine, when, program, told.get("Signal", "")),
        time=when,
        name=line(Path(program).name, 200) or "unknown",
        version=None if version.startswith("(") else line(version, 200),
        signal=named(told.get("Signal")),
        core=any(row.startswith("CoreDump:") for row in rows) or None,
    )
