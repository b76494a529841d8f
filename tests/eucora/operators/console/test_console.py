"""The console for who is signed in, and nobody else: sessions end, forms are this session's own, names need a purpose."""

import re
import uuid
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

import httpx
import pytest
from tests.eucora.line import Line
from tests.eucora.operators.conftest import ORIGIN, Laptop, Plane, PlantDevice, plant_samples

from eucora.operators.console import sessions
from eucora.operators.console.door import COOKIE
from eucora.operators.console.enter import within
from eucora.operators.console.fleet import Cell, plain
from eucora.operators.sign_in import REFUSALS_A_MINUTE
from eucora.pipeline.explain import explain
from eucora_wire.payload import Payload
from eucora_wire.sections.changes import Change
from eucora_wire.sections.hardware import Hardware

PAGES = ("/fleet", "/platform", "/dead-letters", "/audit", "/fleet.csv")


class Browser:
    """A browser of one operator: it keeps its cookie, and follows where it is sent when asked to."""

    def __init__(self, plane: Plane, **headers: str) -> None:
        transport = httpx.ASGITransport(plane.app, client=ORIGIN)
        self.client = httpx.AsyncClient(transport=transport, base_url="https://localhost", headers=headers)

    async def look(self, path: str) -> str:
        answer = await self.client.get(path)
        assert answer.status_code == 200, (path, answer.status_code, answer.headers.get("location"), answer.text[:300])
        return answer.text

    async def sign_in(self, token: str, to: str = "/fleet") -> httpx.Response:
        return await self.client.post("/sign-in", data={"token": token, "to": to})

    async def csrf(self) -> str:
        found = re.search(r'name="csrf" value="([0-9a-f]{64})"', await self.look("/fleet"))
        assert found is not None
        return found[1]


@pytest.fixture
async def browser(plane: Plane) -> AsyncIterator[Browser]:
    opened = Browser(plane)
    answer = await opened.sign_in(plane.token)
    assert answer.status_code == 303
    yield opened
    await opened.client.aclose()


@pytest.fixture
async def laptop(plane: Plane, plant: PlantDevice) -> Laptop:
    made = await plant()
    await plant_samples(plane, made.device_id, [0.1, 0.2, 0.97])
    return made


async def test_who_is_not_signed_in_sees_the_sign_in_and_then_what_they_wanted(plane: Plane) -> None:
    browser = Browser(plane)
    for path in (*PAGES, f"/devices/{uuid.uuid4()}?since=1h"):
        answer = await browser.client.get(path)
        assert (answer.status_code, answer.headers["location"].partition("?")[0]) == (303, "/sign-in")
        assert "EUCORA" not in answer.text
    assert (await browser.sign_in(plane.token, "/audit?act=x")).headers["location"] == "/audit?act=x"
    assert "Audit trail" in await browser.look("/audit?act=x")


async def test_the_cookie_is_for_this_host_over_tls_alone_and_no_script_reads_it(plane: Plane) -> None:
    answer = await Browser(plane).sign_in(plane.token)
    said = answer.headers["set-cookie"]
    assert said.startswith(f"{COOKIE}=")
    assert {"HttpOnly", "Secure", "SameSite=strict", "Path=/"} <= {part.strip() for part in said.split(";")}
    assert "Domain" not in said


async def test_a_page_fetches_nothing_from_elsewhere_and_runs_no_script_of_its_own(
    browser: Browser, laptop: Laptop
) -> None:
    for path in (*PAGES[:-1], f"/devices/{laptop.device_id}"):
        answer = await browser.client.get(path)
        policy = answer.headers["content-security-policy"]
        assert "default-src 'none'" in policy
        assert "unsafe" not in policy
        assert re.findall(r'(?:src|href)="(?:https?:)?//', answer.text) == []
        assert re.findall(r"<script(?! src=)|\son\w+=|<style|\sstyle=", answer.text) == []
        assert answer.headers["cache-control"] == "no-store"


async def test_a_wrong_token_is_refused_in_words_recorded_and_after_many_tries_kept_waiting(plane: Plane) -> None:
    browser = Browser(plane)
    answer = await browser.sign_in("euc_" + "x" * 43)
    assert answer.status_code == 403
    assert "No operator has this token" in answer.text
    assert (await plane.acts("sign-in.refused"))[0]["outcome"] == "refused"
    for _ in range(2 * REFUSALS_A_MINUTE + 1):  # a minute may end in between, and they are counted anew
        answer = await browser.sign_in("euc_" + "x" * 43)
        if answer.status_code == 429:
            break
    assert answer.status_code == 429
    assert int(answer.headers["retry-after"]) > 0


