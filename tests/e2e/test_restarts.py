"""Whatever is killed, what was acknowledged is there, once."""

import os
import signal
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from bench.processes import below
from tests.platform import Up

pytestmark = pytest.mark.timeout(240)


def series(up: Up, device: str) -> list[Any]:
    points: list[Any] = up.json("series", device, "cpu", "--since", "1h")["points"]
    return points


def test_what_was_acknowledged_survives_a_kill_of_everything_at_once(up: Up) -> None:
    up.environ["EUCORA_AGENT_CADENCE_S"] = "0.5"
    up.start()
    device = up.eventually(lambda: [d["device_id"] for d in up.json("devices")])[0]
    before = up.eventually(lambda: (p := series(up, device)) and len(p) >= 4 and p)
    assert up.process is not None
    for pid in below(up.process.pid):
        with suppress(ProcessLookupError):  # a child of one that was killed is gone with it
            os.kill(pid, signal.SIGKILL)
    up.process.wait()
    left = set((up.data_dir / "scratch").glob("of-*"))
    assert left, "each role had a folder for what it writes for a moment"
    up.start()
    assert not left & set((up.data_dir / "scratch").glob("of-*")), "what devices said lies there still"
    after = up.eventually(lambda: (p := series(up, device)) and len(p) > len(before) and p)
    times = [t for t, _ in after]
    assert len(times) == len(set(times)), "a sample is there twice"
    assert {t for t, _ in before} <= set(times), "a sample that was there is gone"


def test_a_killed_parent_leaves_no_orphan(up: Up) -> None:
    up.start("--no-agent")
    assert up.process is not None
    family = set(below(up.process.pid))
    os.kill(up.process.pid, signal.SIGKILL)
    up.process.wait()
    deadline = time.monotonic() + 20
    while (
        left := [p for p in family if Path(f"/proc/{p}/cmdline").exists() and _alive(p)]
    ) and time.monotonic() < deadline:
        time.sleep(0.2)
    assert not left


def _alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def test_ctrl_c_stops_all_and_a_new_start_finds_the_device_again(up: Up) -> None:
    up.start()
    device = up.eventually(lambda: [d["device_id"] for d in up.json("devices")])
    family = set(below(up.process.pid)) if up.process else set()
    assert up.stop(signal.SIGINT) == 0
    assert not [p for p in family if _alive(p)]
    began = time.monotonic()
    up.start()
    assert [d["device_id"] for d in up.json("devices")] == device
    assert time.monotonic() - began < 30


def test_without_its_keys_a_platform_that_has_data_does_not_start_with_new_ones(up: Up) -> None:
    up.start("--no-agent")
    up.stop()
    key = up.data_dir / "secrets" / "wrapping.key"
    content = key.read_bytes()
    key.unlink()
    with pytest.raises(AssertionError, match="restore it from your backup"):
        up.start("--no-agent")
    assert not key.exists()
    key.write_bytes(content)
    key.chmod(0o600)
    up.start("--no-agent")
