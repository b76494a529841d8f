"""What was committed is announced, and nobody's listening is needed for it."""

import uuid

import msgspec
from tests.eucora.line import Silent

from eucora.pipeline.announce import CHANNEL, MOST_NAMED, Announcement, announce


async def test_devices_are_named_when_they_are_few() -> None:
    cache = Silent()
    few, many = {uuid.uuid4()}, {uuid.uuid4() for _ in range(MOST_NAMED + 1)}
    for devices in (few, many):
        await announce(cache, 5, 1, devices)
    told = [msgspec.json.decode(message, type=Announcement) for channel, message in cache.said if channel == CHANNEL]
    assert [(x.items, x.dead, set(x.devices)) for x in told] == [(5, 1, few), (5, 1, set())]
