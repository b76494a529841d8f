"""What pushes to Loki, on VictoriaLogs, which takes its push API: proved also where no Loki is. It is no follower of ours:

it keeps a line as often as it is told, so distinct ids are asked for; and it can't forget by the API of Loki.
"""

import asyncio
import random
import uuid
from collections.abc import AsyncIterator, Iterator
from datetime import timedelta
from typing import Any

import pytest
from tests.live.victorialogs import VictoriaLogs as Server

from eucora import clock
from eucora.problems import TryLater
from eucora.stores.loki import Loki
from eucora.stores.ports import Line, Parcel

NOW = clock.now().replace(microsecond=0)
MINUTE, DAY = timedelta(minutes=1), timedelta(days=1)
SHAPES = {
    1: {"kind": "log", "source": "sshd", "severity": "info"},
    2: {"kind": "crash", "source": 'evil",device="x', "severity": "error"},
}


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    opened = Server()
    opened.start()
    yield opened
    opened.close()


@pytest.fixture
async def follower(server: Server) -> AsyncIterator[Loki]:
    opened = Loki(server.push)
    yield opened
    await opened.close()


def lines(device: uuid.UUID, count: int, ago: timedelta = timedelta(0), **more: Any) -> list[Line]:
    given: dict[str, Any] = {"shape": 1, "text": "it is {n}", "fields": {"n": "7"}, "subject": None, "count": 1} | more
    times = [NOW - ago - n * MINUTE for n in range(count)]
    return [Line(device=device, time=at, received=NOW, marks=0, id=uuid.uuid4(), **given) for at in times]


def found(server: Server, device: uuid.UUID) -> dict[str, dict[str, Any]]:
    """Lines of a device by their id."""
    server.settled()
    return {row["id"]: row for row in server.query(f'device:="{device}"', NOW - 40 * DAY, NOW + DAY)}


async def test_fresh_and_three_weeks_late_in_any_order_each_id_is_there_with_its_time(
    follower: Loki, server: Server
) -> None:
    device = uuid.uuid4()
    told = lines(device, 40) + lines(device, 40, 21 * DAY)
    random.Random(7).shuffle(told)
    for part in (told[:30], told[20:], told):
        answer = await follower.write(Parcel(part, SHAPES))
        assert (answer.taken, answer.refused) == (len(part), ())
    there = found(server, device)
    assert there.keys() == {str(line.id) for line in told}
    for line in told:
        row = there[str(line.id)]
        assert row["_time"].startswith(line.time.strftime("%Y-%m-%dT%H:%M:%S"))
        assert (row["_msg"], row["field_n"], row["kind"]) == ("it is 7", "7", "log")


async def test_lines_of_one_moment_are_as_many_as_they_were(follower: Loki, server: Server) -> None:
    device = uuid.uuid4()
    told = [line for _ in range(30) for line in lines(device, 1)]
    await follower.write(Parcel(told, SHAPES))
    assert found(server, device).keys() == {str(line.id) for line in told}


async def test_no_name_text_or_field_passes_for_a_label_of_ours(follower: Loki, server: Server) -> None:
    device, other = uuid.uuid4(), uuid.uuid4()
    evil = {"device": str(other), 'a"} or {b="': "x", "_msg": "y", "_stream": "{z}", "id": "w"}
    told = lines(device, 1, shape=2, text='"} | device="' + str(other) + '"\n{x}', fields=evil)
    await follower.write(Parcel(told, SHAPES))
    there = found(server, device)
    assert there.keys() == {str(told[0].id)}
    (row,) = there.values()
    assert (row["device"], row["kind"], row["service_name"]) == (str(device), "crash", "eucora")
    assert found(server, other) == {}


async def test_a_server_that_is_killed_keeps_what_it_took_a_moment_ago_and_is_told_the_rest_when_it_is_back() -> None:
    own = Server()
    own.start()
    follower, device = Loki(own.push), uuid.uuid4()
    first, second = lines(device, 20), lines(device, 20, DAY)
    await follower.write(Parcel(first, SHAPES))
    own.settled()
    own.kill()
    with pytest.raises(TryLater, match="does not answer"):
        await follower.write(Parcel(second, SHAPES))
    await asyncio.to_thread(own.start)
    await follower.write(Parcel([*first, *second], SHAPES))
    assert found(own, device).keys() == {str(line.id) for line in (*first, *second)}
    await follower.close()
    own.close()
