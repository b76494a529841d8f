-- name: erased
-- which of these subjects belong to an erased person
SELECT s.subject FROM subjects s JOIN users u USING (user_id) WHERE s.subject = ANY ($1::uuid[]) AND u.erased_at IS NOT NULL

-- name: user_of_account
-- the person of an account, by its pseudonym
SELECT user_id FROM users WHERE account_pseudonym = $1 AND erased_at IS NULL

-- name: user_of_subject
-- the person of a subject id
SELECT user_id FROM subjects WHERE subject = $1

-- name: users_of_device
-- who is mapped to a device, in the order of mapping
SELECT u.user_id, u.account_sealed, u.key_no, m.mapped_at, u.erased_at
  FROM device_user_map m JOIN users u USING (user_id) WHERE m.device_id = $1 ORDER BY m.mapped_at, u.user_id

-- name: sessions_of_device
-- newest sessions on a device; the person once known
SELECT s.session_id, s.user_id AS subject, j.user_id, s.start, s."end", s.network, s.vpn, s.geo
  FROM sessions s LEFT JOIN subjects j ON j.subject = s.user_id
 WHERE s.device_id = $1 ORDER BY s.start DESC LIMIT $2

-- name: last_sessions
-- the session of which the newest item of a device tells; while that goes on, the one that ended last as well
WITH newest AS (SELECT * FROM sessions WHERE device_id = $1 ORDER BY order_stream DESC, order_item DESC LIMIT 1),
     ended AS (SELECT * FROM sessions WHERE device_id = $1 AND "end" IS NOT NULL AND (SELECT "end" IS NULL FROM newest)
                ORDER BY order_stream DESC, order_item DESC LIMIT 1)
SELECT session_id, user_id, device_id, start, "end", network, vpn, geo, order_stream, order_item
  FROM (SELECT * FROM newest UNION ALL SELECT * FROM ended) s ORDER BY order_stream DESC, order_item DESC

-- name: people_of
-- the person of each subject, and whether they were erased
SELECT s.subject, s.user_id, u.erased_at IS NOT NULL AS erased
  FROM subjects s LEFT JOIN users u USING (user_id) WHERE s.subject = ANY ($1::uuid[])

-- name: lock_users
-- persons whose devices are counted, in ascending order
SELECT user_id FROM users WHERE user_id = ANY ($1::uuid[]) AND erased_at IS NULL ORDER BY user_id FOR UPDATE

-- name: slots_of
-- which slots are taken by which devices
SELECT user_id, device_id, slot FROM device_user_map WHERE user_id = ANY ($1::uuid[])

-- name: take_slots
-- new mappings
INSERT INTO device_user_map (user_id, device_id, slot, mapped_at)
SELECT n.user_id, n.device_id, n.slot, $4 FROM unnest($1::uuid[], $2::uuid[], $3::smallint[]) AS n (user_id, device_id, slot)

-- name: mapped_pairs
-- which persons are mapped to which devices already
SELECT m.user_id, m.device_id FROM device_user_map m
  JOIN unnest($1::uuid[], $2::uuid[]) AS p (user_id, device_id) USING (user_id, device_id)

-- name: know_subjects
-- ids that travel and were never heard of: provisional until a log-on resolves them
INSERT INTO subjects (subject, provisional, device) SELECT subject, true, device
  FROM unnest($1::uuid[], $2::uuid[]) AS n (subject, device) ORDER BY subject
ON CONFLICT DO NOTHING

-- name: say_sessions
-- sessions as their newest item has them; gives those that were not there yet
INSERT INTO sessions AS s (session_id, user_id, device_id, start, "end", network, vpn, geo,
                           order_stream, order_item, event_time, received_at)
SELECT * FROM unnest($1::uuid[], $2::uuid[], $3::uuid[], $4::timestamptz[], $5::timestamptz[], $6::text[], $7::boolean[],
                     $8::text[], $9::integer[], $10::bigint[], $11::timestamptz[], $12::timestamptz[])
ON CONFLICT (session_id, start) DO UPDATE
   SET user_id = EXCLUDED.user_id, "end" = EXCLUDED."end", network = EXCLUDED.network, vpn = EXCLUDED.vpn,
       geo = EXCLUDED.geo, order_stream = EXCLUDED.order_stream, order_item = EXCLUDED.order_item,
       event_time = EXCLUDED.event_time, received_at = EXCLUDED.received_at
 WHERE s.device_id = EXCLUDED.device_id
   AND (s.order_stream, s.order_item) < (EXCLUDED.order_stream, EXCLUDED.order_item)

-- name: known_user
-- a person by the pseudonym of their account
SELECT user_id, account_sealed FROM users WHERE account_pseudonym = $1

-- name: add_user
-- a person seen for the first time
INSERT INTO users (user_id, account_pseudonym, created_at) VALUES ($1, $2, $3)
ON CONFLICT (account_pseudonym) DO NOTHING

-- name: add_subject
-- a person's own id travels too
INSERT INTO subjects (subject, user_id, created_at, resolved_at) VALUES ($1, $1, $2, $2) ON CONFLICT DO NOTHING

-- name: seal_account
-- the account, under the person's key
UPDATE users SET account_sealed = $2, key_no = $3 WHERE user_id = $1 AND erased_at IS NULL AND account_sealed IS NULL

-- name: resolve_subject
-- a provisional id belongs to a person from now on; an id of another device, or resolved already, is left alone
INSERT INTO subjects AS s (subject, user_id, provisional, device, created_at, resolved_at)
VALUES ($1, $2, true, $3, $4, $4)
ON CONFLICT (subject) DO UPDATE SET user_id = EXCLUDED.user_id, resolved_at = EXCLUDED.resolved_at
 WHERE s.provisional AND s.user_id IS NULL AND s.device = EXCLUDED.device

-- name: lock_user
-- one person, for whoever erases them
SELECT erased_at FROM users WHERE user_id = $1 FOR UPDATE

-- name: subjects_of_user
-- every id that a person travelled by
SELECT subject FROM subjects WHERE user_id = $1

-- name: erase_user
-- the person's account and the way to find them by it
UPDATE users SET account_sealed = NULL, account_pseudonym = $2, erased_at = $3 WHERE user_id = $1

-- name: unmap_user
-- a person's devices
DELETE FROM device_user_map WHERE user_id = $1

-- name: count_devices
-- how many devices a person has
SELECT count(*) FROM device_user_map WHERE user_id = $1

-- name: known_sessions
-- which of these sessions are there, and of which device
SELECT session_id, start, device_id FROM sessions WHERE session_id = ANY ($1::uuid[])
