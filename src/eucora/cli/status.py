"""`eucora status`."""

from typing import Any

import msgspec

from eucora import clock, settings
from eucora.cli.platform import NotRunning, Silent, Turned, platform
from eucora.cli.show import AsJson, ago, duration, human, print_facts, print_json, print_table, say
from eucora.operators.troubles import database_away, here, unreachable

SOON_S = 6.0
"""Whoever asks how things stand does not wait."""


def status(as_json: AsJson = False) -> None:
    """What runs, what lags, what is full.

    Examples: eucora status · eucora status --json
    """
    try:
        with platform(SOON_S) as api:
            found = api.get("/status")
    except (NotRunning, Turned) as exc:
        _alone(exc, as_json)
        raise
    if as_json:
        print_json(found)
        return
    for each in found["troubles"]:
        _tell(each)
    print_facts(_facts(found))
    print_table(
        ("STAGE", "A SECOND", "WAITING", "BEHIND"),
        ((s["name"], f"{s['entries_per_s']:,.1f}", s["waiting"], duration(s["behind_s"])) for s in found["stages"]),
        empty="",
    )
    print_table(("STORE", "ANSWERS", ""), ((s["name"], s["healthy"], s["detail"]) for s in found["stores"]), empty="")


def _alone(exc: NotRunning | Turned, as_json: bool) -> None:
    """What can be said when nobody answers, or the database does not."""
    if isinstance(exc, Turned) and exc.slug != "journal-unavailable":
        return
    away = isinstance(exc, NotRunning) and not isinstance(exc, Silent)
    first = unreachable(str(exc)) if away else database_away(str(exc))
    told = [msgspec.to_builtins(each) for each in (first, *here(settings.read(), clock.now()))]
    if as_json:
        print_json({"healthy": False, "troubles": told})
        return
    for each in told:
        _tell(each)


def _tell(trouble: dict[str, Any]) -> None:
    say(f"! {trouble['name']}: {trouble['what']}")
    for name, title in (("safe", "safe"), ("itself", "mends itself"), ("do", "do")):
        if trouble[name]:
            say(f"    {title}: {trouble[name]}")


def waiting(found: dict[str, Any]) -> str:
    """What waits, and whether that mends itself."""
    said = f"{found['lag_entries']:,} batches acknowledged and not yet queryable"
    rates = {stage["name"]: stage["entries_per_s"] for stage in found["stages"]}
    if found["lag_entries"] < max(100.0, 5 * rates["journal"]):
        return said
    spare = rates["digest"] - rates["journal"]
    if rates["digest"] == 0:
        return f"{said}; nothing is lost, but nobody digests: eucora doctor says why"
    if spare <= 0:
        return f"{said}; nothing is lost: it mends itself once less comes in"
    return f"{said}; nothing is lost: through in about {duration(found['lag_entries'] / spare)}"


def _facts(found: dict[str, Any]) -> list[tuple[str, Any]]:
    window, disk = found["window"] or {}, found["disk"]
    return [
        ("platform", f"{found['version']}, {'something needs a look' if found['troubles'] else 'all is well'}"),
        ("installation", f"{found['installation']}, epoch {found['epoch']}"),
        ("devices", f"{found['devices']} enrolled, {found['reporting']} heard of in the last 15 min"),
        ("revoked", found["revoked"] or None),
        ("forks", found["forks"] or None),
        ("waiting", waiting(found)),
        ("dead letters", found["dead_letters"]),
        ("database", human(found["database_bytes"], "bytes")),
        ("disk", f"{human(disk['free_bytes'], 'bytes')} free of {human(disk['total_bytes'], 'bytes')}"),
        ("window", f"{window['number']}, opened {ago(window['opened_at'])}" if window else None),
        ("audit", f"signed up to event {found['audit_signed']}"),
    ]
