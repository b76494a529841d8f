"""What devices said, as the API tells it: found, streamed, recorded as read; and nothing of an erased person."""

import asyncio
import json
import uuid
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest
from tests.eucora.archive.test_asking import held_up, until
from tests.eucora.cli.conftest import Terminal, free_port, terminal
from tests.eucora.line import Device, Line
from tests.eucora.operators.conftest import Plane

from eucora.archive import lines as archived
from eucora.cli.platform import _trusting, operator
from eucora.problems import TryLater
from eucora.sealing import pseudonym
from eucora_wire.payload import Payload
from eucora_wire.sections.logs import Line as LogLine
from eucora_wire.sections.spans import Span

__all__ = ["free_port", "terminal"]

NOW = datetime.now(UTC).replace(microsecond=0) - timedelta(minutes=1)
TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"
NDJSON = {"accept": "application/x-ndjson"}


async def said(line: Line, count: int = 7, subject: uuid.UUID | None = None) -> Device:
    device = await line.enrol()
    logs = [
        LogLine(uuid.uuid4(), NOW - timedelta(seconds=n), "sshd", "user {who} came", "warning", {"who": f"anna{n}"})
        for n in range(count)
    ]
    spans = [Span(TRACE, f"{n + 1:016x}", "install", NOW, NOW + timedelta(seconds=n), None, "ok") for n in range(3)]
    told = Payload(device_id=device.id, timestamp=NOW, logs=tuple(logs), spans=tuple(spans))
    await line.append(device.batch([told], subject=subject))
    await line.digest()
    return device


async def rows(plane: Plane, path: str, **params: Any) -> list[dict[str, Any]]:
    answer = await plane.ask("GET", path, params=params, headers=NDJSON)
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"].startswith("application/x-ndjson")
    return [json.loads(each) for each in answer.text.splitlines()]


async def test_a_stream_is_all_pages(plane: Plane, line: Line) -> None:
    device = await said(line)
    for path in ("/telemetry/lines", f"/devices/{device.id}/lines", "/telemetry/traces"):
        pages: list[dict[str, Any]] = []
        after: dict[str, str] = {}
        while True:
            page = await plane.get(path, limit=2, **after)
            pages += page["items"]
            if page["next"] is None:
                break
            after = {"after": page["next"]}
        assert pages
        assert await rows(plane, path) == pages
    assert len(await plane.get(f"/telemetry/traces/{TRACE}")) == 3


@pytest.mark.parametrize(
    ("asked", "count"),
    [
        ({"text": "ANNA3"}, 1),
        ({"text": "user came"}, 7),
        ({"text": '"user came"'}, 0),
        ({"field": "who=anna2"}, 1),
        ({"field": ["who=anna2", "who=anna3"]}, 0),
        ({"severity": "error"}, 0),
        ({"severity": "info", "source": ["sshd", "cron"]}, 7),
        ({"kind": "crash"}, 0),
        ({"text": "%"}, 0),
        ({"text": "' OR 1=1 --"}, 0),
    ],
)
async def test_lines_are_found_by_what_they_say(plane: Plane, line: Line, asked: dict[str, Any], count: int) -> None:
    await said(line)
    assert len((await plane.get("/telemetry/lines", **asked))["items"]) == count


async def test_a_reading_is_recorded_and_not_what_was_looked_for(plane: Plane, line: Line) -> None:
    device = await said(line)
    await plane.get("/telemetry/lines", text="anna3", field="who=anna3", devices=str(device.id), purpose="INC-7")
    await rows(plane, "/telemetry/traces", attribute="who=anna3", name="anna")
    await plane.get(f"/telemetry/traces/{TRACE}")
    for what in ("lines", "changes", "crashes"):
        await plane.get(f"/devices/{device.id}/{what}")
    acts = await plane.acts("telemetry.")
    assert [act["act"] for act in reversed(acts)] == [
        "telemetry.lines.read",
        "telemetry.traces.read",
        "telemetry.trace.read",
        "telemetry.lines.read",
        "telemetry.changes.read",
        "telemetry.crashes.read",
    ]
    assert {act["class"] for act in acts} == {"personal"}
    assert "anna" not in json.dumps(acts)
    first = acts[-1]
    assert (first["purpose"], first["devices"]) == ("INC-7", [str(device.id)])
    assert first["detail"]["words"] == [pseudonym(plane.house.secrets.pseudonym, "looked-for", "Anna3").hex()]
    assert acts[-3]["detail"] == {"trace": TRACE}


