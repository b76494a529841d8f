"""A pipeline worker in a process of its own, for tests that kill or stop it: URLs and secrets from the environment."""

import asyncio
import dataclasses
import os
import signal
from pathlib import Path

from tests.eucora.line import close_line, open_line

from eucora.pipeline.worker import run


async def main() -> None:
    ended = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, ended.set)
    line = await open_line(os.environ["APP_URL"], os.environ["KEYS_URL"], Path(os.environ["SECRETS"]), name="digester")
    house = dataclasses.replace(line.house, lease_s=float(os.environ["LEASE_S"]))
    await run(house, ended)
    await close_line(line)


if __name__ == "__main__":
    asyncio.run(main())
