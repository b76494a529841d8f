"""A held stream is listed, and closed by who may: as a rewind, or as a clone whose identity is revoked."""

import copy
from datetime import UTC, datetime

from tests.eucora.line import Device, Line
from tests.eucora.operators.conftest import Plane
from tests.eucora.operators.console.test_console import Browser

from eucora_wire.payload import Payload


async def held(line: Line) -> Device:
    device = await line.enrol()
    clone = copy.copy(device)
    for each in (device, clone):
        await line.journal.append([each.batch([Payload(device_id=each.id, timestamp=datetime.now(UTC))])])
    return device


async def test_a_rewind_is_closed_and_recorded(plane: Plane, line: Line) -> None:
    device = await held(line)
    (found,) = await plane.get("/clones")
    assert (found["device"], found["stream"]) == (str(device.id), str(device.stream))
    told = {"was": "rewind", "purpose": "restored the virtual machine"}
    answer = await plane.ask("POST", f"/clones/{device.stream}/close", json=told)
    assert (answer.status_code, answer.json()["was"]) == (200, "rewind")
    assert await plane.get("/clones") == []
    (event,) = await plane.acts("clone.closed")
    assert (event["devices"], event["purpose"]) == ([str(device.id)], "restored the virtual machine")
    assert (await plane.get(f"/devices/{device.id}"))["state"] == "enrolled"
    again = await plane.ask("POST", f"/clones/{device.stream}/close", json=told)
    assert again.status_code == 404


async def test_of_a_clone_the_identity_is_revoked(plane: Plane, line: Line) -> None:
    device = await held(line)
    await plane.ask("POST", f"/clones/{device.stream}/close", json={"was": "clone"})
    assert (await plane.get(f"/devices/{device.id}"))["state"] == "revoked"
    assert [event["act"] for event in (await plane.acts())[:2]] == ["device.revoked", "clone.closed"]


async def test_one_click_on_the_device_s_page_closes_it(plane: Plane, line: Line) -> None:
    device = await held(line)
    browser = Browser(plane)
    await browser.sign_in(plane.token)
    page = await browser.look(f"/devices/{device.id}")
    assert "two machines may present this identity" in page
    form = {"csrf": await browser.csrf(), "stream": str(device.stream), "device": str(device.id)}
    assert (await browser.client.post("/clones", data={**form, "was": "x"})).status_code == 400
    done = await browser.client.post("/clones", data={**form, "was": "rewind"})
    assert (done.status_code, done.headers["location"]) == (303, f"/devices/{device.id}")
    assert "two machines" not in await browser.look(f"/devices/{device.id}")
    await browser.client.aclose()


async def test_who_may_not_revoke_may_not_close(plane: Plane, line: Line) -> None:
    device = await held(line)
    token = await plane.token_for("devices.read")
    answer = await plane.ask("POST", f"/clones/{device.stream}/close", token, json={"was": "rewind"})
    assert answer.status_code == 403
    assert len(await plane.get("/clones")) == 1
