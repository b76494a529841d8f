"""Things really go wrong on a real platform, one after another; `eucora status` names each within ten seconds, in words."""

import json
import os
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psutil
import pytest
from tests.platform import POSTGRES, Up, platform_in

pytestmark = pytest.mark.timeout(300)
WITHIN_S = 10.0


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Up]:
    """On servers of its own, whatever database others are given: each is held still here."""
    with pytest.MonkeyPatch.context() as changed:
        for name in POSTGRES:
            changed.delenv(name, raising=False)
        with platform_in(tmp_path_factory.mktemp("up"), EUCORA_LEASE_S="3") as platform:
            yield platform.start()


def named(running: Up) -> set[str]:
    """What status says is the matter now; it answers in time whatever is dead."""
    began = time.monotonic()
    done = running.run("status", "--json", check=False)
    assert time.monotonic() - began < WITHIN_S, "status itself took too long"
    told: list[dict[str, Any]] = json.loads(done.stdout)["troubles"]
    assert all(each["what"] and each["safe"] and each["do"] for each in told)
    return {each["name"] for each in told}


def soon(question: Callable[[], bool], what: str, limit_s: float = WITHIN_S) -> None:
    began = time.monotonic()
    while not question():
        assert time.monotonic() - began < limit_s, what
        time.sleep(0.2)


def of(running: Up, *words: str) -> list[psutil.Process]:
    """Processes below this platform whose command line has these words."""
    below = psutil.Process(running.pid).children(recursive=True)
    return [p for p in below if all(any(word in part for part in p.cmdline()) for word in words)]


@contextmanager
def frozen(running: Up, *words: str) -> Iterator[None]:
    """Alive, and answering nothing: what a supervisor can not mend."""
    found = of(running, *words)
    assert found, words
    for process in found:
        os.kill(process.pid, signal.SIGSTOP)
    try:
        yield
    finally:
        for process in found:
            os.kill(process.pid, signal.SIGCONT)


@pytest.mark.parametrize(
    ("words", "name"),
    [(("weed",), "object-store-away"), (("valkey",), "cache-away"), (("serve", "pipeline"), "nobody-digests")],
)
def test_a_part_that_hangs_is_named_and_forgotten_when_it_goes_on(
    running: Up, words: tuple[str, ...], name: str
) -> None:
    soon(lambda: named(running) == set(), "it is well before", 30)
    with frozen(running, *words):
        soon(lambda: name in named(running), name)
    soon(lambda: name not in named(running), f"{name} is over", 30)


def test_a_part_that_is_killed_is_back_before_anybody_looks_or_named(running: Up) -> None:
    for words in (("weed",), ("valkey",), ("serve", "gateway"), ("serve", "pipeline"), ("serve", "api")):
        for process in of(running, *words):
            process.kill()
        soon(lambda: named(running) == set(), f"{words} are back", 30)


def test_a_database_that_hangs_is_named_though_nobody_can_be_signed_in(running: Up) -> None:
    with frozen(running, "postgres"):
        soon(lambda: "database-away" in named(running), "database-away")
    soon(lambda: named(running) == set(), "it is over", 30)


def test_a_platform_that_is_down_is_named_with_what_is_safe(running: Up, tmp_path: Path) -> None:
    running.stop()
    assert named(running) == {"platform-away"}
    running.start()
    soon(lambda: named(running) == set(), "it is up again", 60)
