import os
import subprocess
import sys
from pathlib import Path

import pytest

from eucora.embedded.datadir import holder, open_data_dir
from eucora.embedded.problems import EmbeddedError


def test_a_directory_is_held_by_one_and_free_again_when_that_one_ends(folder: Path) -> None:
    code = "import sys, pathlib; from eucora.embedded.datadir import open_data_dir as o; "
    code += "o(pathlib.Path(sys.argv[1])); print('held', flush=True); sys.stdin.read()"
    with subprocess.Popen(
        [sys.executable, "-c", code, str(folder)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == b"held\n"
        assert holder(folder) == other.pid
        with pytest.raises(EmbeddedError, match=rf"already running as pid {other.pid} on .*; stop it with eucora down"):
            open_data_dir(folder)
        other.kill()
    assert holder(folder) is None
    open_data_dir(folder).close()


def test_nobody_holds_a_directory_that_is_not_there(folder: Path) -> None:
    assert holder(folder / "absent") is None


def test_a_directory_that_can_not_be_made_is_told_with_the_mend(folder: Path) -> None:
    (folder / "file").touch()
    with pytest.raises(EmbeddedError, match=r"can't be written \(Not a directory\): mend that, or set EUCORA_DATA_DIR"):
        open_data_dir(folder / "file" / "data")


def test_a_secret_is_made_once_and_is_its_owners_alone(folder: Path) -> None:
    data = open_data_dir(folder)
    made = data.secret("one")
    assert len(made) >= 40
    assert data.secret("one") == made
    assert data.secret("two") != made
    assert (folder / "secrets" / "one").stat().st_mode & 0o777 == 0o600
    assert (folder / "secrets").stat().st_mode & 0o777 == 0o700
    data.close()


def test_a_secret_that_data_needs_is_not_made_anew(folder: Path) -> None:
    data = open_data_dir(folder)
    with pytest.raises(EmbeddedError, match="restore it from your backup"):
        data.secret("gone", create=False)
    data.close()


def test_a_servers_folder_belongs_to_the_servers_account_alone(folder: Path) -> None:
    data = open_data_dir(folder)
    entry = data.servers_folder("postgres").stat()
    assert (entry.st_uid, entry.st_mode & 0o777) == (data.account.uid, 0o700)
    assert os.geteuid() != 0 or entry.st_uid != 0
    data.close()
