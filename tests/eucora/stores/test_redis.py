import asyncio
import os
import signal
import time
import uuid
from collections.abc import AsyncIterator, Iterator
from contextlib import aclosing
from pathlib import Path

import pytest

from eucora.embedded.start import Embedded, start_embedded
from eucora.problems import Misconfigured
from eucora.stores import redis as adapter
from eucora.stores.ports import CACHE_PATIENCE_S
from eucora.stores.redis import RedisCache

LOOP_LAG_S = 0.05  # what a busy machine may add


@pytest.fixture
async def cache(servers) -> AsyncIterator[RedisCache]:
    cache = RedisCache(servers.redis_url)
    yield cache
    await cache.close()


@pytest.fixture
def valkey(tmp_path: Path) -> Iterator[Embedded]:
    """A server of this test's own, to be harmed."""
    running = start_embedded(tmp_path, frozenset({"valkey"}), lambda name, what: None)
    yield running
    running.stop()


@pytest.fixture
def key() -> str:
    return f"test:{uuid.uuid4().hex}"


async def test_counts_add_up_until_their_window_ends(cache: RedisCache, key: str) -> None:
    assert [await cache.count(key, 0.3), await cache.count(key, 0.3, by=4), await cache.count(key, 0.3)] == [1, 5, 6]
    await asyncio.sleep(0.35)
    assert await cache.count(key, 0.3) == 1


async def test_many_counts_at_once_lose_none(cache: RedisCache, key: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(adapter, "CACHE_PATIENCE_S", 10.0)  # a busy machine takes longer than a request may wait
    counts = await asyncio.gather(*(cache.count(key, 60) for _ in range(50)))
    assert sorted(count or 0 for count in counts) == list(range(1, 51))


async def test_a_message_reaches_who_listens(cache: RedisCache, key: str) -> None:
    async with aclosing(cache.subscribe(key)) as messages:
        heard = asyncio.ensure_future(anext(messages))
        while not heard.done():
            assert await cache.publish(key, b"\x00news")
            await asyncio.sleep(0.01)
        assert await heard == (key, b"\x00news")


async def test_a_cache_that_was_never_there_answers_in_time_and_fails_nobody(key: str) -> None:
    cache = RedisCache("redis://127.0.0.1:1/0")
    began = time.monotonic()
    assert await cache.count(key, 60) is None
    assert await cache.publish(key, b"news") is False
    assert time.monotonic() - began < CACHE_PATIENCE_S + LOOP_LAG_S
    await cache.close()


async def test_a_cache_that_hangs_costs_one_wait_and_then_nothing(valkey: Embedded, key: str) -> None:
    cache = RedisCache(valkey.redis_url)
    assert await cache.count(key, 60) == 1
    pid = valkey.servers["valkey"].pid
    assert pid is not None
    os.kill(pid, signal.SIGSTOP)
    try:
        began = time.monotonic()
        assert await cache.count(key, 60) is None
        assert time.monotonic() - began < CACHE_PATIENCE_S + LOOP_LAG_S
        began = time.monotonic()
        assert [await cache.count(key, 60) for _ in range(1000)] == [None] * 1000
        assert time.monotonic() - began < CACHE_PATIENCE_S
    finally:
        os.kill(pid, signal.SIGCONT)
    await cache.close()


async def test_a_cache_that_was_killed_is_used_again_when_it_is_back(
    valkey: Embedded, key: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(adapter, "REST_S", 0.05)
    cache = RedisCache(valkey.redis_url)
    async with aclosing(cache.subscribe(key)) as messages:
        heard = asyncio.ensure_future(anext(messages))
        assert await cache.count(key, 60) == 1
        pid = valkey.servers["valkey"].pid
        assert pid is not None
        os.kill(pid, signal.SIGKILL)
        until = time.monotonic() + 10
        while not heard.done() and time.monotonic() < until:
            await cache.publish(key, b"back")
            await asyncio.sleep(0.02)
        assert await heard == (key, b"back")
    assert await cache.count(key, 60) == 1  # what it held is gone, as it may be
    await cache.close()


async def test_an_answer_that_comes_too_late_is_nobody_elses(valkey: Embedded) -> None:
    cache = RedisCache(valkey.redis_url)
    assert await cache.count("a", 60, by=100) == 100
    pid = valkey.servers["valkey"].pid
    assert pid is not None
    os.kill(pid, signal.SIGSTOP)
    assert await cache.count("a", 60, by=100) is None
    os.kill(pid, signal.SIGCONT)
    await asyncio.sleep(adapter.REST_S + 0.05)
    assert await cache.count("b", 60) == 1
    await cache.close()


def test_beyond_loopback_it_must_be_tls() -> None:
    with pytest.raises(Misconfigured, match="EUCORA_REDIS_URL leaves this machine"):
        RedisCache("redis://:hush@cache.example:6379/0")
