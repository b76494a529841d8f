"""The cache on Redis or Valkey (7 and later), by plain commands. It answers in time, or the answer is that it did not.

After a failure it is not asked again for REST_S, so that a cache that is down costs a caller nothing.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import TypeVar

import redis.asyncio
from redis.asyncio.connection import BlockingConnectionPool
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import RedisError

from eucora.clock import monotonic
from eucora.stores.endpoints import require_tls_beyond_loopback
from eucora.stores.ports import CACHE_PATIENCE_S

CONNECTIONS = 4
REST_S = 1.0
LISTEN_S = 5.0

Answer = TypeVar("Answer")


class RedisCache:
    """The port Cache. Opening it connects to nothing yet, so a cache that is away delays no start."""

    def __init__(self, url: str) -> None:
        require_tls_beyond_loopback(url, "EUCORA_REDIS_URL")
        once = Retry(NoBackoff(), 0)
        # Few connections, each used in turn: opening many at once takes longer than anybody waits.
        self._asked = redis.asyncio.Redis.from_pool(
            BlockingConnectionPool.from_url(url, max_connections=CONNECTIONS, timeout=LISTEN_S, retry=once)
        )
        self._heard = redis.asyncio.Redis.from_url(url, retry=once, socket_connect_timeout=LISTEN_S)
        self._rests_until = 0.0

    async def count(self, key: str, window_s: float, by: int = 1) -> int | None:
        """Add to the count of the window that its first count opened; None when the cache does not answer."""
        both = self._asked.pipeline(transaction=True)
        both.incrby(key, by)
        both.pexpire(key, round(window_s * 1000), nx=True)
        answer = await self._ask(both.execute)
        return None if answer is None else int(answer[0])

    async def publish(self, channel: str, message: bytes) -> bool:
        """Send to whoever listens now; False when the cache does not answer."""
        return await self._ask(lambda: self._asked.publish(channel, message)) is not None

    async def subscribe(self, *channels: str) -> AsyncIterator[tuple[str, bytes]]:
        """Messages as they come, for ever; a lost connection is made again, and what came in between is lost."""
        while True:
            try:
                async with self._heard.pubsub(ignore_subscribe_messages=True) as listening:
                    await listening.subscribe(*channels)
                    while True:
                        message = await listening.get_message(timeout=LISTEN_S)
                        if message is not None:
                            yield message["channel"].decode(), message["data"]
            except (RedisError, OSError, TimeoutError):
                await asyncio.sleep(REST_S)

    async def close(self) -> None:
        """Let go of the connections."""
        await self._asked.aclose()
        await self._heard.aclose()

    async def _ask(self, question: Callable[[], Awaitable[Answer]]) -> Answer | None:
        if monotonic() < self._rests_until:
            return None
        try:
            async with asyncio.timeout(CACHE_PATIENCE_S):
                return await question()
        except (RedisError, OSError, TimeoutError):
            self._rests_until = monotonic() + REST_S
            return None
