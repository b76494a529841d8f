"""`eucora stores`."""

from typing import Any

from eucora.cli.platform import platform
from eucora.cli.show import AsJson, ago, duration, moment, print_json, print_table

NONE = "No server follows the archive: EUCORA_METRICS_URL, EUCORA_LOGS_URL or EUCORA_TRACES_URL names one."

TITLES = ("FOLLOWER", "WAITING", "BEHIND", "A SECOND", "TOLD", "RETRIES", "TO FORGET", "LAST ERROR")


def stores(as_json: AsJson = False) -> None:
    """How far each server that follows the archive was told, how fast, and what it refused for ever.

    Examples: eucora stores · eucora stores --json
    """
    with platform() as api:
        found = api.get("/stores")
    if as_json:
        print_json(found)
        return
    print_table(
        TITLES,
        map(_line, found),
        empty=NONE,
    )
    refused = [(f["follower"], r) for f in found for r in f["refused"]]
    if refused:
        print_table(
            ("REFUSED BY", "REASON", "COUNT", "FROM", "TO"),
            ((name, r["reason"], f"{r['count']:,}", moment(r["first"]), moment(r["last"])) for name, r in refused),
            empty="",
        )


def _line(f: dict[str, Any]) -> tuple[Any, ...]:
    error = f"{ago(f['last_error_at'])}: {f['last_error']}" if f["last_error"] else ""
    name = f["follower"] if f["running"] else f"{f['follower']} (not running)"
    counts = (f"{f['rate_per_s']:,.1f}", f"{f['told']:,}", f["retries"], f["forgetting"])
    return (name, f"{f['waiting']:,}", duration(f["behind_s"]), *counts, error)