async def test_a_link_works_once_and_only_by_its_button(plane: Plane) -> None:
    made = (await plane.ask("POST", "/console-links")).json()
    path = "/" + made["url"].split("/", 3)[3]
    browser = Browser(plane)
    for _ in range(3):  # whatever looks at links does not use them up
        assert "once" in await browser.look(path)
    secret = path.rpartition("/")[2]
    assert (await browser.client.post("/enter", data={"secret": secret})).headers["location"] == "/"
    await browser.look("/fleet")
    again = await Browser(plane).client.post("/enter", data={"secret": secret})
    assert again.status_code == 403
    assert "used already" in again.text
    assert [e["detail"]["by"] for e in await plane.acts("console.signed_in")] == ["link"]


async def test_a_link_ends_after_ten_minutes(plane: Plane) -> None:
    async with plane.house.pool.acquire() as tx, tx.transaction():
        token = await tx.fetchval("SELECT token_id FROM operator_tokens")
        old = await sessions.link(tx, token, datetime.now(UTC) - sessions.LINK_LIVES - timedelta(seconds=1))
    assert (await Browser(plane).client.post("/enter", data={"secret": old})).status_code == 403


@pytest.mark.parametrize(
    "ends",
    [
        "UPDATE console_sessions SET ended_at = now()",
        "UPDATE console_sessions SET expires_at = now()",
        "UPDATE console_sessions SET seen_at = now() - interval '61 minutes'",
        "UPDATE operator_tokens SET revoked_at = now()",
        "UPDATE operators SET disabled_at = now()",
    ],
)
async def test_a_session_ends_with_its_time_its_idleness_its_token_and_its_operator(
    plane: Plane, browser: Browser, ends: str
) -> None:
    await browser.look("/fleet")
    await plane.house.pool.execute(ends)
    assert (await browser.client.get("/fleet")).status_code == 303


async def test_a_session_that_is_used_goes_on(plane: Plane, browser: Browser) -> None:
    await plane.house.pool.execute("UPDATE console_sessions SET seen_at = now() - interval '50 minutes'")
    await browser.look("/fleet")
    assert await plane.house.pool.fetchval("SELECT seen_at > now() - interval '1 minute' FROM console_sessions")


async def test_signing_out_ends_the_session_and_not_only_its_cookie(plane: Plane, browser: Browser) -> None:
    kept = browser.client.cookies.get(COOKIE)
    csrf = await browser.csrf()
    assert (await browser.client.post("/sign-out", data={"csrf": csrf})).status_code == 303
    assert kept is not None
    thief = Browser(plane, cookie=f"{COOKIE}={kept}")
    assert (await thief.client.get("/fleet")).status_code == 303


FORMS = ("/sign-out", "/unmask", "/fleet/filters", "/dead-letters/replay")


@pytest.mark.parametrize("path", FORMS)
async def test_a_form_without_the_mark_of_the_session_or_of_another_site_does_nothing(
    plane: Plane, browser: Browser, path: str
) -> None:
    csrf = await browser.csrf()
    data = {"minutes": "10", "purpose": "x", "name": "x", "ids": str(uuid.uuid4())}
    for wrong in ({}, {"csrf": "0" * 64}):
        answer = await browser.client.post(path, data={**data, **wrong})
        assert answer.status_code == 403
        assert "text/html" in answer.headers["content-type"]
    elsewhere = {"sec-fetch-site": "cross-site"}
    answer = await browser.client.post(path, data={**data, "csrf": csrf}, headers=elsewhere)
    assert answer.status_code == 403
    await browser.look("/fleet")
    assert (
        await plane.house.pool.fetchval("SELECT count(*) FROM console_sessions WHERE unmasked_until IS NOT NULL") == 0
    )


async def test_the_api_takes_no_cookie_and_a_page_no_token(plane: Plane, browser: Browser) -> None:
    assert (await browser.client.get("/api/v1/devices")).status_code == 401
    answer = await Browser(plane).client.get("/fleet", headers={"authorization": f"Bearer {plane.token}"})
    assert answer.status_code == 303


async def test_a_page_needs_the_permission_that_it_declares_and_says_so(plane: Plane) -> None:
    browser = Browser(plane)
    await browser.sign_in(await plane.token_for("status.read", "devices.read"))
    await browser.look("/fleet")
    answer = await browser.client.get("/audit")
    assert answer.status_code == 403
    assert "audit.read is needed" in answer.text
    assert (await plane.acts("access.refused"))[0]["detail"]["permission"] == "audit.read"


