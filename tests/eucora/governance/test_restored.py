"""A database that was put back: it is known for it, and nothing comes back that was done away with."""

import uuid
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace
from tests.eucora.governance.test_erasure import eraser, tell
from tests.eucora.line import Line

from eucora.governance import restored, witness
from eucora.governance.erasure import Eraser, erase
from eucora.governance.witness import Act, Seen, Witness
from eucora.problems import Misconfigured

__all__ = ["eraser"]

NOW = datetime.now(UTC)
HERE = uuid.uuid4()


async def acts_of(line: Line) -> list[str]:
    return [row["act"] for row in await line.app.fetch("SELECT act FROM audit_events ORDER BY position")]


async def test_a_platform_that_goes_on_begins_no_epoch(line: Line, eraser: Eraser, tmp_path: Path) -> None:
    device = await line.enrol()
    await tell(line, device, 2)
    seen = Witness(tmp_path)
    await seen.keep(line.app)
    await tell(line, device, 2)
    assert await restored.look(eraser, tmp_path, NOW) is None
    await seen.keep(line.app)
    assert await restored.look(eraser, tmp_path, NOW) is None
    assert witness.seen(tmp_path) == await witness.seen_in(line.app)


async def test_what_was_done_away_with_since_the_backup_is_done_away_with_again(
    line: Line, eraser: Eraser, tmp_path: Path
) -> None:
    gone, turned_away, stays = await line.enrol(), await line.enrol(), await line.enrol()
    stranger, key = uuid.uuid4(), uuid.uuid4()
    for device in (gone, turned_away, stays):
        await tell(line, device, 2)
    await Witness(tmp_path).keep(line.app)
    was = witness.seen(tmp_path)
    assert was is not None
    # As it went on after the backup.
    witness.write(tmp_path, replace(was, tips=tuple((shard, lane, end + 7) for shard, lane, end in was.tips)))
    done = [
        Act(NOW, "erase", gone.id, until=NOW + timedelta(days=1), whole=True),
        Act(NOW, "erase", stranger, until=NOW + timedelta(days=1), whole=True),
        Act(NOW, "revoke", turned_away.id),
        Act(NOW, "destroy", key, kind="subject"),
    ]
    witness._append(tmp_path / witness.ACTS, done)

    assert await restored.look(eraser, tmp_path, NOW) == 2
    left = await line.app.fetch("SELECT device_id, state FROM devices ORDER BY state")
    assert {row["device_id"]: row["state"] for row in left} == {turned_away.id: "revoked", stays.id: "enrolled"}
    assert await line.app.fetchval("SELECT count(*) FROM archive_masks WHERE device = $1", stranger) == 1
    assert await line.keyring.destroy("subject", [key]) == 0  # it was
    assert await line.app.fetchval("SELECT epoch FROM platform") == 2
    assert await line.app.fetchval("SELECT bool_and(restored) FROM stream_items")
    assert tuple(await line.app.fetchrow("SELECT epoch, replayed FROM restores")) == (2, 4)
    assert (await acts_of(line))[-4:] == ["device.erased", "device.erased", "device.revoked", "platform.restored"]
    assert await restored.look(eraser, tmp_path, NOW) is None


async def test_what_no_restore_may_undo_is_written_down_once(line: Line, eraser: Eraser, tmp_path: Path) -> None:
    gone, turned_away = await line.enrol(), await line.enrol()
    await tell(line, gone, 1)
    seen = Witness(tmp_path)
    await seen.keep(line.app)
    assert witness.acts(tmp_path) == []
    by = restored._again_of(Act(NOW, "erase", gone.id), "device.erased")
    await erase(eraser, gone.id, None, None, by, NOW)
    await restored._revoke(eraser, Act(NOW, "revoke", turned_away.id), NOW)
    for each in (seen, seen, Witness(tmp_path)):
        await each.keep(line.app)
    found = witness.acts(tmp_path)
    assert sorted((act.act, act.id) for act in found) == sorted(
        [("erase", gone.id), ("destroy", gone.id), ("revoke", turned_away.id)]
    )
    assert (tmp_path / witness.ACTS).read_bytes().count(b'"erase"') == 1


async def test_a_database_that_goes_back_under_a_running_platform_is_marked_and_not_taken_for_true(
    line: Line, eraser: Eraser, tmp_path: Path
) -> None:
    await tell(line, await line.enrol(), 2)
    seen = Witness(tmp_path)
    await seen.keep(line.app)
    was = witness.seen(tmp_path)
    await line.app.execute("UPDATE journal_shards SET live = 0")
    await seen.keep(line.app)
    assert witness.seen(tmp_path) == was
    await line.app.execute("UPDATE journal_shards SET live = 1000")  # it has caught up, and is another all the same
    assert await restored.look(eraser, tmp_path, NOW) == 2
    assert await restored.look(eraser, tmp_path, NOW) is None


async def test_the_folder_of_another_installation_is_refused(line: Line, eraser: Eraser, tmp_path: Path) -> None:
    witness.write(tmp_path, Seen(HERE, 1, ()))
    with pytest.raises(Misconfigured, match="EUCORA_WITNESS_DIR"):
        await restored.look(eraser, tmp_path, NOW)


TIPS = st.dictionaries(st.tuples(st.integers(0, 3), st.integers(0, 1)), st.integers(0, 5))


@given(st.integers(1, 3), TIPS, st.integers(1, 3), TIPS)
def test_only_a_database_that_lacks_something_counts_as_put_back(e1: int, t1: Any, e2: int, t2: Any) -> None:
    def seen(epoch: int, tips: Any) -> Seen:
        return Seen(HERE, epoch, tuple((*place, end) for place, end in tips.items()))

    behind = any(t1.get(place, 0) < end for place, end in t2.items())
    assert witness.is_set_back(seen(e1, t1), seen(e2, t2)) == (e1 < e2 or (e1 == e2 and behind))


def test_a_line_that_a_crash_tore_costs_no_other(tmp_path: Path) -> None:
    first, second = Act(NOW, "revoke", uuid.uuid4()), Act(NOW, "destroy", uuid.uuid4(), kind="device")
    witness._append(tmp_path / witness.ACTS, [first])
    with (tmp_path / witness.ACTS).open("ab") as file:
        file.write(b'{"at":"2026-')
    witness._append(tmp_path / witness.ACTS, [second, first])
    assert witness.acts(tmp_path) == [first, second]
