-- name: installed_on
-- packages on a device now, behind a key
SELECT source, name, architecture, version, signature, purl, publisher, event_time, received_at
  FROM software_inventory
 WHERE device = $1 AND present AND (source, name, architecture, version) > ($2, $3, $4, $5)
 ORDER BY source, name, architecture, version
 LIMIT $6

-- name: count_on
-- how many packages are on a device now
SELECT count(*) FROM software_inventory WHERE device = $1 AND present

-- name: begin_states
-- a state for each device that has none yet
INSERT INTO software_state (device) SELECT device FROM unnest($1::uuid[]) AS d (device) ORDER BY device ON CONFLICT DO NOTHING

-- name: lock_states
-- the states of some devices, in ascending order
SELECT device, full_stream, full_item, full_time, full_received, order_stream, order_item, result
  FROM software_state WHERE device = ANY ($1::uuid[]) ORDER BY device FOR UPDATE

-- name: sweep
-- whatever a device was said to have before its newest full inventory is absent under that inventory's order key
UPDATE software_inventory s
   SET present = false, signature = NULL, purl = NULL, publisher = NULL,
       order_stream = n.stream, order_item = n.item, event_time = n.event_time, received_at = n.received_at
  FROM unnest($1::uuid[], $2::integer[], $3::bigint[], $4::timestamptz[], $5::timestamptz[])
       AS n (device, stream, item, event_time, received_at)
 WHERE s.device = n.device AND (s.order_stream, s.order_item) < (n.stream, n.item)

-- name: say
-- what packages are said to be, unless a newer item has said so already
INSERT INTO software_inventory AS s (device, source, name, architecture, version, present, signature, purl, publisher,
                                     order_stream, order_item, event_time, received_at)
SELECT * FROM unnest($1::uuid[], $2::text[], $3::text[], $4::text[], $5::text[], $6::boolean[], $7::text[], $8::text[],
                     $9::text[], $10::integer[], $11::bigint[], $12::timestamptz[], $13::timestamptz[])
ON CONFLICT (device, source, name, architecture, version) DO UPDATE
   SET present = EXCLUDED.present, signature = EXCLUDED.signature, purl = EXCLUDED.purl, publisher = EXCLUDED.publisher,
       order_stream = EXCLUDED.order_stream, order_item = EXCLUDED.order_item,
       event_time = EXCLUDED.event_time, received_at = EXCLUDED.received_at
 WHERE (s.order_stream, s.order_item) < (EXCLUDED.order_stream, EXCLUDED.order_item)

-- name: keep_states
-- states after a batch; a new newest item has its digest still to be compared
UPDATE software_state s
   SET full_stream = n.full_stream, full_item = n.full_item, full_time = n.full_time, full_received = n.full_received,
       order_stream = n.stream, order_item = n.item, result = n.result, checked = false,
       resync = s.resync AND (n.full_stream, n.full_item) = (s.full_stream, s.full_item)
  FROM unnest($1::uuid[], $2::integer[], $3::bigint[], $4::timestamptz[], $5::timestamptz[], $6::integer[], $7::bigint[],
              $8::text[])
       AS n (device, full_stream, full_item, full_time, full_received, stream, item, result)
 WHERE s.device = n.device

-- name: newest
-- by which item the newest is known of a device's inventory
SELECT order_stream, order_item FROM software_state WHERE device = $1

-- name: unchecked
-- some devices whose digest is still to be compared: any, so that those that must wait hold up no other
SELECT device, result FROM software_state WHERE NOT checked AND result IS NOT NULL ORDER BY random() LIMIT $1

-- name: packages_of
-- every package on a device now
SELECT name, version, signature, source, architecture, purl, publisher
  FROM software_inventory WHERE device = $1 AND present

-- name: settle_check
-- the digest was compared with what it should be, unless that has changed meanwhile; a mismatch asks for a full
-- inventory, at most one an interval
UPDATE software_state
   SET checked = true,
       resync = CASE WHEN $3 THEN resync
                     WHEN resync_asked IS NULL OR resync_asked < $4::timestamptz - make_interval(secs => $5) THEN true
                     ELSE resync END,
       resync_asked = CASE WHEN NOT $3 AND (resync_asked IS NULL
                                OR resync_asked < $4::timestamptz - make_interval(secs => $5)) THEN $4 ELSE resync_asked END
 WHERE device = $1 AND result = $2

-- name: resyncs
-- devices that should send a full inventory
SELECT device FROM software_state WHERE resync