async def test_the_fleet_shows_health_and_finds_as_the_api_does(browser: Browser, laptop: Laptop) -> None:
    page = await browser.look("/fleet")
    assert str(laptop.device_id) in page
    assert "97 %" in page
    assert str(laptop.device_id) in await browser.look("/fleet?q=model:thinkpad")
    assert "No device fulfils" in await browser.look("/fleet?q=model:macbook")
    assert "fields of a query are" in await browser.look("/fleet?q=nonsense:x")
    only = await browser.look("/fleet?col=model")
    assert 'scope="col">Model' in only
    assert 'scope="col">Memory' not in only


async def test_names_are_shown_for_a_purpose_and_a_while_and_each_showing_is_recorded(
    plane: Plane, browser: Browser, laptop: Laptop
) -> None:
    path, csrf = f"/devices/{laptop.device_id}", await browser.csrf()
    assert laptop.hostname not in await browser.look(path)
    refused = await browser.client.post("/unmask", data={"csrf": csrf, "minutes": "10", "purpose": " "})
    assert refused.status_code == 400
    asked = {"csrf": csrf, "minutes": "10", "purpose": "ticket 17", "to": path}
    assert (await browser.client.post("/unmask", data=asked)).headers["location"] == path
    assert laptop.hostname in await browser.look(path)
    (read, *_) = await plane.acts("device.read")
    assert (read["purpose"], read["devices"]) == ("ticket 17", [str(laptop.device_id)])
    await plane.house.pool.execute("UPDATE console_sessions SET unmasked_until = now()")
    assert laptop.hostname not in await browser.look(path)


async def test_who_may_not_see_names_can_not_unmask_them(plane: Plane, laptop: Laptop) -> None:
    browser = Browser(plane)
    await browser.sign_in(await plane.token_for("status.read", "devices.read"))
    csrf = await browser.csrf()
    answer = await browser.client.post("/unmask", data={"csrf": csrf, "minutes": "10", "purpose": "curious"})
    assert answer.status_code == 403
    assert laptop.hostname not in await browser.look(f"/devices/{laptop.device_id}")


async def test_a_page_that_renews_itself_reads_no_content_again(plane: Plane, browser: Browser, laptop: Laptop) -> None:
    path = f"/devices/{laptop.device_id}"
    await browser.look(path)
    before = len(await plane.acts("telemetry.changes.read"))
    assert before == 1
    assert (await browser.client.get(path, headers={"x-live": "1"})).status_code == 200
    assert len(await plane.acts("telemetry.changes.read")) == before


async def test_a_filter_is_kept_by_its_name_found_again_and_let_go(browser: Browser) -> None:
    csrf = await browser.csrf()
    kept = {"csrf": csrf, "name": "thinkpads", "query": "q=model%3Athinkpad"}
    await browser.client.post("/fleet/filters", data=kept)
    assert 'href="/fleet?q=model%3Athinkpad">thinkpads' in await browser.look("/fleet")
    await browser.client.post("/fleet/filters", data={**kept, "remove": "1"})
    assert "thinkpads" not in await browser.look("/fleet")


async def test_what_devices_say_is_text_on_a_page_and_no_formula_in_a_file(
    plane: Plane, browser: Browser, plant: PlantDevice
) -> None:
    await plant(hostname="x", model="<script>alert(1)</script>")
    await plant(hostname="y", model='=HYPERLINK("https://evil.example")')
    page = await browser.look("/fleet")
    assert "<script>alert" not in page
    assert "&lt;script&gt;alert(1)" in page
    rows = (await browser.look("/fleet.csv?col=model")).splitlines()
    assert not any(",=" in row or ',"=' in row for row in rows)


@pytest.mark.parametrize("text", ["=1", "+1", "-1", "@x", "\tx"])
def test_a_cell_that_a_spreadsheet_would_run_is_text(text: str) -> None:
    assert plain(Cell(text)) == f"'{text}"
    assert plain(Cell(None)) == "", "an empty cell is empty"


@pytest.mark.parametrize(
    "wanted",
    ["//evil.example", "https://evil.example", "/\\evil.example", "evil", "", "/x\r\nset-cookie: a", "javascript:x"],
)
def test_nobody_is_led_to_another_site(wanted: str) -> None:
    assert within(wanted) == "/"


