"""How one read is shared among places, so that none waits behind another's backlog. Pure."""

from collections.abc import Mapping

from eucora.journal.port import Place


def shares(backlog: Mapping[Place, tuple[int, int]], most: int) -> dict[Place, int]:
    """Up to which position each place is read. `backlog`: (after, tip) by place. Live places first, equal shares;
    what a small backlog leaves goes to the others. Places that get nothing are absent."""
    upto: dict[Place, int] = {}
    for lane in sorted({lane for _, lane in backlog}):
        waiting = sorted((tip - after, place) for place, (after, tip) in backlog.items() if place[1] == lane)
        for i, (behind, place) in enumerate(waiting):
            share = min(behind, -(-most // (len(waiting) - i)))
            if share > 0:
                upto[place] = backlog[place][0] + share
                most -= share
    return upto
