-- name: lock_trail
-- one writer at a time, until its transaction ends
SELECT pg_advisory_xact_lock(4711010)

-- name: last_event
-- the end of the trail
SELECT position, digest FROM audit_events ORDER BY position DESC LIMIT 1

-- name: add_event
-- one row of the trail
INSERT INTO audit_events (position, at, id, actor_kind, actor, origin, act, class, devices, subject, purpose, outcome,
                          detail, key_no, sealed, previous, digest)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17)

-- name: events_after
-- the trail in its order, a page at a time
SELECT position, at, id, actor_kind, actor, origin, act, class, devices, subject, purpose, outcome,
       detail, key_no, sealed, previous, digest
  FROM audit_events WHERE position > $1 ORDER BY position LIMIT $2

-- name: events_before
-- newest first, narrowed by act (prefix), class, actor, device, outcome, time; an absent filter is NULL
SELECT position, at, id, actor_kind, actor, origin, act, class, devices, subject, purpose, outcome,
       detail, key_no, sealed, previous, digest
  FROM audit_events
 WHERE position < $1
   AND ($3::text IS NULL OR starts_with(act, $3))
   AND ($4::text IS NULL OR class = $4)
   AND ($5::text IS NULL OR actor = $5)
   AND ($6::uuid IS NULL OR $6 = ANY (devices))
   AND ($7::text IS NULL OR outcome = $7)
   AND ($8::timestamptz IS NULL OR at >= $8)
 ORDER BY position DESC LIMIT $2

-- name: last_head
-- the newest signed head
SELECT position, digest FROM audit_heads ORDER BY position DESC LIMIT 1

-- name: add_head
-- a signed head, unless another process signed the same position
INSERT INTO audit_heads (position, digest, signed_at, keyid, signature, object)
VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT (position) DO NOTHING

-- name: heads_between
-- signed heads by position
SELECT position, digest, signed_at, keyid, signature FROM audit_heads WHERE position > $1 AND position <= $2
 ORDER BY position

-- name: installation
-- whose trail this is
SELECT installation FROM platform

-- name: expired_month
-- the last event of the oldest month that ended before a moment
SELECT last, digest FROM expired_audit_month($1)

-- name: drop_month
-- that month goes, when a signed head vouches for its last event
SELECT rows, since, until FROM drop_audit_month($1)
