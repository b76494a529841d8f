"""Who is logged on: by systemd-logind's own records, else by utmp. Nobody is (), whoever sits at the device comes first."""

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

from .files import entries, words
from .reading import Context, Person, Reading
from .utmp import USER_PROCESS, records

SESSIONS = "run/systemd/sessions"


def read(context: Context) -> Reading:
    root = context.root
    people = of_logind(root) if (root / SESSIONS).is_dir() else of_utmp(root)
    return Reading(people=tuple(people))


def of_logind(root: Path) -> list[Person]:
    """Sessions of persons, the active one at a seat first. Greeters, services and sessions that close are nobody."""
    found = []
    for file in entries(root, SESSIONS):
        told = dict(row.partition("=")[::2] for row in (words(root, f"{SESSIONS}/{file.name}") or "").splitlines())
        if told.get("CLASS", "").startswith("user") and told.get("STATE") != "closing" and told.get("USER"):
            found.append((_rank(told), _person(file.name, told)))
    return [person for _, person in sorted(found, key=lambda each: (each[0], each[1].since))]


def of_utmp(root: Path) -> Iterator[Person]:
    """Log-ons whose first process still lives: utmp keeps the dead."""
    for r in records(root, "run/utmp") or records(root, "var/run/utmp"):
        if r.type == USER_PROCESS and r.user and (root / f"proc/{r.pid}").exists():
            yield Person(r.user, _uid(root, r.user), r.time, session=f"{r.line}:{r.pid}", remote=bool(r.host))


def _rank(told: dict[str, str]) -> tuple[bool, bool, bool]:
    """False sorts first: active, at a seat, not from afar."""
    return told.get("ACTIVE") != "1", not told.get("SEAT"), told.get("REMOTE") == "1"


def _person(session: str, told: dict[str, str]) -> Person:
    since = datetime.fromtimestamp(int(told.get("REALTIME", "0")) / 1_000_000, UTC)
    return Person(told["USER"], told.get("UID", ""), since, session, remote=told.get("REMOTE") == "1")


def _uid(root: Path, account: str) -> str:
    for row in (words(root, "etc/passwd") or "").splitlines():
        fields = row.split(":")
        if fields[0] == account:
            return fields[2]
    return ""
