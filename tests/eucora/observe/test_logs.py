"""Lines stay on stderr whatever becomes of their copy, which keeps their order and severity."""

import asyncio
import io
from collections.abc import Sequence

from eucora.observe import logs
from eucora.observe.logs import Said, Tee


async def run(tee: Tee, send: logs.Send) -> None:
    ended = asyncio.Event()
    ended.set()
    await asyncio.wait_for(tee.run(send, ended), 5)


async def test_each_line_is_written_and_copied_with_its_severity() -> None:
    file, got = io.StringIO(), list[Said]()

    async def take(lines: Sequence[Said]) -> None:
        got.extend(lines)

    tee = Tee(file)
    for text in ('{"level":"warning","event":"a"}', "not JSON"):
        print(text, file=tee, flush=True)
    await run(tee, take)
    assert file.getvalue() == '{"level":"warning","event":"a"}\nnot JSON\n'
    assert [(said.severity, said.text) for said in got] == [
        ("warning", '{"level":"warning","event":"a"}'),
        ("info", "not JSON"),
    ]


async def test_a_server_that_is_away_costs_the_copy_alone_and_memory_is_bounded() -> None:
    file = io.StringIO()

    async def away(lines: Sequence[Said]) -> None:
        raise OSError

    tee = Tee(file)
    for n in range(logs.MOST_WAITING + 10):
        print(f"line {n}", file=tee)
    await run(tee, away)
    assert file.getvalue().count("\n") == logs.MOST_WAITING + 10
