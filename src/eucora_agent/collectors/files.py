"""Reading small files of /proc, /sys and /etc below a root: what is not there, or not ours to read, is None."""

import shlex
from pathlib import Path


def words(root: Path, path: str) -> str | None:
    """The text of a file without white space around it, None when absent, unreadable or empty."""
    try:
        return (root / path).read_text(errors="replace").strip() or None
    except OSError:
        return None


def number(root: Path, path: str) -> int | None:
    """A file that holds one integer."""
    text = words(root, path)
    try:
        return int(text) if text is not None else None
    except ValueError:
        return None


def entries(root: Path, path: str) -> list[Path]:
    """What a folder holds, by name; empty when there is none."""
    try:
        return sorted((root / path).iterdir())
    except OSError:
        return []


def line(value: str | None, most: int) -> str | None:
    """One line of at most `most` characters without control characters, as the contract's texts are."""
    if value is None:
        return None
    return "".join(c for c in value if c >= " " and c != "\x7f").strip()[:most] or None


def os_release(root: Path) -> dict[str, str]:
    """/etc/os-release, else /usr/lib/os-release (os-release(5)): shell-like assignments."""
    text = words(root, "etc/os-release") or words(root, "usr/lib/os-release") or ""
    found = {}
    for entry in text.splitlines():
        name, is_pair, value = entry.partition("=")
        if is_pair and not name.startswith("#"):
            found[name.strip()] = _unquoted(value)
    return found


def machine(root: Path) -> str:
    """What tells this machine's record ids from another's."""
    return words(root, "etc/machine-id") or words(root, "var/lib/dbus/machine-id") or ""


def _unquoted(value: str) -> str:
    try:
        return "".join(shlex.split(value))
    except ValueError:
        return value.strip("\"' ")
