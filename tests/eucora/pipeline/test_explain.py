"""One batch is explained from its seal to the last store, with times; nothing of what it says is shown."""

import uuid
from datetime import UTC, datetime, timedelta

import pytest
from tests.eucora.archive.test_compact import close
from tests.eucora.line import Line

from eucora.batch import Verdict
from eucora.pipeline.explain import Explained, explain
from eucora.problems import Refused
from eucora_wire.payload import Payload
from eucora_wire.sections.hardware import Hardware

NOW = datetime.now(UTC).replace(microsecond=0) - timedelta(minutes=1)


def step(found: Explained, name: str) -> tuple[bool, str]:
    return next((each.done, each.said) for each in found.steps if each.name == name)


async def test_a_batch_is_followed_from_its_seal_to_the_archive_and_to_whom_it_is_told(line: Line) -> None:
    device = await line.enrol()
    payloads = [
        Payload(device_id=device.id, timestamp=NOW - timedelta(minutes=n), hardware=Hardware(cpu=5.0)) for n in range(3)
    ]
    (appended,) = await line.append(device.batch(payloads))
    receipt = appended.receipt
    assert receipt is not None
    place = f"{receipt.shard}/{receipt.lane}/{receipt.position}"
    before = await explain(line.house, place)
    assert [each.name for each in before.steps] == ["sealed", "sent", "received", "digested", "archive"]
    assert step(before, "digested") == (
        False,
        f"3 items, of {NOW - timedelta(minutes=2):%Y-%m-%d %H:%M:%S} to {NOW:%H:%M:%S}, 0 refused",
    )
    assert not step(before, "archive")[0]
    await line.digest()
    await line.app.execute("INSERT INTO followers (follower) VALUES ('loki')")
    await line.app.execute(
        "INSERT INTO follower_cursors (follower, shard, lane) SELECT 'loki', shard, 0 FROM journal_shards"
    )
    after = await explain(line.house, f"{device.stream}:1")
    assert (after.place, after.device, after.sequence) == (place, device.id, 1)
    assert step(after, "digested")[0]
    times = {each.name: each.at for each in after.steps}
    assert times["digested"] is None or times["digested"] >= times["received"]  # type: ignore[operator]
    assert times["digested"] or not await line.app.fetchval("SELECT current_setting('track_commit_timestamp')::bool")
    assert "hot rows: 3 of metrics" in step(after, "archive")[1]
    assert step(after, "told to loki") == (False, "waits")
    await close(line)
    assert "window 1, waits to become files" in step(await explain(line.house, place), "archive")[1]


async def test_what_was_wrong_with_a_batch_is_told_and_an_erased_one_says_that_it_is(line: Line) -> None:
    device, person = await line.enrol(), uuid.uuid4()
    await line.append(
        device.batch([Payload(device_id=device.id, timestamp=NOW)], verdict=Verdict("too-large"), body=b"x"),
        device.batch([Payload(device_id=device.id, timestamp=NOW, hardware=Hardware(cpu=1.0))], subject=person),
    )
    await line.digest()
    wrong = await explain(line.house, f"{device.stream}:1")
    assert "found wrong: too-large" in step(wrong, "received")[1]
    assert "too-large at $, open" in step(wrong, "dead letter")[1]
    await line.keyring.destroy("subject", [person])
    assert step(await explain(line.house, f"{device.stream}:2"), "digested") == (True, "its key is destroyed")


@pytest.mark.parametrize(
    "batch", ["x", "1/2", "0/live/x", "no-uuid:1", f"{uuid.UUID(int=7)}:1", "0/live/99", "99999/live/1", "0/live/0"]
)
async def test_a_batch_that_there_is_not_is_refused(line: Line, batch: str) -> None:
    with pytest.raises(Refused):
        await explain(line.house, batch)
