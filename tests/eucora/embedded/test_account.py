import os
import pwd
from pathlib import Path

from eucora.embedded.account import Account, can_reach, give, myself, servers_account

STRANGER = Account(uid=54321, gid=54321)


def test_the_servers_never_run_as_root() -> None:
    account = servers_account()
    assert account.uid != 0
    assert pwd.getpwuid(account.uid)  # PostgreSQL asks for its name
    assert os.geteuid() == 0 or account == myself()


def test_a_closed_folder_anywhere_above_is_out_of_reach(folder: Path) -> None:
    (folder / "open" / "deep").mkdir(parents=True)
    assert can_reach(STRANGER, folder / "open" / "deep" / "file")
    folder.chmod(0o700)
    assert not can_reach(STRANGER, folder / "open" / "deep" / "file")
    assert can_reach(myself(), folder / "open" / "deep" / "file")


def test_a_group_is_let_through_where_others_are_not(folder: Path) -> None:
    folder.chmod(0o710)
    assert can_reach(Account(uid=54321, gid=folder.stat().st_gid), folder / "file")
    assert not can_reach(STRANGER, folder / "file")


def test_what_is_given_belongs_to_the_account_with_this_mode(folder: Path) -> None:
    file = folder / "file"
    file.touch()
    given = give(servers_account(), file, 0o600).stat()
    assert (given.st_uid, given.st_mode & 0o777) == (servers_account().uid, 0o600)
