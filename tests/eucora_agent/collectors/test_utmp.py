"""utmp in both layouts."""

from datetime import UTC, datetime

import pytest

from eucora_agent.collectors import utmp


@pytest.mark.parametrize("layout", utmp.LAYOUTS, ids=["384", "400"])
def test_records_of_either_layout_are_read(tree, layout):
    row = layout.pack(7, 1234, b"tty2", b"2", b"mia", b"", 0, 0, 0, 1_795_500_000, 500_000, b"")
    found = utmp.records(tree({"run/utmp": row * 3}), "run/utmp")
    when = datetime.fromtimestamp(1_795_500_000.5, UTC)
    assert found == [utmp.Record(7, 1234, "tty2", "mia", "", when)] * 3


def test_layouts_are_as_long_as_glibc_has_them():
    assert [layout.size for layout in utmp.LAYOUTS] == [384, 400]


def test_what_is_no_utmp_is_nobody(tree):
    assert utmp.records(tree({"run/utmp": b"\xff" * 384}), "run/utmp") == []
