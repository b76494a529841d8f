"""The console in a real browser, on a real platform with this machine's agent: seen, read aloud, clicked, renewed."""

import json
import os
import shutil
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright
from tests.platform import Up

pytestmark = pytest.mark.timeout(240)
KIB_150 = 150 * 1024
WCAG = {"runOnly": {"type": "tag", "values": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]}}
SHOTS = os.environ.get("EUCORA_TEST_SHOTS")
"""A folder for pictures of every page, for people to look at."""


@pytest.fixture(scope="module")
def browser(running: Up) -> Iterator[Browser]:
    """Behind the platform: this tool keeps a loop running in its thread, in which no other may be started."""
    with sync_playwright() as tool:
        opened = tool.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
        yield opened
        opened.close()


@pytest.fixture(scope="module")
def device(running: Up) -> str:
    """This machine, once it has said what it is, how it does and what is installed."""

    def there() -> Any:
        found = [d["device_id"] for d in running.json("devices") if d.get("os_name")]
        return found[0] if found and running.json("series", found[0], "cpu")["points"] else None

    found: str = running.eventually(there)
    running.eventually(lambda: running.json("software", found))
    return found


@pytest.fixture(scope="module")
def origin(running: Up) -> str:
    return f"https://localhost:{running.environ['EUCORA_OPERATOR_PORT']}"


def link(running: Up) -> str:
    made: str = running.json("console")["url"]
    return made


@pytest.fixture(scope="module")
def state(running: Up, browser: Browser, device: str) -> Any:
    """A browser that is signed in."""
    context = browser.new_context(ignore_https_errors=True)
    page = context.new_page()
    page.goto(link(running))
    page.click("text=Sign in")
    page.wait_for_url("**/fleet")
    kept = context.storage_state()
    context.close()
    return kept


def opened(browser: Browser, state: Any, width: int = 1440, **more: Any) -> BrowserContext:
    return browser.new_context(
        ignore_https_errors=True, storage_state=state, viewport={"width": width, "height": 900}, **more
    )


def pages(device: str) -> dict[str, str]:
    of = f"/devices/{device}"
    return {
        "fleet": "/fleet",
        "nothing-found": "/fleet?q=model:nothing-like-it",
        "device": f"{of}?since=1h",
        "silent-span": f"{of}?since=20d&until=19d",
        "software": f"{of}/software",
        "lines": f"{of}/lines",
        "completeness": f"{of}/completeness",
        "search": "/search",
        "searched": "/search?q=install&kind=change&since=7d",
        "platform": "/platform",
        "doctor": "/platform/doctor",
        "batch": "/batches?batch=0/live/1",
        "dead-letters": "/dead-letters",
        "audit": "/audit",
        "no-such-page": "/devices/00000000-0000-4000-8000-000000000000",
    }


@pytest.mark.parametrize(("width", "scheme"), [(1440, "light"), (1440, "dark"), (768, "light"), (320, "dark")])
def test_every_page_can_be_read_by_everybody_at_every_width_and_is_light(
    browser: Browser, state: Any, origin: str, device: str, width: int, scheme: Any
) -> None:
    with opened(browser, state, width, color_scheme=scheme) as context:
        page = context.new_page()
        faults: list[str] = []
        page.on("pageerror", lambda error: faults.append(str(error)))
        page.on("console", lambda said: faults.append(said.text) if "Content Security Policy" in said.text else None)
        for name, path in pages(device).items():
            sizes: list[int] = []
            page.on("response", lambda answer, into=sizes: into.append(len(answer.body())))
            page.goto(origin + path)
            found = Axe().run(page, options=WCAG).response["violations"]
            assert [(each["id"], [n["html"] for n in each["nodes"]][:3]) for each in found] == [], name
            assert sum(sizes) <= KIB_150, (name, sizes)
            assert page.evaluate("document.documentElement.scrollWidth") <= width, name
            if SHOTS:
                page.screenshot(path=str(Path(SHOTS) / f"{name}-{width}-{scheme}.png"), full_page=True)
        assert faults == []


def test_a_link_signs_in_once_and_what_was_wanted_first_is_where_one_ends(
    running: Up, browser: Browser, origin: str, device: str
) -> None:
    made = link(running)
    with browser.new_context(ignore_https_errors=True) as context:
        page = context.new_page()
        page.goto(f"{origin}/audit?act=device.")
        assert "/sign-in?to=" in page.url
        token = json.loads((running.data_dir / "operator.json").read_text())["token"]
        page.fill("input[name=token]", token)
        page.click("text=Sign in")
        assert page.url == f"{origin}/audit?act=device."
        assert context.cookies()[0]["httpOnly"]
        page.click("summary")
        page.click("text=Sign out")
        page.goto(f"{origin}/fleet")
        assert "/sign-in" in page.url
        page.goto(made)
        page.click("text=Sign in")
        page.wait_for_url("**/fleet")
    with browser.new_context(ignore_https_errors=True) as context:
        page = context.new_page()
        page.goto(made)
        page.click("text=Sign in")
        assert "used already" in page.inner_text("main")


