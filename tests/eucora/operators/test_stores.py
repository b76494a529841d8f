"""How far followers were told is seen by whoever may see the status."""

from datetime import UTC, datetime, timedelta

from tests.eucora.operators.conftest import Plane

PLANTED = """
    WITH f AS (INSERT INTO followers (follower, lease, leased_until, told, retries, rate_per_s, told_at, last_error,
                                      last_error_at)
               VALUES ('prometheus', gen_random_uuid(), $1::timestamptz + interval '1 min', 420, 3, 7.25, $1,
                       'store-unavailable: gone', $1) RETURNING follower),
         c AS (INSERT INTO follower_cursors (follower, shard, lane, position, received)
               SELECT follower, 0, 0, 5, $2 FROM f RETURNING follower)
    INSERT INTO follower_refusals (follower, reason, day, first, last, count)
    SELECT follower, 'too-old', $3::date, $2, $2, 40 FROM c
"""


async def test_without_a_follower_there_is_nothing_to_see(plane: Plane) -> None:
    assert await plane.get("/stores") == []


async def test_lag_rate_errors_and_what_was_refused_are_told(plane: Plane) -> None:
    now = datetime.now(UTC)
    await plane.house.pool.execute(PLANTED, now, now - timedelta(minutes=5), now.date())
    await plane.house.pool.execute("UPDATE cursors SET position = 9, received = $1 WHERE shard = 0 AND lane = 0", now)
    (told,) = await plane.get("/stores")
    assert (told["follower"], told["running"], told["waiting"], told["behind_s"]) == ("prometheus", True, 4, 300.0)
    assert (told["told"], told["retries"], told["rate_per_s"]) == (420, 3, 7.2)
    assert told["last_error"] == "store-unavailable: gone"
    assert [(r["reason"], r["count"]) for r in told["refused"]] == [("too-old", 40)]


async def test_a_rate_of_long_ago_is_none_and_who_fell_silent_does_not_run(plane: Plane) -> None:
    ago = datetime.now(UTC) - timedelta(hours=1)
    await plane.house.pool.execute(PLANTED, ago, ago, ago.date())
    (told,) = await plane.get("/stores")
    assert (told["rate_per_s"], told["running"]) == (0.0, False)


async def test_it_needs_the_permission_of_the_status(plane: Plane) -> None:
    answer = await plane.ask("GET", "/stores", token=await plane.token_for("audit.read"))
    assert answer.status_code == 403


async def test_pause_resume_and_again_are_recorded_with_their_purpose(plane: Plane) -> None:
    now = datetime.now(UTC)
    await plane.house.pool.execute(PLANTED, now, now, now.date())
    for verb, act in (("pause", "store.paused"), ("resume", "store.resumed")):
        answer = await plane.ask("POST", f"/stores/prometheus/{verb}", json={"purpose": "a new disk"})
        assert answer.status_code == 200, answer.text
        assert (answer.json()["paused_at"] is not None) == (verb == "pause")
        (event,) = await plane.acts(act)
        assert (event["purpose"], event["detail"]["store"]) == ("a new disk", "prometheus")
    answer = await plane.ask("POST", "/stores/prometheus/again", json={"since": "7d"})
    assert (answer.status_code, answer.json()["again"]) == (202, 5)
    assert len(await plane.acts("store.told_again")) == 1


async def test_nobody_steers_a_server_that_there_is_not_or_without_permission(plane: Plane) -> None:
    for verb, body in (("pause", {}), ("resume", {}), ("again", {"since": "1d"})):
        assert (await plane.ask("POST", f"/stores/loki/{verb}", json=body)).status_code == 404
        token = await plane.token_for("status.read")
        assert (await plane.ask("POST", f"/stores/loki/{verb}", token=token, json=body)).status_code == 403
    assert await plane.acts("store.") == []
