"""A process that appends without end and says each acknowledgement on stdout, to be killed: DEVICE STREAM on its argv."""

import asyncio
import os
import sys
import uuid

from tests.conformance.journal.device import Device
from tests.conformance.journal.place import SHARDS, WRAPPING

from eucora.journal.keys import Keyring
from eucora.journal.postgres import PostgresJournal
from eucora.problems import TryLater
from eucora.stores.postgres import open_pool

GROUP = 7


async def main(device: Device) -> None:
    app = await open_pool(os.environ["EUCORA_TEST_APP_URL"], name="writer", most=2)
    keys = await open_pool(os.environ["EUCORA_TEST_KEYS_URL"], name="writer", most=1)
    journal = PostgresJournal(app, Keyring(app, keys, WRAPPING), epoch=1, shards=SHARDS)
    while True:
        group = device.chain(GROUP)
        for appended in await deliver(journal, group):
            receipt = appended.receipt
            print(appended.outcome, receipt.lane, receipt.position, flush=True)


async def deliver(journal, group):
    """The same bytes until they are settled, as an agent does."""
    while True:
        try:
            return await journal.append(group)
        except TryLater:
            await asyncio.sleep(0.02)


if __name__ == "__main__":
    asyncio.run(main(Device(uuid.UUID(sys.argv[1]), uuid.UUID(sys.argv[2]))))