def test_without_a_script_every_page_is_whole(browser: Browser, state: Any, origin: str, device: str) -> None:
    with opened(browser, state, java_script_enabled=False) as context:
        page = context.new_page()
        page.goto(f"{origin}/fleet")
        assert page.inner_text("tbody tr th") == device[:8]
        page.click(f"a[href='/devices/{device}']")
        assert page.locator("svg.plot polyline, svg.plot circle").count() > 3
        page.click("text=Software")
        assert page.locator("tbody tr").count() > 50
        page.goto(f"{origin}/audit?act=device.enrolled")
        assert page.locator("tbody tr").count() == 1


def test_new_data_appears_without_reloading(browser: Browser, state: Any, origin: str) -> None:
    with opened(browser, state) as context:
        page = context.new_page()
        page.goto(f"{origin}/platform")
        page.evaluate("document.querySelector('#live > *').dataset.old = '1'")
        page.locator("#live [data-old]").wait_for(state="detached", timeout=20_000)
        context.set_offline(True)
        page.wait_for_selector("#stale", timeout=20_000)
        context.set_offline(False)
        page.wait_for_selector("#stale", state="detached", timeout=20_000)


def test_all_drawings_share_a_cursor_and_a_dragged_stretch_is_looked_at_closer(
    browser: Browser, state: Any, origin: str, device: str
) -> None:
    with opened(browser, state) as context:
        page = context.new_page()
        page.goto(f"{origin}/devices/{device}?since=1h")
        box = page.locator("svg.plot").first.bounding_box()
        assert box is not None
        page.mouse.move(box["x"] + box["width"] * 0.6, box["y"] + 30)
        seen = page.evaluate("[...document.querySelectorAll('.cursor')].map(c => c.style.visibility)")
        assert len(seen) > 5
        assert set(seen) == {"visible"}
        times = page.evaluate("[...document.querySelectorAll('.chart .at')].map(a => a.textContent.slice(0, 16))")
        assert len(set(times)) == 1
        page.mouse.down()
        page.mouse.move(box["x"] + box["width"] * 0.9, box["y"] + 30, steps=4)
        page.mouse.up()
        page.wait_for_url("**since=20*until=20*")


def test_names_are_masked_until_a_purpose_is_given_and_each_page_that_shows_one_is_recorded(
    running: Up, browser: Browser, state: Any, origin: str, device: str
) -> None:
    host = socket.gethostname()
    with opened(browser, state) as context:
        page = context.new_page()
        page.goto(f"{origin}/devices/{device}")
        assert host not in page.content()
        page.click("summary:has-text('admin')")
        page.fill("input[name=purpose]", "ticket 4711")
        page.click("button:has-text('Show names')")
        assert host in page.inner_text("main")
        events = running.json("audit", "list")
        read = [e for e in events if e["act"] == "device.read" and e["purpose"] == "ticket 4711"]
        assert [e["devices"] for e in read][:1] == [[device]]
        assert any(e["act"] == "personal.unmasked" for e in events)
        page.click("summary:has-text('admin')")
        page.click("text=Mask names again")
        assert host not in page.content()


def test_by_the_keyboard_alone_one_comes_to_the_content_and_to_a_device(
    browser: Browser, state: Any, origin: str, device: str
) -> None:
    with opened(browser, state) as context:
        page: Page = context.new_page()
        page.goto(f"{origin}/fleet")
        page.keyboard.press("Tab")
        assert page.evaluate("document.activeElement.className") == "skip"
        page.keyboard.press("Enter")
        for _ in range(30):
            page.keyboard.press("Tab")
            if page.evaluate("document.activeElement.getAttribute('href')") == f"/devices/{device}":
                break
        page.keyboard.press("Enter")
        page.wait_for_url(f"**/devices/{device}")


def test_the_list_is_a_file_with_the_columns_that_are_shown(
    browser: Browser, state: Any, origin: str, device: str
) -> None:
    with opened(browser, state) as context:
        page = context.new_page()
        page.goto(f"{origin}/fleet?col=state&col=system")
        with page.expect_download() as found:
            page.click("text=CSV")
        rows = Path(found.value.path()).read_text().splitlines()
        assert rows[0] == "device,state,system"
        assert rows[1].startswith(f"{device},reporting,")
