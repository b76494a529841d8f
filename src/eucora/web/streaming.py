"""Long answers as JSON lines: `Accept: application/x-ndjson`. Rows leave as they are found, and are never all in memory.

What goes wrong before the first row is an answer of its own; later, the last line is the problem document.
"""

from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing
from typing import Any, TypeAlias

import msgspec
import structlog
from litestar import Request
from litestar.response import Stream

from eucora.problems import Refused, TryLater, document

NDJSON = "application/x-ndjson"
Asking: TypeAlias = Request[Any, Any, Any]
Rows: TypeAlias = AsyncGenerator[list[Any]]

log = structlog.get_logger()


def wants_rows(request: Asking) -> bool:
    """Whether JSON lines are asked for."""
    return NDJSON in request.headers.get("accept", "")


async def streamed(rows: Rows) -> Any:
    """The answer, once its first rows are there. Raises what was raised until then."""
    first: list[Any] = await anext(rows, [])
    return Stream(_lines(first, rows), headers={"content-type": NDJSON})  # its media type would be the route's


async def _lines(first: list[Any], rows: Rows) -> AsyncIterator[bytes]:
    async with aclosing(rows):
        yield _encoded(first)
        try:
            async for more in rows:
                yield _encoded(more)
        except (Refused, TryLater) as exc:
            yield _encoded([exc.document])
        except Exception as exc:  # noqa: BLE001 - the last border: the answer has begun, and must not look whole
            log.error("stream_failed", fault=type(exc).__name__)
            yield _encoded([document("internal")])


def _encoded(rows: list[Any]) -> bytes:
    return b"".join(msgspec.json.encode(row) + b"\n" for row in rows)
