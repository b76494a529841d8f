"""What is said to be in force is what the stores really do, and what is not as set is told with its mend."""

from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest
from tests.eucora.archive.test_compact import close, tell
from tests.eucora.line import Line

from eucora.archive import compact
from eucora.governance.enforce import Keeper
from eucora.governance.kept import Kept, findings, kept
from eucora.problems import TryLater
from eucora.stores.ports import Finding


class Server:
    """A server's own words, or none. Real ones are asked in tests/live."""

    def __init__(self, name: str, **said: str) -> None:
        self.name, self._said = name, said

    async def inspect(self) -> tuple[Finding, ...]:
        if not self._said:
            raise TryLater("store-unavailable")
        return tuple(Finding(name, "well", found) for name, found in self._said.items())


async def told(keeper: Keeper, *followers: Any, at: datetime | None = None) -> dict[tuple[str, str], Kept]:
    some = await kept(keeper.pool, followers, keeper.table, at or datetime.now(UTC))
    return {(each.name, each.store): each for each in some}


async def test_every_class_stands_in_every_store_that_it_has(keeper: Keeper) -> None:
    assert set(await told(keeper)) == {(name, store) for name, each in keeper.table.items() for store in each.stores}


async def test_the_oldest_file_is_told_and_when_it_goes_and_that_it_should_have_gone(
    line: Line, keeper: Keeper
) -> None:
    await tell(line, await line.enrol(), 5)
    await close(line)
    await compact.compact(line.app, keeper.objects, keeper.epoch)
    row = (await told(keeper))["metrics", "archive"]
    assert row.well
    assert row.oldest is not None
    assert row.goes_at == row.oldest + timedelta(days=91)
    late = (await told(keeper, at=row.goes_at + timedelta(hours=1)))["metrics", "archive"]
    assert (late.well, bool(late.mend)) == (False, True)


@pytest.mark.parametrize(
    ("server", "place", "well", "words"),
    [
        (Server("prometheus", retention="90d"), ("metrics", "prometheus"), True, ""),
        (Server("prometheus", retention="15d"), ("metrics", "prometheus"), False, "--storage.tsdb.retention.time=90d"),
        (Server("prometheus", retention="1y"), ("metrics", "prometheus"), False, "--storage.tsdb.retention.time=90d"),
        (Server("prometheus"), ("metrics", "prometheus"), False, "90d"),
        (Server("loki", retention="25w5d"), ("logs", "loki"), True, ""),
        (Server("loki", retention="0s"), ("logs", "loki"), False, "retention_period to 180d"),
        (Server("loki", retention="180d", retention_audit="180d"), ("audit", "loki-audit"), False, "eucora-audit"),
        (Server("loki", retention="180d", retention_audit="2y"), ("audit", "loki-audit"), True, ""),
        (Server("tempo", retention="720h0m0s"), ("traces", "tempo"), True, ""),
        (Server("tempo", retention="336h"), ("traces", "tempo"), False, "block_retention to 720h"),
    ],
)
async def test_a_server_that_keeps_more_or_less_than_is_set_or_does_not_say_is_told_with_its_mend(
    keeper: Keeper, server: Server, place: tuple[str, str], well: bool, words: str
) -> None:
    row = (await told(keeper, server))[place]
    assert row.well == well, row
    assert words in row.mend
    assert (row.goes_at is None) != well


async def test_of_a_held_class_a_server_that_deletes_is_wrong_and_nothing_of_ours_goes(keeper: Keeper) -> None:
    table = {n: msgspec.structs.replace(each, hold=n in ("metrics", "audit")) for n, each in keeper.table.items()}
    now = datetime.now(UTC)
    some = await kept(keeper.pool, (Server("prometheus", retention="90d"),), table, now)  # type: ignore[arg-type]
    rows = {(each.name, each.store): each for each in some}
    assert (rows["metrics", "prometheus"].days, rows["metrics", "prometheus"].well) == (None, False)
    assert rows["audit", "postgresql"].goes_at is None


async def test_the_doctor_gets_a_finding_for_each(keeper: Keeper) -> None:
    found = await findings(keeper.pool, (Server("loki", retention="7d"),), keeper.table, datetime.now(UTC))  # type: ignore[arg-type]
    states = {finding.name: finding.state for finding in found}
    assert states["retention_logs_loki"] == "wrong"
    assert states["retention_metrics_archive"] == "well"
    assert all(finding.mend for finding in found if finding.state == "wrong")
