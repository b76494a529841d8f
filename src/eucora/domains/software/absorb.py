"""Inventories, full or as deltas, in whatever order they arrive: one read and four writes a batch, whatever its size."""

import uuid
from collections.abc import Iterable, Mapping, Sequence
from itertools import groupby
from operator import attrgetter
from typing import Any

from eucora.batch import Plan
from eucora.domains.software.queries import SQL
from eucora.domains.software.rules import Change, Stamp, State, settle
from eucora.slice import Transaction

_device = attrgetter("device")


async def absorb(plan: Plan, tx: Transaction) -> None:
    """Devices in ascending order, each state locked, so that a replay and a worker can't cross."""
    items = sorted(plan.sections.get("software", ()), key=_device)
    if not items:
        return
    by_device = {device: list(group) for device, group in groupby(items, key=_device)}
    states = await _states(tx, list(by_device))
    changes = {device: settle(states[device], said) for device, said in by_device.items()}
    rows = list(_rows(changes))
    if rows:
        await tx.execute(SQL.say, *_columns(rows))
    # What the inventory lists bears its order key by now; the sweep takes what is older.
    swept = [(device, *_stamp(change.state.full)) for device, change in changes.items() if change.swept]
    if swept:
        await tx.execute(SQL.sweep, *_columns(swept))
    turned = [(device, change) for device, change in changes.items() if change.state != states[device]]
    if turned:
        await tx.execute(SQL.keep_states, *_columns([_state(device, change.state) for device, change in turned]))


async def _states(tx: Transaction, devices: list[uuid.UUID]) -> dict[uuid.UUID, State]:
    await tx.execute(SQL.begin_states, devices)
    found = {}
    for row in await tx.fetch(SQL.lock_states, devices):
        order = (row["full_stream"], row["full_item"])
        full = None if row["full_time"] is None else Stamp(order, row["full_time"], row["full_received"])
        found[row["device"]] = State(full, (row["order_stream"], row["order_item"]), row["result"])
    return found


def _rows(changes: Mapping[uuid.UUID, Change]) -> Iterable[tuple[Any, ...]]:
    for device, change in changes.items():
        for (source, name, architecture, version), said in change.rows.items():
            package = said.package
            about = (None, None, None) if package is None else (package.signature, package.purl, package.publisher)
            yield (device, source, name, architecture, version, package is not None, *about, *_stamp(said.stamp))


def _stamp(stamp: Stamp | None) -> tuple[Any, ...]:
    return (0, 0, None, None) if stamp is None else (*stamp.order, stamp.event_time, stamp.received_at)


def _state(device: uuid.UUID, state: State) -> tuple[Any, ...]:
    return (device, *_stamp(state.full), *state.order, state.result)


def _columns(rows: Sequence[tuple[Any, ...]]) -> list[list[Any]]:
    return [list(column) for column in zip(*rows, strict=True)]
