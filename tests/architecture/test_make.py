"""The way in: the interpreter is found or its lack said in one sentence, and `make help` knows every target."""

import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


def python_that(folder: Path, name: str, version: str, has_venv: bool = True) -> None:
    """A stand-in interpreter: prints a version, and succeeds or fails at the two questions of the script."""
    major, minor = version.split(".")
    new_enough = (int(major), int(minor)) >= (3, 11)
    script = f"""#!/bin/sh
case "$2" in
    *print*) echo {version} ;;
    *version_info*) exit {0 if new_enough else 1} ;;
    *ensurepip*) exit {0 if has_venv else 1} ;;
esac
"""
    (folder / name).write_text(script)
    (folder / name).chmod(0o755)


def find(folder: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    # Only the tools that the script itself needs, so that the machine's own interpreters stay out of the test.
    for tool in ("basename",):
        if not (folder / tool).exists():
            (folder / tool).symlink_to(f"/usr/bin/{tool}")
    return subprocess.run(
        ["/bin/sh", ROOT / "scripts/find-python.sh"],
        env={"PATH": str(folder), **environment},
        capture_output=True,
        text=True,
    )


def test_the_systems_python_is_taken_when_it_fits(tmp_path: Path) -> None:
    python_that(tmp_path, "python3", "3.11")
    python_that(tmp_path, "python3.13", "3.13")
    assert find(tmp_path).stdout == "python3\n"


def test_a_newer_python_is_taken_when_the_systems_is_too_old(tmp_path: Path) -> None:
    python_that(tmp_path, "python3", "3.9")
    python_that(tmp_path, "python3.12", "3.12")
    assert find(tmp_path).stdout == "python3.12\n"


@pytest.mark.parametrize(
    ("pythons", "said"),
    [
        ({}, "none was found"),
        ({"python3": ("3.9", True)}, "python3 is 3.9"),
        ({"python3": ("3.11", False)}, "apt-get install python3-venv"),
        ({"python3": ("3.9", True), "python3.12": ("3.12", False)}, "apt-get install python3.12-venv"),
    ],
)
def test_what_is_missing_is_said_in_one_sentence_with_the_mend(
    tmp_path: Path, pythons: dict[str, tuple[str, bool]], said: str
) -> None:
    for name, (version, has_venv) in pythons.items():
        python_that(tmp_path, name, version, has_venv)
    found = find(tmp_path)
    assert found.returncode == 1
    assert found.stdout == ""
    assert said in found.stderr
    assert "install" in found.stderr
    assert found.stderr.count("\n") == 1


def test_help_prints_every_target() -> None:
    told = subprocess.run(["make", "help"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    targets = re.findall(r"(?m)^([a-z-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"))
    assert re.findall(r"(?m)^  ([a-z-]+) ", told) == targets
    assert {"up", "down", "test", "test-live", "lint", "fmt", "bench", "generate", "seed", "clean"} <= set(targets)
