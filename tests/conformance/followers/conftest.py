"""Real servers that follow, started with the configurations that we ship. They are run by `make test-live`."""

import os
from collections.abc import AsyncIterator, Iterator

import pytest
from tests.live import built
from tests.live.prometheus import PROGRAMS, Server
from tests.live.server import BY_CHANCE, program

from eucora.stores.prometheus import Prometheus

ABSENT = [f"test_{name}.py" for name in BY_CHANCE if program(name) is None]
if ABSENT:
    ABSENT.append("test_whole_way.py")
ABSENT += [f"test_{name}.py" for name in ("victorialogs", "victoriametrics", "jaeger") if built.cached(name) is None]
collect_ignore_glob = ABSENT if os.environ.get("EUCORA_TEST_LIVE") else ["test_*.py"]


@pytest.fixture(scope="session", params=sorted(PROGRAMS))
def shared(request: pytest.FixtureRequest) -> Iterator[Server]:
    """A server for tests that leave it running; each writes of devices of its own."""
    server = Server(version=request.param)
    server.start()
    yield server
    server.close()


@pytest.fixture(params=sorted(PROGRAMS))
def own(request: pytest.FixtureRequest) -> Iterator[Server]:
    """A server that a test may kill."""
    server = Server(version=request.param)
    server.start()
    yield server
    server.close()


@pytest.fixture
async def follower(shared: Server) -> AsyncIterator[Prometheus]:
    opened = Prometheus(shared.url)
    yield opened
    await opened.close()
