"""`eucora lines`, `eucora changes`, `eucora crashes`. What they print is recorded as read."""

from collections.abc import Callable
from itertools import islice
from typing import Annotated, Any

import typer

from eucora.cli.platform import PAGE, platform
from eucora.cli.show import AsJson, Since, moment, print_array, print_table, say
from eucora.cli.which import Device, which

Limit = Annotated[int, typer.Option(help="At most so many in a table; --json prints all.", min=1)]


def lines(
    device: Annotated[
        str | None,
        typer.Argument(
            metavar="[DEVICE]", help="An id, the beginning of one, a whole host name, or self. None: the fleet."
        ),
    ] = None,
    grep: Annotated[str, typer.Option(help='Words, or "several as one": each must be said, in any case.')] = "",
    kind: Annotated[
        list[str] | None, typer.Option(help="log, event, change, crash or deployment; may be repeated.")
    ] = None,
    source: Annotated[list[str] | None, typer.Option(help="The program; may be repeated.")] = None,
    severity: Annotated[str, typer.Option(help="So grave or graver: debug, info, warning, error, critical.")] = "",
    field: Annotated[list[str] | None, typer.Option(help="name=value; may be repeated.")] = None,
    since: Since = "1d",
    until: Annotated[str, typer.Option(help="As --since.")] = "0s",
    limit: Limit = 100,
    as_json: AsJson = False,
) -> None:
    """Log lines and events of a device or of the fleet, newest first.

    Examples: eucora lines self --since 6h · eucora lines --grep "out of memory" --severity error --field unit=ssh
    """
    with platform() as api:
        asked = {
            "devices": which(api, device) if device else None,
            "text": grep,
            "kind": kind or ["log", "event"],
            "source": source,
            "severity": severity,
            "field": field,
            "since": since,
            "until": until,
        }
        if as_json:
            print_array(api.rows("/telemetry/lines", **asked))
            return
        shown = list(islice(api.pages("/telemetry/lines", **asked, **_page(limit)), limit + 1))
    of = () if device else ("DEVICE",)
    print_table(
        ("TIME", *of, "SEVERITY", "SOURCE", "WHAT"),
        (
            (moment(row["time"]), *((row["device"],) if of else ()), row["severity"], row["source"], told(row))
            for row in shown[:limit]
        ),
        empty=f"No lines since {since}.",
    )
    if len(shown) > limit:
        say(f"The newest {limit}; --limit shows more, --json all.")


def _page(limit: int) -> dict[str, int]:
    """No longer than what is shown."""
    return {"limit": min(limit + 1, PAGE)}


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
        path = f"/devices/{which(api, device)}/{what}"
        if as_json:
            print_array(api.rows(path, since=since))
            return
        shown = list(islice(api.pages(path, since=since, **_page(limit)), limit + 1))
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
