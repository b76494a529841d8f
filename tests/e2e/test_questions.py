"""Ten questions of an endpoint engineer, answered in the console by clicks alone, on the simulated fleet and its story."""

import re
import shutil
import time
from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Page, sync_playwright
from tests.platform import Up

pytestmark = pytest.mark.timeout(240)
WITHIN_S = 60.0


@pytest.fixture(scope="module")
def told(running: Up) -> dict[str, Any]:
    found: dict[str, Any] = running.json("demo", "--devices", "24", "--once")
    return found


@pytest.fixture(scope="module")
def console(running: Up, told: dict[str, Any]) -> Iterator[Page]:
    with sync_playwright() as tool:
        browser = tool.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
        page = browser.new_context(ignore_https_errors=True, viewport={"width": 1440, "height": 900}).new_page()
        page.goto(running.json("console")["url"])
        page.click("text=Sign in")
        page.wait_for_url("**/fleet")
        yield page
        browser.close()


@pytest.fixture
def page(console: Page) -> Iterator[Page]:
    """At the fleet, as after signing in; the answer is there within a minute."""
    console.click("nav >> text=Fleet")
    began = time.monotonic()
    yield console
    assert time.monotonic() - began < WITHIN_S


def find(page: Page, words: str) -> None:
    page.fill("input[name=q]", words)
    page.click("button.main")
    page.wait_for_load_state()


def search(page: Page, words: str, kind: str, since: str) -> None:
    page.click("nav >> text=Search")
    page.select_option("select[name=kind]", kind)
    page.fill("input[name=since]", since)
    find(page, words)


def rows(page: Page) -> list[str]:
    return page.locator("main tbody tr").all_inner_texts()


def test_which_devices_got_this_package_since_some_days_ago(page: Page) -> None:
    search(page, "Browser", "change", "6d")
    assert len(rows(page)) >= 20
    assert all("142.0.1" in row for row in rows(page))


def test_what_happened_on_this_laptop_before_it_crashed(page: Page) -> None:
    search(page, "nwgfx64.dll", "crash", "6d")
    page.locator("main tbody tr a.id").first.click()
    page.wait_for_load_state()
    page.click("text=a week")
    page.wait_for_url("**since=7d")
    page.click("summary:has-text('As a list')")
    said = page.locator("details ol li").all_inner_texts()
    first_crash = max(n for n, line in enumerate(said) if "crashed" in line)
    assert any("nwgfx" in line for line in said[first_crash + 1 :]), said


def test_is_the_new_driver_the_cause(page: Page) -> None:
    search(page, "nwgfx64.dll", "crash", "9d")
    assert page.locator("li:has-text('model Northwind Book 14')").count() == 1
    assert "What stands out among them" in page.inner_text("main")


def test_which_devices_have_that_driver(page: Page) -> None:
    find(page, "package:nwgfx")
    found = rows(page)
    assert found
    assert all("Northwind Book 14" in row for row in found)


def test_which_site_loses_its_tunnel(page: Page) -> None:
    search(page, "tunnel", "log", "5d")
    assert page.locator("li:has-text('site Demo Lyon')").count() == 1


def test_which_devices_are_silent_and_since_when(page: Page) -> None:
    page.click(".figures >> text=silent")
    page.wait_for_load_state()
    assert "state:silent" in page.input_value("input[name=q]")
    assert "Heard of" in page.inner_text("main") or "No device fulfils" in page.inner_text("main")


def test_what_was_told_late_by_the_laptop_that_was_away(page: Page, told: dict[str, Any]) -> None:
    find(page, f"id:{told['parts']['away'][:8]}")
    page.locator("main tbody tr a.id").first.click()
    page.click("text=30 days")
    page.wait_for_url("**since=30d")
    assert page.locator("svg.time rect.s-late").count() >= 10


def test_who_was_at_the_hot_desk_is_shown_for_a_purpose_and_recorded(page: Page, told: dict[str, Any]) -> None:
    find(page, f"id:{told['parts']['hot_desk'][:8]}")
    page.locator("main tbody tr a.id").first.click()
    page.wait_for_load_state()
    assert "demo.guest" not in page.content()
    page.click("summary:has-text('admin')")
    page.fill("input[name=purpose]", "ticket 4711")
    page.locator("form:has(input[name=purpose]) button").click()
    page.wait_for_load_state()
    assert re.search(r"demo\.guest\d", page.content())
    page.click("nav >> text=Audit")
    assert "ticket 4711" in page.inner_text("main")


def test_which_lines_a_program_wrote_on_one_device(page: Page) -> None:
    search(page, "tunnel", "log", "5d")
    page.locator("main tbody tr a.id").first.click()
    page.click(".tabs >> text=Lines")
    page.wait_for_load_state()
    page.fill("input[name=q]", "tunnel")
    page.select_option("select[name=since]", label="a week")
    page.click("main button.main")
    page.wait_for_url("**q=tunnel**")
    assert rows(page)
    assert all("tunnel" in row for row in rows(page))


def test_is_anything_lost_or_late_in_the_platform_itself(page: Page) -> None:
    page.click("nav >> text=Platform")
    page.wait_for_load_state()
    said = page.inner_text("main")
    assert "All is well" in said or "What is safe" in said
    assert re.search(r"0\s*dead letters", said)
