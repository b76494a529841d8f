"""The trail as a follower is told it: events in their order, each as the canonical JSON that its digest is of."""

from collections.abc import Mapping, Sequence
from datetime import datetime

from eucora.domains.audit.chain import canonical, plain
from eucora.domains.audit.read import event_of
from eucora.domains.audit.records import Event
from eucora.domains.audit.write import SQL
from eucora.slice import Pool
from eucora.stores.ports import Parcel, Recorded, Stretch

PLACE = (0, 0)
"""The trail is one place."""


class AuditFeed:
    """Reads on for one follower, from the last position that it was told."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    async def after(
        self, cursor: Mapping[tuple[int, int], int], most: int, upto: Mapping[tuple[int, int], int] | None = None
    ) -> Stretch:
        """At most `most` events; behind nothing when there is nothing new."""
        rows = await self._pool.fetch(SQL.events_after, cursor.get(PLACE, 0), most)
        events = [event_of(row) for row in rows if upto is None or row["position"] <= upto[PLACE]]
        behind = {PLACE: (events[-1].position, events[-1].at)} if events else {}
        return Stretch(Parcel([recorded(event) for event in events], {}), behind)

    async def at(self, places: Sequence[tuple[int, int, int]], moments: Sequence[datetime]) -> Parcel:
        """An event never changes: there is none to be told by its place."""
        return Parcel((), {})


def recorded(event: Event) -> Recorded:
    """What an auditor needs to hold the copy against the chain: all fields, and the digest over them."""
    told = plain(event)
    marks = {"id": told["id"], "position": str(event.position), "act": event.act, "digest": event.digest.hex()}
    return Recorded(event.at, event.position, canonical(told).decode(), marks)
