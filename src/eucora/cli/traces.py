"""`eucora traces` finds spans; `eucora trace` draws one trace. What they print is recorded as read."""

import shutil
from itertools import islice
from typing import Annotated

import typer

from eucora.cli.lines import Limit
from eucora.cli.platform import PAGE, platform
from eucora.cli.show import AsJson, Since, duration, moment, print_array, print_json, print_table, say
from eucora.cli.waterfall import draw
from eucora.cli.which import which


def traces(
    device: Annotated[str | None, typer.Option(help="An id, the beginning of one, a whole host name, or self.")] = None,
    name: Annotated[list[str] | None, typer.Option(help="Of a span; may be repeated.")] = None,
    status: Annotated[list[str] | None, typer.Option(help="unset, ok or error; may be repeated.")] = None,
    attribute: Annotated[list[str] | None, typer.Option(help="name=value; may be repeated.")] = None,
    least: Annotated[float, typer.Option(help="As long or longer, in seconds.")] = 0.0,
    roots: Annotated[bool, typer.Option("--roots", help="Only spans that begin a trace.")] = False,
    since: Since = "1d",
    until: Annotated[str, typer.Option(help="As --since.")] = "0s",
    limit: Limit = 100,
    as_json: AsJson = False,
) -> None:
    """Spans of the fleet or of a device, newest first, each with its trace.

    Examples: eucora traces --status error --since 7d · eucora traces --name install --least 2.5 --attribute package=openssl
    """
    with platform() as api:
        asked = {
            "devices": which(api, device) if device else None,
            "name": name,
            "status": status,
            "attribute": attribute,
            "least_s": least,
            "roots": roots,
            "since": since,
            "until": until,
        }
        if as_json:
            print_array(api.rows("/telemetry/traces", **asked))
            return
        found = api.pages("/telemetry/traces", **asked, limit=min(limit + 1, PAGE))
        shown = list(islice(found, limit + 1))
    print_table(
        ("TIME", "TOOK", "STATUS", "NAME", "DEVICE", "TRACE"),
        (
            (moment(s["time"]), duration(s["duration_s"]), s["status"], s["name"], s["device"], s["trace_id"])
            for s in shown[:limit]
        ),
        empty=f"No spans since {since}.",
    )
    if len(shown) > limit:
        say(f"The newest {limit}; --limit shows more, --json all.")


def trace(
    trace_id: Annotated[str, typer.Argument(metavar="TRACE", help="32 hex digits, as eucora traces shows them.")],
    as_json: AsJson = False,
) -> None:
    """All spans of a trace, whichever devices they came from, as a waterfall.

    Example: eucora trace 4bf92f3577b34da6a3ce929d0e0e4736
    """
    with platform() as api:
        spans = api.get(f"/telemetry/traces/{trace_id.lower()}")
    if as_json:
        print_json(spans)
        return
    devices = sorted({span["device"] for span in spans})
    say(f"{moment(spans[0]['time'])} · {len(spans)} spans · {', '.join(devices)}")
    for line in draw(spans, max(60, min(160, shutil.get_terminal_size().columns))):
        say(line)
