"""Aggregates by cohort instead of a series a device: what a metrics server can hold of a large fleet. Pure.

Rows of a step of event time gather in cells, one for each way of being (system, model, site, version) and shape. A step
that is over becomes series: of the fleet, and of each cohort, the sum, count, least and greatest of every metric. Sums and
counts are added up by whoever asks; an average of averages would be wrong.

Rule 1: no series is about fewer than FEWEST devices: small cohorts are one, `other`, and where those few are still too
few, the next larger joins them, so that nothing is left between a sum and its parts. Rule 2: what a device named (mounts,
sensors, batteries) is no label; a program is one of the fleet only.
"""

import uuid
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from math import inf
from typing import Any

from eucora.clock import EPOCH
from eucora.stores.ports import Aggregate, Reading

STEP = timedelta(minutes=1)
SETTLE = timedelta(minutes=2)
"""So long after its end a step is told: when every live batch received by then was read."""
COHORTS = ("os", "model", "site", "version")
FEWEST = 5
OTHER, UNKNOWN = "other", "unknown"
OF_DEVICES = frozenset(("mount", "sensor", "battery"))
"""Labels whose values a device says."""
OF_FLEET = frozenset(("app",))
"""Labels with very many values: told of the fleet alone."""
INFO = "eucora_agent_info"
"""Its label says the version of the agent."""

Being = tuple[str, ...]
"""What a device is, in the order of COHORTS."""
Shapes = Mapping[int, Sequence[tuple[str, Mapping[str, str]]]]
Labels = tuple[tuple[str, str], ...]


class Cell:
    """Rows of one shape, of devices that are alike: what each place adds up to."""

    __slots__ = ("counts", "devices", "greatest", "least", "sums")

    def __init__(self, width: int) -> None:
        self.devices: set[uuid.UUID] = set()
        self.counts, self.sums = [0] * width, [0.0] * width
        self.least, self.greatest = [inf] * width, [-inf] * width

    def add(self, device: uuid.UUID, values: Sequence[float | None]) -> None:
        """One row; values beyond the shape are none of it, NaN says nothing."""
        self.devices.add(device)
        counts, sums, least, greatest = self.counts, self.sums, self.least, self.greatest
        for place, value in enumerate(values[: len(counts)]):
            if value is None or value != value:
                continue
            counts[place] += 1
            sums[place] += value
            if value < least[place]:
                least[place] = value
            if value > greatest[place]:
                greatest[place] = value


class Steps:
    """Steps that are not over yet, and how far they were told. `upto`: the end of the last step that was."""

    def __init__(self, upto: datetime = EPOCH) -> None:
        self.upto = upto
        self._open: dict[datetime, dict[tuple[Being, int], Cell]] = {}

    def add(self, rows: Iterable[Reading], beings: Mapping[uuid.UUID, Being], shapes: Shapes) -> list[datetime]:
        """Into their steps; the times of rows whose step was told before they came."""
        late = []
        for row in rows:
            step = begin_of(min(row.time, row.received))
            if step < self.upto:
                if row.received > step + STEP + SETTLE:  # else it was read before, and is read again
                    late.append(row.time)
                continue
            cells = self._open.setdefault(step, {})
            key = (beings[row.device], row.shape)
            cell = cells.get(key)
            if cell is None:
                cell = cells[key] = Cell(len(shapes[row.shape]))
            cell.add(row.device, row.values)
        return late

    def over(self, moment: datetime) -> list[datetime]:
        """Steps that ended by then, oldest first."""
        return sorted(step for step in self._open if step + STEP <= moment)

    def take(self, step: datetime, shapes: Shapes) -> list[Aggregate]:
        """A step's series; it is told by then."""
        self.upto = max(self.upto, step + STEP)
        return aggregates(step, self._open.pop(step), shapes)


def begin_of(moment: datetime) -> datetime:
    """Of its step."""
    return moment - (moment - EPOCH) % STEP


class Sum:
    """One metric under one set of labels, of one cohort."""

    __slots__ = ("count", "devices", "greatest", "least", "sum")

    def __init__(self) -> None:
        self.devices: set[uuid.UUID] = set()
        self.count, self.sum, self.least, self.greatest = 0, 0.0, inf, -inf

    def add(self, cell: Cell, place: int) -> None:
        self.devices |= cell.devices
        self.count += cell.counts[place]
        self.sum += cell.sums[place]
        self.least, self.greatest = min(self.least, cell.least[place]), max(self.greatest, cell.greatest[place])

    def join(self, other: "Sum") -> None:
        self.devices |= other.devices
        self.count, self.sum = self.count + other.count, self.sum + other.sum
        self.least, self.greatest = min(self.least, other.least), max(self.greatest, other.greatest)


def aggregates(step: datetime, cells: Mapping[tuple[Being, int], Cell], shapes: Shapes) -> list[Aggregate]:
    """Every series of a step, at its beginning."""
    of_fleet, of_cohorts = _summed(cells, shapes)
    told: list[Aggregate] = []
    for (name, labels), found in of_fleet.items():
        if len(found.devices) >= FEWEST:
            told += _series(step, name, {"cohort": "fleet", **dict(labels)}, found)
    for (cohort, name, labels), values in of_cohorts.items():
        for value, found in folded(values).items():
            told += _series(step, name, {"cohort": cohort, "value": value, **dict(labels)}, found)
    return told


def _summed(
    cells: Mapping[tuple[Being, int], Cell], shapes: Shapes
) -> tuple[dict[tuple[str, Labels], Sum], dict[tuple[str, str, Labels], dict[str, Sum]]]:
    of_fleet: dict[tuple[str, Labels], Sum] = {}
    of_cohorts: dict[tuple[str, str, Labels], dict[str, Sum]] = {}
    for (being, shape), cell in cells.items():
        for place, (name, labels) in enumerate(shapes[shape]):
            if not cell.counts[place] or name == INFO:
                continue
            own = tuple(sorted((k, v) for k, v in labels.items() if k not in OF_DEVICES and k != "version"))
            of_fleet.setdefault((name, own), Sum()).add(cell, place)
            if not OF_FLEET.isdisjoint(labels):
                continue
            for cohort, value in zip(COHORTS, being, strict=True):
                of_cohorts.setdefault((cohort, name, own), {}).setdefault(value, Sum()).add(cell, place)
    return of_fleet, of_cohorts


def folded(values: Mapping[str, Sum]) -> dict[str, Sum]:
    """Cohorts of at least FEWEST devices; those that are smaller as `other`, with the next larger while they are too few."""
    kept: dict[str, Sum] = {}
    other: Sum | None = None
    for value, found in sorted(values.items(), key=lambda each: (len(each[1].devices), each[0])):
        few = len(found.devices) < FEWEST or (other is not None and len(other.devices) < FEWEST)
        if few or value == OTHER:
            other = other or Sum()
            other.join(found)
        else:
            kept[value] = found
    if other is not None and len(other.devices) >= FEWEST:
        kept[OTHER] = other
    return kept


def _series(step: datetime, name: str, labels: Mapping[str, str], found: Sum) -> Iterable[Aggregate]:
    told: tuple[tuple[str, Any], ...] = (
        ("sum", found.sum),
        ("count", found.count),
        ("min", found.least),
        ("max", found.greatest),
        ("devices", len(found.devices)),
    )
    return [Aggregate(step, f"cohort:{name}:{what}", labels, float(value)) for what, value in told]
