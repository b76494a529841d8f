"""Who is at a recorded device."""

from datetime import UTC, datetime

from eucora_agent.collectors import Person, session, utmp

LOGIND = """\
# This is private data. Do not parse.
UID={uid}
USER={user}
ACTIVE={active}
STATE={state}
REMOTE={remote}
TYPE=wayland
CLASS={kind}
{seat}REALTIME=1795500000000000
"""
DEFAULTS = {
    "uid": 1000,
    "user": "mia",
    "active": 1,
    "state": "active",
    "remote": 0,
    "kind": "user",
    "seat": "SEAT=seat0\n",
}
WHEN = datetime.fromtimestamp(1_795_500_000, UTC)


def logind(**sessions: dict[str, object]) -> dict[str, str]:
    return {f"run/systemd/sessions/{name}": LOGIND.format(**{**DEFAULTS, **told}) for name, told in sessions.items()}


def test_who_sits_at_the_device_comes_before_who_came_from_afar(tree, asked):
    remote = {"uid": 1001, "user": "ada", "remote": 1, "seat": ""}
    found = session.read(asked(tree(logind(**{"3": remote, "5": {}})))).people
    assert found == (Person("mia", "1000", WHEN, "5"), Person("ada", "1001", WHEN, "3", remote=True))


def test_greeters_services_and_closing_sessions_are_nobody(tree, asked):
    root = tree(logind(**{"1": {"kind": "greeter"}, "2": {"kind": "manager"}, "3": {"state": "closing"}}))
    assert session.read(asked(root)).people == ()


def test_without_logind_utmp_tells_and_the_dead_do_not_count(tree, asked):
    row = utmp.LAYOUTS[0]
    living = row.pack(7, 77, b"tty1", b"1", b"mia", b"", 0, 0, 0, 1_795_500_000, 0, b"")
    dead = row.pack(7, 78, b"pts/0", b"2", b"ada", b"10.0.0.1", 0, 0, 0, 1_795_500_000, 0, b"")
    root = tree({"run/utmp": living + dead, "proc/77/stat": "77", "etc/passwd": "mia:x:1000:1000::/home/mia:/bin/sh\n"})
    assert session.read(asked(root)).people == (Person("mia", "1000", WHEN, "tty1:77"),)
