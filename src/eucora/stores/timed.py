"""Object store and cache with a watch: how long each question took and how it ended, told as figures. Ports as before."""

from collections.abc import AsyncIterator
from datetime import datetime

from eucora.clock import monotonic
from eucora.observe.figures import HERE
from eucora.observe.golden import STORE
from eucora.stores.ports import Cache, Objects, Stored


class TimedObjects:
    """The port Objects."""

    def __init__(self, objects: Objects) -> None:
        self._objects = objects

    async def put(
        self, key: str, body: bytes, *, if_absent: bool = False, locked_until: datetime | None = None
    ) -> Stored | None:
        """As the port says."""
        with HERE.timed(STORE, "s3"):
            return await self._objects.put(key, body, if_absent=if_absent, locked_until=locked_until)

    async def get(self, key: str, version: str | None = None) -> bytes | None:
        """As the port says."""
        with HERE.timed(STORE, "s3"):
            return await self._objects.get(key, version)

    async def lock(self, key: str, until: datetime, version: str | None = None) -> None:
        """As the port says."""
        with HERE.timed(STORE, "s3"):
            await self._objects.lock(key, until, version)

    def list(self, prefix: str) -> AsyncIterator[Stored]:
        """As the port says; a list is as long as it is, and not timed."""
        return self._objects.list(prefix)

    async def delete(self, key: str, version: str | None = None) -> None:
        """As the port says."""
        with HERE.timed(STORE, "s3"):
            await self._objects.delete(key, version)


class TimedCache:
    """The port Cache. One that does not answer says so, and does not raise: that is counted as failed."""

    def __init__(self, cache: Cache) -> None:
        self._cache = cache

    async def count(self, key: str, window_s: float, by: int = 1) -> int | None:
        """As the port says."""
        began = monotonic()
        answer = await self._cache.count(key, window_s, by)
        HERE.observe(STORE, monotonic() - began, "cache", "failed" if answer is None else "ok")
        return answer

    async def publish(self, channel: str, message: bytes) -> bool:
        """As the port says."""
        began = monotonic()
        done = await self._cache.publish(channel, message)
        HERE.observe(STORE, monotonic() - began, "cache", "ok" if done else "failed")
        return done

    def subscribe(self, *channels: str) -> AsyncIterator[tuple[str, bytes]]:
        """As the port says."""
        return self._cache.subscribe(*channels)

    async def close(self) -> None:
        """As the port says."""
        await self._cache.close()
