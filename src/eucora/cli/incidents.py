"""`eucora incidents`."""

from typing import Annotated, Any

import typer

from eucora.cli.platform import platform
from eucora.cli.show import AsJson, moment, print_array, print_table
from eucora.cli.which import which
from eucora.domains.incidents.queries import MEANS


def incidents(
    device: Annotated[str | None, typer.Argument(help="Of this device; else of all.")] = None,
    closed: Annotated[bool, typer.Option("--closed", help="Also those that are over.")] = False,
    as_json: AsJson = False,
) -> None:
    """What is wrong with the delivery of telemetry: items that a device lost, that nobody accounts for, a cloned identity.

    They open and close by themselves, by what the ledger says.

    Examples: eucora incidents · eucora incidents self --closed
    """
    with platform() as api:
        whose = {} if device is None else {"device": which(api, device)}
        found = api.pages("/incidents", closed=str(closed).lower(), **whose)
        if as_json:
            print_array(found)
            return
        titles = ("NUMBER", "SEVERITY", "WHAT", "DEVICE", "SINCE", "UNTIL", "ITEMS")
        print_table(titles, map(_line, found), empty="None.")


def _line(each: dict[str, Any]) -> tuple[Any, ...]:
    what = f"{each['kind']}: {MEANS[each['kind']]}"
    until = moment(each["closed_at"]) if each["closed_at"] else ""
    return (
        each["number"],
        each["severity"],
        what,
        each["device"],
        moment(each["opened_at"]),
        until,
        _items(each["detail"]),
    )


def _items(detail: dict[str, Any]) -> str:
    if "items" not in detail:
        return ""
    why = f" ({', '.join(detail['reasons'])})" if "reasons" in detail else ""
    return f"{detail['items']:,}{why}"
