"""Changes of packages from dpkg's log, through rotation, and from an inventory's difference."""

import os
from datetime import UTC, datetime
from pathlib import Path

import pytest

from eucora_agent.collectors import changes_packages
from eucora_wire import delta
from eucora_wire.sections.software import Package

LOG = "var/log/dpkg.log"
OLD = "2020-01-01 10:00:00 install ancient:amd64 <none> 1\n"
DAY = """\
2026-11-24 10:00:00 startup archives unpack
2026-11-24 10:00:01 upgrade libsystemd0:amd64 252.36-1 252.38-1
2026-11-24 10:00:01 status half-configured libsystemd0:amd64 252.36-1
2026-11-24 10:00:02 install jq:amd64 <none> 1.6-2.1
2026-11-24 10:00:03 remove nano:amd64 7.2-1 <none>
2026-11-24 10:00:04 install linux-image-6.1.0-30-amd64:amd64 <none> 6.1.124-1
"""


def told(found):
    return [(c.kind, c.subject, c.before, c.after) for c in found.changes]


def test_actions_become_changes_and_a_first_read_leaves_old_history_alone(tree, asked):
    assert told(changes_packages.read(asked(tree({LOG: OLD + DAY})))) == [
        ("update", "libsystemd0", "252.36-1", "252.38-1"),
        ("install", "jq", None, "1.6-2.1"),
        ("remove", "nano", "7.2-1", None),
        ("driver", "linux-image-6.1.0-30-amd64", None, "6.1.124-1"),
    ]


@pytest.mark.parametrize(("zone", "hour"), [("Europe/Vienna", 9), ("America/New_York", 15)])
def test_times_are_of_the_machines_zone(tree, asked, zone, hour):
    root = tree({LOG: DAY, "etc/localtime": Path(f"/usr/share/zoneinfo/{zone}").read_bytes()})
    assert changes_packages.read(asked(root)).changes[1].time == datetime(2026, 11, 24, hour, 0, 2, tzinfo=UTC)


def test_each_change_is_told_once_through_growth_rotation_and_a_line_half_written(tree, asked):
    first, half, rest = (
        DAY[: DAY.index("2026-11-24 10:00:02")],
        "2026-11-24 10:00:02 install jq:am",
        "d64 <none> 1.6-2.1\n",
    )
    root = tree({LOG: first + half})
    one = changes_packages.read(asked(root))
    with (root / LOG).open("a") as log:
        log.write(rest)
    os.rename(root / LOG, root / f"{LOG}.1")
    tree({LOG: "2026-11-24 11:00:00 purge nano:amd64 7.2-1 <none>\n"})
    two = changes_packages.read(asked(root, state=one.state))
    three = changes_packages.read(asked(root, state=two.state))
    assert [[subject for _, subject, _, _ in told(each)] for each in (one, two, three)] == [
        ["libsystemd0"],
        ["jq", "nano"],
        [],
    ]


def test_a_great_upgrade_is_told_in_portions(tree, asked, monkeypatch):
    monkeypatch.setattr(changes_packages, "MOST", 3)
    root = tree({LOG: DAY})
    one = changes_packages.read(asked(root))
    two = changes_packages.read(asked(root, state=one.state))
    assert [len(one.changes), told(two)] == [3, [("driver", "linux-image-6.1.0-30-amd64", None, "6.1.124-1")]]


def test_a_machine_without_such_a_log_tells_by_the_difference_of_inventories(asked):
    old = delta.inventory(
        [Package("a", "1", source="rpm"), Package("b", "1", source="rpm"), Package("x", "1", source="dpkg")]
    )
    new = delta.inventory([Package("b", "2", source="rpm"), Package("c", "1", source="rpm")])
    found = changes_packages.of_delta(delta.difference(old, new), "rpm", asked().now)
    assert [(c.kind, c.subject, c.before, c.after) for c in found] == [
        ("install", "c", None, "1"),
        ("remove", "a", "1", None),
        ("update", "b", "1", "2"),
    ]
