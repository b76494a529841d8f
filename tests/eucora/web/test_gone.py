"""The work of who went away ends; everybody else hears the whole answer."""

import asyncio
from typing import Any

import pytest

from eucora.web.gone import until_gone


class Client:
    """One connection: what it sends, and what it heard."""

    def __init__(self, method: str = "GET") -> None:
        self.scope: Any = {"type": "http", "method": method}
        self.gone, self.heard = asyncio.Event(), list[str]()
        self._first = True

    async def receive(self) -> Any:
        if self._first:
            self._first = False
            return {"type": "http.request", "body": b"", "more_body": False}
        await self.gone.wait()
        return {"type": "http.disconnect"}

    async def send(self, message: Any) -> None:
        self.heard.append(message["type"])


async def test_what_was_asked_by_who_went_away_is_cancelled() -> None:
    begun, stopped, client = asyncio.Event(), asyncio.Event(), Client()

    async def slow(scope: Any, receive: Any, send: Any) -> None:
        begun.set()
        try:
            await asyncio.Event().wait()
        finally:
            stopped.set()

    asked = asyncio.create_task(until_gone(slow)(client.scope, client.receive, client.send))  # type: ignore[arg-type]
    await begun.wait()
    client.gone.set()
    await asyncio.wait_for(asked, 5)
    assert stopped.is_set()
    assert client.heard == []


async def test_an_answer_is_sent_whole_and_its_end_is_told_to_who_waits_for_it() -> None:
    client = Client()

    async def app(scope: Any, receive: Any, send: Any) -> None:
        assert (await receive())["type"] == "http.request"
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"", "more_body": True})
        await send({"type": "http.response.body", "body": b"", "more_body": False})
        assert (await receive())["type"] == "http.disconnect"

    await asyncio.wait_for(until_gone(app)(client.scope, client.receive, client.send), 5)  # type: ignore[arg-type]
    assert client.heard == ["http.response.start", "http.response.body", "http.response.body"]


@pytest.mark.parametrize("method", ["GET", "POST"])
async def test_a_failure_is_nobodys_secret(method: str) -> None:
    client = Client(method)

    async def fails(scope: Any, receive: Any, send: Any) -> None:
        raise KeyError(method)

    with pytest.raises(KeyError):
        await until_gone(fails)(client.scope, client.receive, client.send)  # type: ignore[arg-type]