async def test_a_token_for_samples_reads_no_content(plane: Plane, line: Line) -> None:
    device = await said(line)
    token = await plane.token_for("telemetry.read")
    for path in (f"/devices/{device.id}/lines", "/telemetry/lines", "/telemetry/traces", f"/telemetry/traces/{TRACE}"):
        assert (await plane.ask("GET", path, token)).status_code == 403
    assert (await plane.ask("GET", "/telemetry/query?metric=cpu", token)).status_code == 200
    unsaid = (await plane.ask("POST", "/tokens", json={"hours": 1})).json()["token"]
    assert (await plane.ask("GET", "/telemetry/lines", unsaid)).status_code == 403


async def test_an_erased_persons_lines_say_nothing_and_are_not_found_by_what_they_said(
    plane: Plane, line: Line
) -> None:
    subject, user = uuid.uuid4(), uuid.uuid4()
    await plane.house.pool.execute("INSERT INTO users (user_id, account_pseudonym) VALUES ($1, 'x')", user)
    await plane.house.pool.execute(
        "INSERT INTO subjects (subject, user_id, provisional) VALUES ($1, $2, false)", subject, user
    )
    await said(line, 3, subject)
    assert len((await plane.get("/telemetry/lines", text="anna1"))["items"]) == 1
    await plane.house.pool.execute("UPDATE users SET erased_at = now() WHERE user_id = $1", user)
    for found in ((await plane.get("/telemetry/lines"))["items"], await rows(plane, "/telemetry/lines")):
        assert [(row["text"], row["fields"], row["subject"]) for row in found] == [("", {}, None)] * 3
    for asked in ({"text": "anna1"}, {"text": "came"}, {"field": "who=anna1"}):
        assert await rows(plane, "/telemetry/lines", **asked) == []
        assert (await plane.get("/telemetry/lines", **asked))["items"] == []
    assert {json.dumps(span["attributes"]) for span in await plane.get(f"/telemetry/traces/{TRACE}")} == {"{}"}


async def test_what_goes_wrong_in_a_stream_is_its_last_line(
    plane: Plane, line: Line, monkeypatch: pytest.MonkeyPatch
) -> None:
    await said(line)
    real = archived.newest

    def breaks(*args: Any, **more: Any) -> Any:
        async def rows() -> Any:
            async for each in real(*args, **more):
                yield each
                raise TryLater("store-unavailable", "gone")

        return rows()

    monkeypatch.setattr(archived, "newest", breaks)
    *found, last = await rows(plane, "/telemetry/lines")
    assert len(found) == 7
    assert last["type"] == "urn:eucora:problem:store-unavailable"


@pytest.mark.parametrize(
    ("path", "asked"),
    [
        ("/telemetry/lines", {"field": "=x"}),
        ("/telemetry/lines", {"field": "a b=x"}),
        ("/telemetry/lines", {"field": "x"}),
        ("/telemetry/lines", {"text": "a b c d e f g h i j k"}),
        ("/telemetry/lines", {"severity": "bad"}),
        ("/telemetry/lines", {"kind": "metric"}),
        ("/telemetry/lines", {"after": "x"}),
        ("/telemetry/traces", {"attribute": "') OR 1=1 --=x"}),
        ("/telemetry/traces", {"least_s": "-1"}),
        ("/telemetry/traces/zz", {}),
    ],
)
async def test_what_can_not_be_asked_is_refused(plane: Plane, line: Line, path: str, asked: dict[str, Any]) -> None:
    await said(line)
    for headers in ({}, NDJSON):
        answer = await plane.ask("GET", path, params=asked, headers=headers)
        assert 400 <= answer.status_code < 500, answer.text
        assert answer.headers["content-type"] == "application/problem+json"


async def test_who_hangs_up_stops_the_statement(plane: Plane, line: Line, terminal: Terminal, database: Any) -> None:
    await said(line)
    found = operator()
    client = httpx.AsyncClient(
        base_url=f"{found.url}/api/v1",
        headers={"authorization": f"Bearer {found.token}"},
        verify=_trusting(found.ca),
        trust_env=False,
        timeout=30,
    )
    async with client, held_up(database) as seen:
        for path in ("/telemetry/lines", "/telemetry/query?metric=cpu", "/telemetry/traces"):
            asked = asyncio.create_task(client.get(path))
            await until(seen, 1)
            asked.cancel()
            await asyncio.wait([asked])
            await until(seen, 0)
