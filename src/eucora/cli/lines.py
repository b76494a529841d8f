"""`eucora lines`, `eucora changes`, `eucora crashes`."""

from collections.abc import Callable
from itertools import islice
from typing import Annotated, Any

import typer

from eucora.cli.platform import platform
from eucora.cli.show import AsJson, Since, moment, print_array, print_table, say
from eucora.cli.which import Device, which

Limit = Annotated[int, typer.Option(help="At most so many in a table; --json prints all.", min=1)]


def lines(device: Device, since: Since = "1d", limit: Limit = 100, as_json: AsJson = False) -> None:
    """Log lines and events of a device, newest first.

    Example: eucora lines self --since 6h
    """
    _show("lines", device, since, limit, as_json, ("SEVERITY", "SOURCE"), lambda row: (row["severity"], row["source"]))


def changes(device: Device, since: Since = "30d", limit: Limit = 100, as_json: AsJson = False) -> None:
    """What changed on a device: installs, updates, drivers, policies, reboots; newest first.

    Example: eucora changes self --since 7d
    """
    _show("changes", device, since, limit, as_json, ("KIND",), lambda row: (row["source"] or row["kind"],))


def crashes(device: Device, since: Since = "30d", limit: Limit = 100, as_json: AsJson = False) -> None:
    """What crashed on a device, newest first.

    Example: eucora crashes self --json
    """
    _show("crashes", device, since, limit, as_json, ("PROGRAM",), lambda row: (row["source"],))


def _show(
    what: str,
    device: str,
    since: str,
    limit: int,
    as_json: bool,
    titles: tuple[str, ...],
    columns: Callable[[dict[str, Any]], tuple[Any, ...]],
) -> None:
    with platform() as api:
        found = api.pages(f"/devices/{which(api, device)}/{what}", since=since)
        if as_json:
            print_array(found)
            return
        shown = list(islice(found, limit + 1))
    print_table(
        ("TIME", *titles, "WHAT"),
        ((moment(row["time"]), *columns(row), told(row)) for row in shown[:limit]),
        empty=f"No {what} since {since}.",
    )
    if len(shown) > limit:
        say(f"The newest {limit}; --limit shows more, --json all.")


def told(row: dict[str, Any]) -> str:
    """The text with its fields in place, what has no place behind it, and how often it was said."""
    text, fields = row["text"], dict(row["fields"])
    if row["kind"] == "change":
        text = _change(fields)
    for name in [name for name in fields if "{" + name + "}" in text]:
        text = text.replace("{" + name + "}", str(fields.pop(name)))
    rest = " ".join(f"{name}={value}" for name, value in fields.items() if value not in (None, ""))
    times = f"({row['count']} times)" if row["count"] > 1 else ""
    return " ".join(part for part in (text, rest, times) if part)


def _change(fields: dict[str, Any]) -> str:
    """What was changed, from what to what: `openssl 3.0.15 → 3.0.16`; these fields are said with that."""
    subject, before, after = [fields.pop(name, None) for name in ("subject", "before", "after")]
    versions = " → ".join(version for version in (before, after) if version)
    return " ".join(part for part in (subject, versions) if part)
