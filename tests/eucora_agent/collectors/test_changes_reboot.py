"""Reboots and their reason."""

import uuid

import pytest

from eucora_agent.collectors import changes_reboot, utmp
from eucora_wire.clock import Boot

ROW = utmp.LAYOUTS[0]
MACHINE = {"proc/stat": "btime 1795491857\n", "proc/sys/kernel/osrelease": "6.1.0-30-amd64\n"}


def record(kind: int, user: bytes, at: int) -> bytes:
    return ROW.pack(kind, 0, b"~", b"~~", user, b"", 0, 0, 0, 1_795_000_000 + at, 0, b"")


BOOTED, DOWN, LEVEL = (2, b"reboot"), (1, b"shutdown"), (1, b"runlevel")


@pytest.mark.parametrize(
    ("story", "reason"),
    [
        ([BOOTED, LEVEL, DOWN, BOOTED], changes_reboot.CLEAN),
        ([BOOTED, LEVEL, DOWN, BOOTED, LEVEL], changes_reboot.CLEAN),
        ([BOOTED, LEVEL, BOOTED], changes_reboot.DIRTY),
        ([BOOTED], None),
        ([], None),
    ],
)
def test_a_reboot_says_whether_the_machine_was_shut_down_before(tree, asked, story, reason):
    root = tree({**MACHINE, "var/log/wtmp": b"".join(record(*each, at) for at, each in enumerate(story))})
    state = {"boot": str(uuid.uuid4()), "kernel": "6.1.0-29-amd64"}
    [change] = changes_reboot.read(asked(root, state=state)).changes
    assert (change.kind, change.before, change.after, change.reason) == (
        "reboot",
        "6.1.0-29-amd64",
        "6.1.0-30-amd64",
        reason,
    )


def test_within_one_boot_and_at_the_first_read_there_is_nothing_to_tell(tree, asked):
    root = tree(MACHINE)
    first = changes_reboot.read(asked(root))
    assert first.changes == changes_reboot.read(asked(root, state=first.state)).changes == ()
    assert changes_reboot.read(asked(root, state=first.state, boot=Boot(uuid.uuid4(), 1))).changes
