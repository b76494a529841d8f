import os
import uuid
from collections.abc import AsyncIterator, Iterator
from datetime import timedelta

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.live import built
from tests.live.versitygw import VersityGateway

from eucora import clock
from eucora.problems import Misconfigured, Refused, TryLater
from eucora.stores.ports import S3Endpoint
from eucora.stores.s3 import S3Objects

AWAY = S3Endpoint("http://127.0.0.1:1", "key", "hush")


SECOND = "EUCORA_TEST_LIVE" in os.environ and built.cached("versitygw") is not None


@pytest.fixture(scope="session", params=["seaweedfs", *(["versitygw"] if SECOND else [])])
def endpoint(request: pytest.FixtureRequest, servers) -> Iterator[S3Endpoint]:
    """The embedded server; and in the live suite a second one, where it was built."""
    if request.param == "seaweedfs":
        yield servers.s3
        return
    second = VersityGateway()
    second.start()
    yield second.endpoint
    second.close()


@pytest.fixture
async def data(endpoint: S3Endpoint) -> AsyncIterator[S3Objects]:
    bucket = S3Objects(endpoint, "eucora-data")
    yield bucket
    await bucket.close()


@pytest.fixture
async def worm(endpoint: S3Endpoint) -> AsyncIterator[S3Objects]:
    bucket = S3Objects(endpoint, "eucora-worm")
    yield bucket
    await bucket.close()


@pytest.fixture
def prefix() -> str:
    return f"{uuid.uuid4().hex}/"


@pytest.mark.parametrize("size", [0, 1, 5_000_000])
async def test_what_was_put_is_got(data: S3Objects, prefix: str, size: int) -> None:
    body = bytes(range(256)) * (size // 256) + b"x" * (size % 256)
    stored = await data.put(f"{prefix}key", body)
    assert stored is not None
    assert (stored.key, stored.size) == (f"{prefix}key", size)
    assert stored.etag
    assert await data.get(f"{prefix}key") == body


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    name=st.from_regex(r"[A-Za-z0-9 !'()*+,:=@&$;_~%#?-][A-Za-z0-9 !'()*+,:=@&$;_~%#?/.é-]{0,20}[a-z]", fullmatch=True)
)
async def test_a_key_may_hold_any_printable_character(data: S3Objects, prefix: str, name: str) -> None:
    key = f"{prefix}{name.replace('//', '/').replace('/.', '/_')}"
    await data.put(key, b"body")
    assert await data.get(key) == b"body"
    assert key in [stored.key async for stored in data.list(prefix)]


async def test_what_is_not_there_is_none(data: S3Objects, prefix: str) -> None:
    assert await data.get(f"{prefix}absent") is None


async def test_a_taken_key_is_left_alone_when_asked_so(data: S3Objects, prefix: str) -> None:
    assert await data.put(f"{prefix}key", b"first", if_absent=True) is not None
    assert await data.put(f"{prefix}key", b"second", if_absent=True) is None
    assert await data.get(f"{prefix}key") == b"first"


async def test_a_list_is_whole_in_order_and_of_its_prefix(data: S3Objects, prefix: str) -> None:
    keys = [f"{prefix}{n:04}" for n in range(25)]
    for key in reversed(keys):
        await data.put(key, key.encode())
    data.page_size = 10
    listed = [stored async for stored in data.list(prefix)]
    assert [stored.key for stored in listed] == keys
    assert {stored.size for stored in listed} == {len(keys[0])}
    assert [stored.key async for stored in data.list(f"{prefix}001")] == keys[10:20]


async def test_a_deleted_object_is_gone_and_deleting_again_is_no_fault(data: S3Objects, prefix: str) -> None:
    await data.put(f"{prefix}key", b"body")
    await data.delete(f"{prefix}key")
    await data.delete(f"{prefix}key")
    assert await data.get(f"{prefix}key") is None


async def test_a_version_outlives_what_is_put_over_it(worm: S3Objects, prefix: str) -> None:
    first = await worm.put(f"{prefix}key", b"first")
    second = await worm.put(f"{prefix}key", b"second")
    assert first is not None
    assert second is not None
    assert first.version != second.version
    assert await worm.get(f"{prefix}key", first.version) == b"first"
    await worm.delete(f"{prefix}key", first.version)
    assert await worm.get(f"{prefix}key", first.version) is None
    assert await worm.get(f"{prefix}key") == b"second"


async def test_a_lock_set_afterwards_holds(worm: S3Objects, prefix: str) -> None:
    stored = await worm.put(f"{prefix}key", b"body")
    assert stored is not None
    await worm.lock(stored.key, clock.now() + timedelta(seconds=30), stored.version)
    with pytest.raises(Refused, match="locked"):
        await worm.delete(stored.key, stored.version)


async def test_a_server_that_is_away_is_to_be_tried_later() -> None:
    bucket = S3Objects(AWAY, "eucora-data")
    with pytest.raises(TryLater, match="does not answer"):
        await bucket.get("key")
    await bucket.close()


async def test_a_server_that_does_not_know_us_says_what_to_mend(endpoint: S3Endpoint) -> None:
    for wrong, name in (
        (msgspec.structs.replace(endpoint, secret_key="wrong"), "eucora-data"),
        (msgspec.structs.replace(endpoint, access_key="nobody"), "eucora-data"),
        (endpoint, "no-such-bucket"),
    ):
        bucket = S3Objects(wrong, name)
        for ask in (bucket.get("key"), bucket.delete("key"), bucket.put("key", b"", if_absent=True)):
            with pytest.raises(Misconfigured, match="mend EUCORA_S3_URL, its keys or its buckets"):
                await ask
        await bucket.close()


def test_beyond_loopback_it_must_be_tls() -> None:
    with pytest.raises(Misconfigured, match="EUCORA_S3_URL leaves this machine"):
        S3Objects(S3Endpoint("http://s3.example", "key", "hush"), "eucora-data")
    S3Objects(S3Endpoint("https://s3.example", "key", "hush"), "eucora-data")


def test_keys_do_not_show_themselves() -> None:
    assert "hush" not in repr(AWAY)


async def test_a_proxy_from_the_environment_is_not_asked(servers, prefix: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "HTTP_PROXY", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")
    bucket = S3Objects(servers.s3, "eucora-data")
    assert await bucket.get(f"{prefix}absent") is None
    await bucket.close()
