"""What PostgreSQL can't hold is refused at the door, so that no route meets it: a NUL character in any parameter."""

from typing import Any

from litestar.connection import ASGIConnection
from litestar.handlers.base import BaseRouteHandler

from eucora.problems import Refused


def readable(connection: ASGIConnection[Any, Any, Any, Any], _: BaseRouteHandler) -> None:
    """A guard of every route. Raises Refused (bad-request) that names the parameter; bodies are held by their types."""
    for name, value in connection.query_params.multi_items():
        if "\x00" in value:
            raise Refused("bad-request", f"{name} holds a NUL character" if name.isidentifier() else "")
