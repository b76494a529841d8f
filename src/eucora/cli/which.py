"""Which device is meant: an id, the beginning of one, a host name, or `self`."""

import re
import socket
import uuid
from typing import Annotated, Any, TypeAlias

import typer

from eucora.cli.platform import Platform, Turned

Device: TypeAlias = Annotated[
    str, typer.Argument(metavar="DEVICE", help="An id, the beginning of one, a whole host name, or self.")
]
_BEGINNING = re.compile(r"[0-9a-f]{4,8}(-[0-9a-f-]*)?", re.IGNORECASE)


def which(platform: Platform, text: str) -> str:
    """The device's id. Raises Turned when none or several are meant."""
    try:
        return str(uuid.UUID(text))
    except ValueError:
        pass
    found = _matching(platform, text)
    if len(found) == 1:
        return str(found[0]["device_id"])
    if not found:
        raise Turned(f"no device is called {text}: eucora devices lists them")
    ids = ", ".join(device["device_id"] for device in found[:5])
    raise Turned(f"{text} may be {ids}{' and more' if len(found) > 5 else ''}: type more of the id")


def _matching(platform: Platform, text: str) -> list[dict[str, Any]]:
    name = socket.gethostname() if text == "self" else text
    found: list[dict[str, Any]] = platform.get("/devices", q=f"host:{quoted(name)}", limit=6)["items"]
    if not found and _BEGINNING.fullmatch(text):
        found = platform.get("/devices", q=f"id:{text.lower()}", limit=6)["items"]
    return found


def quoted(text: str) -> str:
    """A value of the query language that may hold blanks."""
    return "'" + text.replace("'", "'\"'\"'") + "'"
