"""Packages installed, updated and removed, from dpkg's log; what rpm did follows from the inventory's difference.

`state` holds how far the log was read (inode and offset); a log that was rotated away is read to its end first.
"""

from collections.abc import Iterator
from datetime import UTC, datetime, tzinfo
from pathlib import Path
from zoneinfo import ZoneInfo

from eucora_wire.sections.changes import Change, ChangeKind
from eucora_wire.sections.software import Delta

from .files import line, machine
from .reading import HISTORY, Context, Reading, record_id

LOG, ROTATED = "var/log/dpkg.log", "var/log/dpkg.log.1"
MOST = 1000
ACTIONS: dict[str, ChangeKind] = {"install": "install", "upgrade": "update", "remove": "remove", "purge": "remove"}
DRIVERS = (
    "linux-image-",
    "linux-modules-",
    "linux-firmware",
    "firmware-",
    "nvidia-driver",
    "kmod-",
    "akmod-",
    "kernel-",
)
NOTHING = "<none>"
GONE = ("remove", "purge")


def read(context: Context) -> Reading:
    place = context.state.get("place")
    after = context.now - HISTORY if place is None else datetime.min.replace(tzinfo=UTC)
    found: list[Change] = []
    for change, reached in _news(context.root, place):
        place = reached
        if change and change.time > after:
            found.append(change)
        if len(found) == MOST:
            break
    return Reading(changes=tuple(found), state={"place": place} if place else {})


def of_delta(delta: Delta, source: str, now: datetime, root: Path = Path("/")) -> tuple[Change, ...]:
    """The same of an inventory's difference, dated when it was seen: for package managers without a log, as rpm."""
    came = [("install", p.name, None, p.version) for p in delta.added if p.source == source]
    went = [("remove", r.name, r.version, None) for r in delta.removed if r.source == source]
    moved = [("upgrade", c.now.name, c.was.version, c.now.version) for c in delta.changed if c.now.source == source]
    told = [each for each in (*came, *went, *moved) if each[2] != each[3]]
    return tuple(_change(root, now, *each) for each in told[:MOST])


def _unread(root: Path, place: list[int] | None) -> Iterator[tuple[Path, int]]:
    """Logs that hold something new, oldest first, and from where on."""
    inode, offset = place or (0, 0)
    rotated, log = root / ROTATED, root / LOG
    if rotated.exists() and rotated.stat().st_ino == inode and rotated.stat().st_size > offset:
        yield rotated, offset
    if log.exists():
        stat = log.stat()
        start = offset if stat.st_ino == inode and stat.st_size >= offset else 0
        if stat.st_size > start or stat.st_ino != inode:
            yield log, start


def _news(root: Path, place: list[int] | None) -> Iterator[tuple[Change | None, list[int]]]:
    """What each whole line says, None for what is no change, and the place behind it."""
    zone = _zone(root)
    for file, start in _unread(root, place):
        with file.open("rb") as log:
            inode, end = file.stat().st_ino, log.seek(start)
            yield None, [inode, end]
            while (row := log.readline()).endswith(b"\n"):
                end += len(row)
                yield _parsed(root, row.decode(errors="replace").split(), zone), [inode, end]


def _parsed(root: Path, words: list[str], zone: tzinfo) -> Change | None:
    """`DATE TIME ACTION NAME:ARCHITECTURE BEFORE AFTER`, in local time."""
    if len(words) != 6 or words[2] not in ACTIONS:
        return None
    when = datetime.fromisoformat(f"{words[0]}T{words[1]}").replace(tzinfo=zone).astimezone(UTC)
    before, after = (None if version == NOTHING else version for version in words[4:])
    return _change(root, when, words[2], words[3].partition(":")[0], before, None if words[2] in GONE else after)


def _change(root: Path, when: datetime, action: str, name: str, before: str | None, after: str | None) -> Change:
    kind = ACTIONS[action]
    return Change(
        id=record_id(machine(root), when, action, name, before or "", after or ""),
        time=when,
        kind="driver" if kind != "remove" and name.startswith(DRIVERS) else kind,
        subject=line(name, 200) or "unknown",
        before=line(before, 200),
        after=line(after, 200),
    )


def _zone(root: Path) -> tzinfo:
    try:
        with (root / "etc/localtime").open("rb") as file:
            return ZoneInfo.from_file(file)
    except (OSError, ValueError):
        return UTC
