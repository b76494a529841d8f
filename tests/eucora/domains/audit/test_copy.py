"""The trail's copy: every event once and in order, as the JSON that its digest is of."""

import hashlib
import json
from datetime import UTC, datetime, timedelta
from typing import Any

from eucora.domains.audit import Act, record
from eucora.domains.audit.chain import canonical
from eucora.domains.audit.copy import PLACE, AuditFeed
from eucora.stores.loki_audit import entries

ACT = Act(act="device.revoked", audit_class="lifecycle", actor_kind="operator", actor="0", purpose='"{}\n')


async def test_it_is_read_on_from_any_position_and_each_digest_is_that_of_the_line(pool: Any) -> None:
    now = datetime.now(UTC)
    for n in range(7):
        async with pool.acquire() as tx, tx.transaction():
            await record(tx, now + timedelta(seconds=n), [ACT])
    feed, at, found = AuditFeed(pool), dict[tuple[int, int], int](), []
    while (stretch := await feed.after(at, 3)).behind:
        found += stretch.parcel.rows
        at = {place: end for place, (end, _) in stretch.behind.items()}
    assert [row.position for row in found] == list(range(1, 8))
    for row in found:
        told = json.loads(row.text)
        digest = told.pop("digest")
        assert hashlib.sha256(canonical(told)).hexdigest() == row.marks["digest"]
        assert digest
        assert told["purpose"] == ACT.purpose
    part = await feed.after({PLACE: 2}, 10, {PLACE: 4})
    assert [row.position for row in part.parcel.rows] == [3, 4]
    moments = [entry[2] for entry in entries(found)]
    assert moments == sorted(set(moments))
