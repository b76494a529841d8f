"""rpm's answers, as recorded from rpm 4.18, and its database as the sign of change."""

import pytest

from eucora_agent.collectors import packages_rpm
from eucora_wire.sections.software import Package

DIGEST = "9f63caeca810773fa3a3c23db73d163ea231463fa1dd6d8481947d3a24ccd4e5"
RECORDED = f"""\
bind-libs\t32\t9.16.23-18.el9_4.1\tx86_64\t{DIGEST}
libstdc++\t(none)\t11.5.0~rc1-4.el9\tnoarch\tc223251da63b7625429cde07528379e2e2fab8f2f45bfc1bd316de235119f6d0
gpg-pubkey\t(none)\t8483c65d-5ccc5b19\t(none)\t(none)
old\t0\t1.0-1.el6\ti686\t(none)
"""


def test_epoch_digest_and_purl_come_as_rpm_has_them():
    found = list(packages_rpm.parse(RECORDED.splitlines(True), {"ID": "rocky", "VERSION_ID": "9.4"}))
    assert found[0] == Package(
        name="bind-libs",
        version="32:9.16.23-18.el9_4.1",
        signature=DIGEST,
        source="rpm",
        architecture="x86_64",
        purl="pkg:rpm/rocky/bind-libs@9.16.23-18.el9_4.1?arch=x86_64&distro=rocky-9.4&epoch=32",
    )
    assert [(p.name, p.version, p.signature is None) for p in found[1:]] == [
        ("libstdc++", "11.5.0~rc1-4.el9", False),
        ("old", "1.0-1.el6", True),
    ]


def test_rpm_is_asked_only_when_its_database_changed(tree, asked, tmp_path, monkeypatch):
    program = tmp_path / "rpm"
    program.write_text(f"#!/bin/sh\ncat <<'END'\n{RECORDED}END\n")
    program.chmod(0o755)
    monkeypatch.setattr(packages_rpm, "PROGRAMS", (str(program),))
    root = tree({"var/lib/rpm/rpmdb.sqlite": "x", "etc/os-release": "ID=rocky\n"})
    first = packages_rpm.read(asked(root))
    assert len(first.packages["rpm"]) == 3
    program.write_text("#!/bin/sh\nexit 1\n")
    assert packages_rpm.read(asked(root, state=first.state)).packages == {}


def test_half_an_answer_is_a_failure_and_not_an_inventory(tree, asked, tmp_path, monkeypatch):
    program = tmp_path / "rpm"
    program.write_text("#!/bin/sh\nexit 1\n")
    program.chmod(0o755)
    monkeypatch.setattr(packages_rpm, "PROGRAMS", (str(program),))
    with pytest.raises(packages_rpm.subprocess.CalledProcessError):
        packages_rpm.read(asked(tree({"usr/lib/sysimage/rpm/rpmdb.sqlite": "x"})))


def test_a_machine_without_an_rpm_database_has_no_rpm_inventory(asked, tmp_path):
    assert packages_rpm.read(asked(tmp_path)).packages == {}
