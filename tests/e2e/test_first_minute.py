"""What a newcomer does: start it, and ask it about their own machine."""

import platform as python_platform
import socket
import subprocess
from pathlib import Path
from typing import Any

import pytest
from tests.platform import Up

pytestmark = pytest.mark.timeout(180)


@pytest.fixture(scope="module")
def device(running: Up) -> dict[str, Any]:
    def first() -> Any:
        found = [d for d in running.json("devices") if d.get("os_name")]
        return found[0] if found else None

    found: dict[str, Any] = running.eventually(first)
    return found


def test_this_machine_is_there_with_its_own_facts(running: Up, device: dict[str, Any]) -> None:
    release = dict(
        line.strip().split("=", 1) for line in Path("/etc/os-release").read_text().splitlines() if "=" in line
    )
    assert release["NAME"].strip('"').split()[0] in device["os_name"]
    assert device["architecture"] in (python_platform.machine(), {"aarch64": "arm64"}.get(python_platform.machine()))
    shown = running.json("device", device["device_id"])
    assert shown["device_id"] == device["device_id"]


def test_it_is_found_by_its_whole_host_name_whatever_the_case(running: Up, device: dict[str, Any]) -> None:
    assert [d["device_id"] for d in running.json("devices", f"host:{socket.gethostname().upper()}")] == [
        device["device_id"]
    ]


def test_processor_and_memory_have_series(running: Up, device: dict[str, Any]) -> None:
    for path, most in (("cpu", 1.0), ("memory", 1.0)):
        points = running.eventually(
            lambda p=path: running.json("series", device["device_id"], p, "--since", "1h")["points"]
        )
        assert all(0 <= value <= most for _, value in points)


def test_the_packages_are_those_that_dpkg_counts(running: Up, device: dict[str, Any]) -> None:
    lines = subprocess.run(["dpkg", "-l"], capture_output=True, text=True, check=True).stdout.splitlines()
    installed = sum(1 for line in lines if line.startswith(("ii ", "hi ")))
    packages = running.eventually(lambda: running.json("software", device["device_id"]))
    assert len(packages) == installed


def test_a_second_start_says_so_in_one_sentence(running: Up) -> None:
    done = running.run("up", check=False)
    assert done.returncode == 1
    assert "already running as pid" in done.stderr


def test_no_name_of_this_machine_is_in_a_log_of_the_platform(running: Up, device: dict[str, Any]) -> None:
    running.eventually(lambda: running.json("software", device["device_id"]))
    name = socket.gethostname()
    if len(name) < 5:  # too short to be told from other words
        name = f'"{name}"'
    for log in (running.data_dir / "logs").glob("*.log"):
        assert name not in log.read_text(errors="replace"), log.name
