"""The golden signals of this door: how long a request waited for its answer to begin, and how it ended."""

from litestar.types import ASGIApp, Message, Receive, Scope, Send

from eucora import clock
from eucora.observe.figures import HERE
from eucora.observe.golden import DOOR, outcome_of


def watched(app: ASGIApp) -> ASGIApp:
    """A middleware. To the first byte: pages that stay open for news take as long as people look."""

    async def through(scope: Scope, receive: Receive, send: Send) -> None:
        began = clock.monotonic()

        async def sent(message: Message) -> None:
            if message["type"] == "http.response.start":
                HERE.observe(DOOR, clock.monotonic() - began, "operators", outcome_of(message["status"]))
            await send(message)

        await app(scope, receive, sent)

    return through
