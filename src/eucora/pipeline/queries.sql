-- name: add_letter
-- one dead letter; the same item makes no second one
INSERT INTO dead_letters (id, stream, stream_number, ordinal, device, subject, shard, lane, position, received,
                          reason, path, detail, key_no, body)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15)
ON CONFLICT (id, received) DO NOTHING

-- name: add_overflow
-- one letter for all of a device, day and reason beyond what a device may have: counted, not kept
INSERT INTO dead_letters (id, stream, stream_number, ordinal, device, shard, lane, position, received,
                          reason, detail, count)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, 'beyond what is kept of a device and day', $11)
ON CONFLICT (id, received) DO UPDATE SET count = dead_letters.count + EXCLUDED.count

-- name: letters_today
-- how many letters devices have since a moment
SELECT device, count(*) FROM dead_letters WHERE device = ANY ($1::uuid[]) AND received >= $2 GROUP BY device

-- name: letters
-- letters newest first, behind a key, narrowed by state, device, reason; an absent filter is NULL
SELECT id, device, subject, stream, ordinal, received, reason, path, detail, count, state, attempts, settled_at,
       shard, lane, position, key_no, body IS NOT NULL AS kept
  FROM dead_letters
 WHERE ($1::timestamptz IS NULL OR (received, id) < ($1, $2::uuid))
   AND ($3::text IS NULL OR state = $3) AND ($4::uuid IS NULL OR device = $4) AND ($5::text IS NULL OR reason = $5)
 ORDER BY received DESC, id DESC
 LIMIT $6

-- name: letters_by_id
-- some letters
SELECT id, device, subject, stream, ordinal, received, reason, path, detail, count, state, attempts, settled_at,
       shard, lane, position, key_no, body IS NOT NULL AS kept
  FROM dead_letters WHERE id = ANY ($1::uuid[])

-- name: letter_body
-- the sealed body of a letter
SELECT key_no, body FROM dead_letters WHERE id = $1

-- name: lock_letter
-- a letter that is not stored yet, for whoever replays it
SELECT id FROM dead_letters WHERE id = $1 AND received = $2 AND state IN ('open', 'failed') FOR UPDATE

-- name: settle_letter
-- how a replay went
UPDATE dead_letters SET state = $3, attempts = attempts + 1, settled_at = clock_timestamp() WHERE id = $1 AND received = $2

-- name: settle_resent
-- letters of whole batches whose items are stored by way of others, which were received later
UPDATE dead_letters AS letter SET state = 'replayed', settled_at = clock_timestamp()
  FROM unnest($1::uuid[], $2::timestamptz[]) AS resent (id, received)
 WHERE letter.id = resent.id AND letter.received < resent.received AND state = 'open' AND reason = ANY ($3::text[])

-- name: letter_states
-- how many letters are in which state
SELECT state, sum(count)::bigint AS count FROM dead_letters GROUP BY state
