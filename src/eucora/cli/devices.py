"""`eucora devices`, `eucora device`, `eucora revoke`."""

from typing import Annotated, Any

import typer

from eucora.cli.platform import Platform, platform
from eucora.cli.show import AsJson, ago, human, moment, print_array, print_facts, print_json, print_table, say
from eucora.cli.which import Device, which

Personal = Annotated[bool, typer.Option("--personal", help="Show host name and serial; recorded, needs --purpose.")]
Purpose = Annotated[str, typer.Option(help="Why personal data is shown, or a person is searched.")]

NONE = "No device. Make a token by eucora enrolment-tokens create, and enrol one by eucora-agent enrol."


def devices(
    query: Annotated[list[str] | None, typer.Argument(metavar="QUERY", help="Words, and field:value.")] = None,
    personal: Personal = False,
    purpose: Purpose = "",
    as_json: AsJson = False,
) -> None:
    """Find devices.

    Words of a query, all of which must hold: host: serial: user: take a whole value; model: os: package: state: site: id:
    take the beginning of one; a bare word may be a host name, serial, model, operating system or package.

    Examples: eucora devices · eucora devices os:debian package:openssl · eucora devices host:anna-laptop
    """
    with platform() as api:
        found = api.pages("/devices", q=" ".join(query or ()), personal=personal or None, purpose=purpose)
        if as_json:
            print_array(found)
            return
        print_table(
            ("DEVICE", *(("HOST", "SERIAL") if personal else ()), "STATE", "SYSTEM", "MODEL", "HEARD OF"),
            (_row(device, personal) for device in found),
            empty=NONE if not query else "No device fits.",
        )


def _row(device: dict[str, Any], personal: bool) -> tuple[Any, ...]:
    return (
        device["device_id"],
        *((device["hostname"], device["serial"]) if personal else ()),
        _state(device),
        _system(device["os_name"], device["os_version"]),
        _joined(device["manufacturer"], device["model"]),
        ago(device["last_contact"]),
    )


def _state(device: dict[str, Any]) -> str:
    return f"{device['standing']}, simulated" if device["simulated"] else str(device["standing"])


def _system(name: str | None, version: str | None) -> str:
    """Many systems have their version in their name."""
    return name if name and version in name.split() else _joined(name, version)


def _joined(*parts: str | None) -> str:
    return " ".join(part for part in parts if part)


def device(device: Device, personal: Personal = False, purpose: Purpose = "", as_json: AsJson = False) -> None:
    """One device: its facts and newest values.

    Examples: eucora device self · eucora device 0199a1 · eucora device anna-laptop --personal --purpose "ticket 17"
    """
    with platform() as api:
        found = api.get(f"/devices/{which(api, device)}", personal=personal or None, purpose=purpose)
    if as_json:
        print_json(found)
        return
    print_facts(_facts(found))
    print_table(
        ("METRIC", "", "VALUE", "TIME"),
        (
            (
                v["metric"],
                ", ".join(f"{n}={t}" for n, t in v["labels"]),
                human(v["value"], v["unit"]),
                moment(v["time"]),
            )
            for v in found["latest"]["values"]
        ),
        empty="No samples yet.",
    )


def _facts(found: dict[str, Any]) -> list[tuple[str, Any]]:
    return [
        ("device", found["device_id"]),
        ("state", _state(found)),
        ("host name", found["hostname"]),
        ("serial", found["serial"]),
        ("users", [user.get("account") or user["user_id"] for user in found["users"]]),
        ("system", _joined(_system(found["os_name"], found["os_version"]), found["os_build"])),
        ("model", _joined(found["manufacturer"], found["model"])),
        ("form", _joined(found["chassis"], found["virtual"])),
        ("processor", _joined(str(found["cpu_count"] or ""), found["cpu_model"], found["architecture"])),
        ("site", found["site"]),
        ("memory", human(found["memory_bytes"], "bytes")),
        ("firmware", found["firmware"]),
        ("encrypted", found["disk_encrypted"]),
        ("booted", moment(found["boot_time"])),
        ("enrolled", moment(found["enrolled_at"])),
        ("heard of", ago(found["last_contact"])),
        ("packages", found["packages"]),
        ("gaps", _gaps(found["streams"])),
        ("incidents", [_incident(each) for each in found["incidents"]]),
        ("drift", [_drift(each) for each in found["drift"]]),
    ]


def _incident(each: dict[str, Any]) -> str:
    until = f" until {moment(each['closed_at'])}" if each["closed_at"] else ""
    return f"{each['severity']} {each['kind']}, since {moment(each['opened_at'])}{until}"


def _drift(each: dict[str, Any]) -> str:
    if each["drifted_at"] is None:
        return f"{each['section']} fits again since {moment(each['healed_at'])}"
    asked = ", asked for whole" if each["resync"] else ""
    return f"{each['section']} is not as it told, since {moment(each['drifted_at'])}{asked}"


def _gaps(streams: list[dict[str, Any]]) -> str:
    missing = sum(last - first + 1 for stream in streams for first, last in stream["gaps"])
    return f"{missing} batches have not arrived" if missing else ""


def move(
    device: Device,
    site: Annotated[str, typer.Argument(help="Where it belongs from now on.")],
    purpose: Annotated[str, typer.Option(help="Why; it stands in the audit trail.")] = "",
    as_json: AsJson = False,
) -> None:
    """Say where a device belongs; where it belonged before is kept, so that what happened then is counted there.

    Example: eucora move 0199a1 Lyon
    """
    with platform() as api:
        found = which(api, device)
        moved = api.post(f"/devices/{found}/site", {"site": site, "purpose": purpose})
    if as_json:
        print_json(moved)
    else:
        say(f"{found} belongs to {site} from now on.")


def revoke(
    device: Device,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    reason: Annotated[str, typer.Option(help="Why; it stands in the audit trail.")] = "",
) -> None:
    """Turn a device away for good: nothing that it sends is taken from now on. Its data stays.

    To come back it must be enrolled again. Example: eucora revoke 0199a1 --reason "lost on a train"
    """
    with platform() as api:
        found = which(api, device)
        if not yes:
            typer.confirm(f"Revoke {found}?", abort=True)
        _revoke(api, found, reason)


def _revoke(api: Platform, found: str, reason: str) -> None:
    api.post(f"/devices/{found}/revoke", {"purpose": reason})
    say(f"{found} is revoked.")