async def test_which_devices_got_a_package_is_found_by_its_name_and_the_reading_is_recorded(
    plane: Plane, browser: Browser, line: Line
) -> None:
    now = datetime.now(UTC).replace(microsecond=0)
    got, other = await line.enrol(), await line.enrol()
    for device, package in ((got, "openssl"), (other, "vim")):
        change = Change(id=uuid.uuid4(), time=now, kind="install", subject=package, after="3.0")
        await line.append(device.batch([Payload(device_id=device.id, timestamp=now, changes=(change,))]))
    await line.digest()
    assert "Say what to look for" in await browser.look("/search")
    assert await plane.acts("telemetry.lines.read") == []
    page = await browser.look("/search?q=openssl&kind=change&since=7d")
    assert f"/devices/{got.id}" in page
    assert str(other.id) not in page
    (event,) = await plane.acts("telemetry.lines.read")
    assert "openssl" not in str(event)
    assert "RFC 3339" in await browser.look("/search?q=x&since=tuesday")


async def test_silent_and_reporting_devices_are_found_by_their_state(
    browser: Browser, laptop: Laptop, line: Line
) -> None:
    device = await line.enrol()
    await line.append(device.batch([Payload(device_id=device.id, timestamp=datetime.now(UTC))]))
    reporting, silent = await browser.look("/fleet?q=state:reporting"), await browser.look("/fleet?q=state:silent")
    assert (str(device.id) in reporting, str(laptop.device_id) in reporting) == (True, False)
    assert (str(device.id) in silent, str(laptop.device_id) in silent) == (False, True)


async def test_one_batch_is_followed_from_its_device_to_the_archive(plane: Plane, line: Line) -> None:
    plane.reassemble(explain=partial(explain, line.house))
    browser = Browser(plane)
    await browser.sign_in(plane.token)
    device = await line.enrol()
    payload = Payload(device_id=device.id, timestamp=datetime.now(UTC), hardware=Hardware(cpu=5.0))
    await line.append(device.batch([payload]))
    await line.digest()
    of = f"/batches?batch={device.stream}:1"
    assert of in await browser.look(f"/devices/{device.id}")
    page = await browser.look(of)
    for word in ("sealed", "received", "digested", "archive", 'class="way"', f"/devices/{device.id}"):
        assert word in page
    assert 'class="way"' not in await browser.look("/batches")
    assert "a batch is STREAM:SEQUENCE" in await browser.look("/batches?batch=nonsense")
    await browser.client.aclose()


async def test_when_the_database_is_away_a_page_says_what_is_safe(plane: Plane, browser: Browser) -> None:
    await plane.house.pool.close()
    answer = await browser.client.get("/fleet")
    assert answer.status_code == 503
    assert "The database does not answer" in answer.text
    assert "agents keep their data" in answer.text


async def test_faults_are_pages_with_the_way_on(browser: Browser) -> None:
    for path, status in ((f"/devices/{uuid.uuid4()}", 404), ("/nothing-here", 404), ("/fleet?after=x", 200)):
        answer = await browser.client.get(path, headers={"accept": "text/html,*/*"})
        assert answer.status_code == status, path
        assert "text/html" in answer.headers["content-type"], path


async def test_a_device_that_is_silent_or_revoked_is_said_to_be(plane: Plane, browser: Browser, laptop: Laptop) -> None:
    assert "never heard of" in await browser.look(f"/devices/{laptop.device_id}")
    await plane.ask("POST", f"/devices/{laptop.device_id}/revoke", json={})
    assert "Revoked" in await browser.look(f"/devices/{laptop.device_id}")


async def test_a_device_that_is_not_held_as_it_told_is_said_to_be_and_that_it_was_mended(
    plane: Plane, browser: Browser, laptop: Laptop
) -> None:
    path = f"/devices/{laptop.device_id}"
    assert "not what it told" not in await browser.look(path)
    await plane.house.pool.execute(
        "INSERT INTO state_told (device, section, digest, whole, order_stream, order_item, event_time, received_at,"
        " drifted_at, resync) VALUES ($1, 'device', '', false, 1, 1, now(), now(), now(), true)",
        laptop.device_id,
    )
    page = await browser.look(path)
    assert "What is held of its facts is not what it told" in page
    assert "It is asked for all of it" in page
    await plane.house.pool.execute("UPDATE state_told SET drifted_at = NULL, healed_at = now(), resync = false")
    assert "it fits again since" in await browser.look(path)


async def test_the_platform_page_names_a_store_that_is_away(plane: Plane, browser: Browser) -> None:
    class Away:
        async def count(self, *_: Any) -> None:
            return None

    plane.reassemble(cache=Away())
    other = Browser(plane, cookie=f"{COOKIE}={browser.client.cookies.get(COOKIE)}")
    page = await other.look("/platform")
    assert "cache, answers: does not answer" in page
    assert "Limits are each process" in page
    assert "Runbook: cache-away" in page
