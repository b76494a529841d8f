"""A process that seals turn after turn and says each on stdout, to be killed."""

import asyncio
import os
from datetime import UTC, datetime, timedelta

from eucora.embedded.seaweedfs import DATA_BUCKET
from eucora.journal import seal as sealing
from eucora.stores.ports import S3Endpoint
from eucora.stores.postgres import open_pool
from eucora.stores.s3 import S3Objects

sealing.SEGMENT_ENTRIES, sealing.MOST_A_TURN = 3, 4


async def main() -> None:
    pool = await open_pool(os.environ["EUCORA_TEST_APP_URL"], name="sealer", most=1)
    url, access, secret = os.environ["EUCORA_TEST_S3"].split(" ")
    objects = S3Objects(S3Endpoint(url, access, secret), DATA_BUCKET)
    print("at work", flush=True)
    while True:
        done = await sealing.seal(pool, objects, datetime.now(UTC), timedelta(days=2))
        print(done.segments, len(done.dropped), flush=True)


if __name__ == "__main__":
    asyncio.run(main())
