"""`eucora audit`: the trail listed, exported, and verified: the platform's own, or an export of it, offline."""

import sys
from base64 import b64decode
from binascii import Error as NotBase64
from itertools import islice
from pathlib import Path
from typing import Annotated, Any

import msgspec
import typer

from eucora.cli.platform import Platform, Turned, platform
from eucora.cli.show import AsJson, moment, print_array, print_json, print_table, say
from eucora.cli.which import which


def listed(
    act: Annotated[str, typer.Option(help="Beginning of an act: device. or sign-in")] = "",
    kind: Annotated[
        str, typer.Option("--class", help="system, access, administration, lifecycle, personal, refusal")
    ] = "",
    device: Annotated[str, typer.Option(help="Of one device.")] = "",
    since: Annotated[str, typer.Option(help="1h, 7d (ago), or a time in RFC 3339.")] = "",
    limit: Annotated[int, typer.Option(help="At most so many in a table; --json prints all.", min=1)] = 50,
    as_json: AsJson = False,
) -> None:
    """What was done: who, from where, what, which devices, for what purpose, with what outcome; newest first.

    Examples: eucora audit list · eucora audit list --class personal --since 30d --json
    """
    with platform() as api:
        chosen = which(api, device) if device else None
        found = api.pages("/audit/events", act=act, device=chosen, since=since, **{"class": kind})
        if as_json:
            print_array(found)
            return
        shown, names = list(islice(found, limit)), _names(api)
    print_table(
        ("#", "TIME", "WHO", "FROM", "ACT", "OUTCOME", "DEVICES", "PURPOSE"),
        ((e["position"], moment(e["at"]), names.get(e["actor"], e["actor"]), *_told(e)) for e in shown),
        empty="Nothing.",
    )


def _told(event: dict[str, Any]) -> tuple[Any, ...]:
    devices = event["devices"]
    which_ones = devices[0] if len(devices) == 1 else f"{len(devices)} devices" if devices else ""
    return event["origin"], event["act"], event["outcome"], which_ones, event["purpose"]


def _names(api: Platform) -> dict[str, str]:
    """Operators' names by id, for those who may know them."""
    try:
        return {o["operator_id"]: o["name"] for o in api.pages("/operators")}
    except Turned:
        return {}


def verify(
    file: Annotated[
        Path | None, typer.Option(exists=True, dir_okay=False, help="An export; else the platform's trail.")
    ] = None,
    key: Annotated[str, typer.Option(help="Public key in base64, for an export without the platform.")] = "",
    as_json: AsJson = False,
) -> None:
    """Is the trail whole? Every digest, every link, every signed head. Ends with 1 when it is not.

    Examples: eucora audit verify · eucora audit verify --file trail.jsonl --key "$(cat audit.pub)"
    """
    verdict = _verdict() if file is None else _of_export(file, key)
    if as_json:
        print_json(verdict)
    else:
        for fault in verdict["faults"]:
            say(f"event {fault['position']}: {fault['kind']}: {fault['detail']}")
        said = "The trail is whole" if verdict["whole"] else "The trail is NOT whole"
        say(f"{said}: {verdict['events']} events, {verdict['heads']} signed heads.")
    if not verdict["whole"]:
        raise typer.Exit(1)


def _verdict() -> Any:
    with platform() as api:
        return api.get("/audit/verify")


def _of_export(file: Path, key: str) -> Any:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

    from eucora.domains.audit.verify import verify_lines

    if not key:
        with platform() as api:
            key = api.get("/audit/key")["public_key"]
    try:
        public = Ed25519PublicKey.from_public_bytes(b64decode(key, validate=True))
    except (ValueError, NotBase64) as exc:
        raise Turned("the key is not 32 bytes in base64: GET /api/v1/audit/key has it") from exc
    with file.open("rb") as lines:
        return msgspec.to_builtins(verify_lines(lines, public))


def export(
    output: Annotated[Path | None, typer.Option("--output", "-o", help="A file; else standard output.")] = None,
) -> None:
    """The whole trail as JSON lines, with its signed heads.

    Example: eucora audit export -o trail.jsonl
    """
    with platform() as api:
        if output is None:
            for piece in api.stream("/audit/export"):
                sys.stdout.buffer.write(piece)
            return
        with output.open("wb") as file:
            for piece in api.stream("/audit/export"):
                file.write(piece)
    say(f"Written to {output}; eucora audit verify --file {output} checks it.")
