"""Who goes away is not answered: what was asked stops, down to the statement in the database. A middleware of every GET."""

import asyncio
from typing import Any

from litestar.enums import ScopeType
from litestar.types import ASGIApp, Message, Receive, Scope, Send


def until_gone(app: ASGIApp) -> ASGIApp:
    """The application, whose work is cancelled when the client is gone before the answer's end."""

    async def asked(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != ScopeType.HTTP or scope["method"] != "GET":
            await app(scope, receive, send)
            return
        over = asyncio.Event()

        async def sent(message: Message) -> None:
            await send(message)
            if message["type"] == "http.response.body" and not message.get("more_body"):
                over.set()

        answering = asyncio.ensure_future(app(scope, _nothing_then(over), sent))
        listening = asyncio.ensure_future(_gone(receive))
        try:
            await asyncio.wait((answering, listening), return_when=asyncio.FIRST_COMPLETED)
        finally:
            listening.cancel()
            if not answering.done():
                answering.cancel()
            # It ends when what it asked for has stopped; who is gone hears of no failure.
            (failure,) = await asyncio.gather(answering, return_exceptions=True)
        if failure is not None and not isinstance(failure, asyncio.CancelledError):
            raise failure

    return asked


async def _gone(receive: Receive) -> None:
    """Until the client is; a GET has no body that anybody would miss."""
    while (await receive())["type"] != "http.disconnect":
        pass


def _nothing_then(over: asyncio.Event) -> Receive:
    """An empty body; then, when the answer is out, the end."""
    messages: list[Any] = [{"type": "http.request", "body": b"", "more_body": False}]

    async def receive() -> Any:
        if messages:
            return messages.pop()
        await over.wait()
        return {"type": "http.disconnect"}

    return receive
