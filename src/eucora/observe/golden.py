"""The four golden signals of every door, stage and store, declared: how long (and so how many), how it ended, how full.

And how fresh what one asks for is. Counted in memory where the work is done, by `observe.figures`.
"""

from eucora.observe.figures import HERE
from eucora.observe.metrics import Declared
from eucora.slice import Pool

SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)
AGES = (0.1, 0.25, 0.5, 1.0, 2.0, 5.0, 10.0, 30.0, 60.0, 120.0, 300.0, 900.0, 3600.0)

DOOR = Declared("eucora_door_seconds", "histogram", "Requests: time to the answer", ("door", "outcome"), SECONDS)
DOOR_WAITING = Declared("eucora_door_waiting_batches", "gauge", "Batches that wait for their commit at the doors")
DOOR_REPLAY_WAITING = Declared(
    "eucora_door_replay_waiting_devices", "gauge", "Devices with old batches that wait for their turn at the doors"
)
STAGE = Declared("eucora_stage_seconds", "histogram", "A turn of a stage of the line", ("stage", "outcome"), SECONDS)
STORE = Declared("eucora_store_seconds", "histogram", "Asking a store", ("store", "outcome"), SECONDS)
STORE_BUSY = Declared("eucora_store_busy_streams", "gauge", "Connections to a store that are in use", ("store",))
FRESHNESS = Declared("eucora_freshness_seconds", "histogram", "From event to queryable, live lane", (), AGES)


def outcome_of(status: int) -> str:
    """How a request ended: ok, refused, later (come again), failed (by a fault of ours)."""
    if status < 400:
        return "ok"
    if status in (429, 503):
        return "later"
    return "refused" if status < 500 else "failed"


DECLARED = (DOOR, DOOR_WAITING, DOOR_REPLAY_WAITING, STAGE, STORE, STORE_BUSY, FRESHNESS)


async def tell(pool: Pool) -> None:
    """Write down what this process counted, and how busy its connections are."""
    HERE.hold(STORE_BUSY, pool.get_size() - pool.get_idle_size(), "postgresql")
    await HERE.write(pool)
