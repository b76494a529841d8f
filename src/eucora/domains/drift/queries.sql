-- name: say
-- what devices say that should be held of them, unless a newer item has said so already; a section that was asked for and
-- came whole is asked for no more
INSERT INTO state_told AS s (device, section, digest, whole, order_stream, order_item, event_time, received_at)
SELECT n.* FROM unnest($1::uuid[], $2::text[], $3::bytea[], $4::boolean[], $5::integer[], $6::bigint[], $7::timestamptz[],
                       $8::timestamptz[])
       AS n (device, section, digest, whole, order_stream, order_item, event_time, received_at)
  JOIN devices d ON d.device_id = n.device
ON CONFLICT (device, section) DO UPDATE
   SET digest = EXCLUDED.digest, whole = EXCLUDED.whole, order_stream = EXCLUDED.order_stream,
       order_item = EXCLUDED.order_item, event_time = EXCLUDED.event_time, received_at = EXCLUDED.received_at,
       checked = false, live = NULL, replay = NULL, resync = s.resync AND NOT EXCLUDED.whole
 WHERE (s.order_stream, s.order_item) < (EXCLUDED.order_stream, EXCLUDED.order_item)

-- name: unchecked
-- some that are still to be compared: any, so that those that must wait hold up no other
SELECT device, section, order_stream, order_item, live, replay FROM state_told WHERE NOT checked ORDER BY random() LIMIT $1

-- name: note
-- how far the pipeline must have read before these can be compared, unless newer heartbeats came meanwhile
UPDATE state_told AS s SET live = n.live, replay = n.replay
  FROM unnest($1::uuid[], $2::text[], $3::integer[], $4::bigint[], $5::bigint[], $6::bigint[])
       AS n (device, section, stream, item, live, replay)
 WHERE s.device = n.device AND s.section = n.section AND (s.order_stream, s.order_item) = (n.stream, n.item)

-- name: told
-- what a device says should be held of a section, and by which item
SELECT digest, order_stream, order_item FROM state_told WHERE device = $1 AND section = $2

-- name: settle
-- compared: 'same', 'drifted', 'unknown' (nobody can say; it is asked for whole) or 'superseded' (a newer item speaks of
-- it), unless a newer heartbeat came meanwhile; asked for at most once an interval
UPDATE state_told AS s
   SET checked = true,
       drifted_at = CASE $5 WHEN 'same' THEN NULL WHEN 'drifted' THEN coalesce(s.drifted_at, $6) ELSE s.drifted_at END,
       healed_at = CASE WHEN $5 = 'same' AND s.drifted_at IS NOT NULL THEN $6 ELSE s.healed_at END,
       resync = CASE WHEN $5 = 'same' THEN false WHEN $5 = 'superseded' THEN s.resync ELSE s.resync OR asks END,
       resync_asked = CASE WHEN $5 IN ('drifted', 'unknown') AND asks THEN $6 ELSE s.resync_asked END
  FROM (SELECT device, section, drifted_at IS NOT NULL AS drifted,
               resync_asked IS NULL OR resync_asked < $6::timestamptz - make_interval(secs => $7) AS asks
          FROM state_told WHERE device = $1 AND section = $2 FOR UPDATE) b
 WHERE s.device = b.device AND s.section = b.section AND (s.order_stream, s.order_item) = ($3, $4)
RETURNING b.drifted AS before, s.drifted_at IS NOT NULL AS after

-- name: of_device
-- sections of a device that are not held as it told them, or were not once
SELECT section, drifted_at, healed_at, resync FROM state_told
 WHERE device = $1 AND (drifted_at IS NOT NULL OR healed_at IS NOT NULL) ORDER BY section

-- name: lasting
-- how many devices are held otherwise than they told since before a moment
SELECT count(DISTINCT device) AS devices, min(drifted_at) AS oldest FROM state_told WHERE drifted_at < $1
