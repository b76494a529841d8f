"""The pictures of README.md and the guides, of a platform that runs `eucora demo`: `make pictures`.

Needs a platform of its own (EUCORA_DATA_DIR) with the demo fleet in it, and Chromium. The fleet is the same for the same
seed, so pictures change when pages do; times in them are of the day.
"""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

from playwright.sync_api import BrowserContext, sync_playwright

FOLDER = Path(__file__).parent / "pictures"
EUCORA = Path(sys.executable).parent / "eucora"


def told(*words: str) -> Any:
    """What a command prints as JSON."""
    asked = subprocess.run([EUCORA, *words, "--json"], check=True, capture_output=True)
    return json.loads(asked.stdout)


def crashing() -> str:
    """A simulated device whose display driver is the bad one: the one with the most crashes."""
    seen: dict[str, int] = {}
    for line in told("lines", "--kind", "crash", "--since", "6d", "--limit", "2000"):
        seen[line["device"]] = seen.get(line["device"], 0) + 1
    return max(seen, key=lambda device: (seen[device], device))


def scenes(device: str) -> dict[str, tuple[str, str, int]]:
    """Picture to (page, scheme, width)."""
    return {
        "fleet": ("/fleet?q=state:simulated", "light", 1280),
        "fleet-dark": ("/fleet?q=state:simulated", "dark", 1280),
        "device": (f"/devices/{device}?since=9d", "light", 1280),
        "device-dark": (f"/devices/{device}?since=9d", "dark", 1280),
        "search": ("/search?q=tunnel&since=4d", "light", 1280),
        "platform": ("/platform", "light", 1280),
    }


def signed_in(context: BrowserContext) -> str:
    """Through the one-time link; where the console is."""
    page = context.new_page()
    link = told("console")["url"]
    page.goto(link)
    page.click("text=Sign in")
    page.wait_for_url("**/fleet")
    page.close()
    return str(link).partition("/enter/")[0]


def main() -> None:
    """All of them, as PNG of few colours."""
    FOLDER.mkdir(exist_ok=True)
    device = crashing()
    with sync_playwright() as tool:
        browser = tool.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
        context = browser.new_context(ignore_https_errors=True)
        origin = signed_in(context)
        state = context.storage_state()
        for name, (path, scheme, width) in scenes(device).items():
            seen = browser.new_context(
                ignore_https_errors=True,
                storage_state=state,
                color_scheme=scheme,  # type: ignore[arg-type]
                viewport={"width": width, "height": 740},
            )
            page = seen.new_page()
            page.goto(origin + path, wait_until="networkidle")
            page.screenshot(path=FOLDER / f"{name}.png")
            seen.close()
            print(f"{name}.png {(FOLDER / f'{name}.png').stat().st_size // 1024} KiB")
        browser.close()


if __name__ == "__main__":
    os.environ.setdefault("EUCORA_LOG_LEVEL", "warning")
    main()
