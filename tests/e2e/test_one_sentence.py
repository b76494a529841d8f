"""What keeps the platform from starting is one sentence that says how to mend it, and leaves nothing running."""

import os
import re
import socket
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.platform import Up


def refused(up: Up) -> str:
    """What `eucora up` says when it does not come up: one line."""
    done = up.run("up", "--no-agent", check=False)
    assert done.returncode == 1, done.stderr
    said = done.stderr.strip()
    assert said.count("\n") == 0
    assert said.startswith("eucora up: ")
    assert "Traceback" not in said
    assert servers_below(up.data_dir) == []
    return said


def servers_below(folder: Path) -> list[str]:
    """Processes that run inside a folder, as every embedded server does."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            if os.readlink(process / "cwd").startswith(str(folder)):
                found.append((process / "cmdline").read_text())
        except OSError:
            continue
    return found


@pytest.mark.parametrize("name", ["EUCORA_DEVICE_PORT", "EUCORA_ENROLMENT_PORT", "EUCORA_OPERATOR_PORT"])
def test_a_port_that_another_program_holds(up: Up, name: str) -> None:
    with socket.create_server(("127.0.0.1", int(up.environ[name]))):
        said = refused(up)
    assert f"port {up.environ[name]} of 127.0.0.1 is taken" in said
    assert f"set {name}" in said
    assert not up.data_dir.exists()


def foreign_major(data: Path) -> None:
    (data / "postgres").mkdir(parents=True)
    (data / "postgres" / "PG_VERSION").write_text("15\n")


def damaged(data: Path) -> None:
    (data / "postgres").mkdir(parents=True)
    (data / "postgres" / "base").touch()


@pytest.mark.parametrize(
    ("harm", "told"),
    [
        (lambda data: data.touch(), r"can't be written .*set EUCORA_DATA_DIR"),
        (foreign_major, r"written by PostgreSQL 15, this is 18: .*pg_upgrade.*nothing was touched"),
        (damaged, r"is damaged \(no PG_VERSION\): restore it from your backup, or move it away"),
    ],
    ids=["a file", "another major", "damaged"],
)
def test_a_data_directory_that_can_not_be_used(up: Up, harm: Callable[[Path], None], told: str) -> None:
    up.environ = {name: value for name, value in up.environ.items() if "POSTGRES" not in name}
    harm(up.data_dir)
    assert re.search(told, refused(up))


def test_a_setting_that_is_wrong_or_unknown_names_every_fault(up: Up) -> None:
    up.environ |= {"EUCORA_DEVICE_PORT": "many", "EUCORA_SHARD": "8"}
    said = refused(up)
    assert "EUCORA_DEVICE_PORT" in said
    assert "EUCORA_SHARD is not a setting" in said


def test_a_store_beyond_loopback_without_tls(up: Up) -> None:
    up.environ["EUCORA_REDIS_URL"] = "redis://cache.example:6379/0"
    assert re.search(r"EUCORA_REDIS_URL.*rediss", refused(up))
