-- name: create_shapes
-- shapes that are not there yet
INSERT INTO shapes (kind, parts, digest)
SELECT * FROM unnest($1::text[], $2::jsonb[], $3::bytea[]) AS s (kind, parts, digest) ORDER BY digest
ON CONFLICT (digest) DO NOTHING

-- name: shapes_of
-- numbers of shapes by their digests
SELECT shape, digest FROM shapes WHERE digest = ANY ($1::bytea[])

-- name: enter
-- behind whoever waits to close: row locks alone would let writers pass him by for ever
SELECT pg_advisory_xact_lock_shared(4711003)

-- name: shut
-- behind whoever writes
SELECT pg_advisory_xact_lock(4711003)

-- name: open_window
-- the window that takes rows now, held open
SELECT "window" FROM windows WHERE state = 'open' FOR SHARE

-- name: opened_at
-- since when the window that takes rows now is open
SELECT opened_at FROM windows WHERE state = 'open'

-- name: lock_open_window
-- waits until nobody writes into the open window
SELECT opened_at FROM windows WHERE state = 'open' FOR UPDATE

-- name: ranges
-- a place's positions from the end of the window before to where the digest is now; places without news left out
SELECT c.shard || '/' || c.lane AS place, coalesce(before.upto, 0) AS after, c.position AS upto
  FROM cursors c
  LEFT JOIN LATERAL (
    SELECT (w.ranges -> (c.shard || '/' || c.lane) ->> 1)::bigint AS upto
      FROM windows w WHERE w.state <> 'open' AND w.ranges ? (c.shard || '/' || c.lane)
     ORDER BY w."window" DESC LIMIT 1) before ON true
 WHERE c.consumer = $1 AND c.position > coalesce(before.upto, 0)

-- name: next_window
-- closes the open window with its ranges
SELECT open_window($1::jsonb)

-- name: latest
-- the newest hot rows of a device with their shapes
SELECT m.time, m.received, m.position, m.item, m.values, s.parts
  FROM (SELECT time, received, position, item, shape, values FROM hot_metrics h
         WHERE device = $1 AND "window" = ANY ($3::integer[])
           AND NOT EXISTS (SELECT FROM archive_masks k WHERE k.device = h.device AND (k.since IS NULL OR h.time >= k.since)
                                            AND h.time < k.until)
         ORDER BY time DESC LIMIT $2) m
  JOIN shapes s USING (shape)
 ORDER BY m.time DESC, m.position DESC, m.item DESC

-- name: parts_of
-- what shapes hold
SELECT shape, parts FROM shapes WHERE shape = ANY ($1::integer[])

-- name: places_of
-- in which shapes a metric stands, at which places, under which labels
SELECT shape, p.place::int AS place, p.part -> 1 AS labels
  FROM shapes, jsonb_array_elements(parts) WITH ORDINALITY AS p (part, place)
 WHERE kind = 'metrics' AND p.part ->> 0 = $1

-- name: series
-- the newest hot values of one metric of a device in a span of time
SELECT m.time, m.position, m.item, m.shape, s.place, m.values[s.place] AS value
  FROM hot_metrics m
  JOIN (SELECT shape, p.place::int AS place
          FROM shapes, jsonb_array_elements(parts) WITH ORDINALITY AS p (part, place)
         WHERE kind = 'metrics' AND p.part ->> 0 = $2) s USING (shape)
 WHERE m.device = $1 AND m.time >= $3 AND m.time < $4 AND m."window" = ANY ($6::integer[])
   AND NOT EXISTS (SELECT FROM archive_masks k WHERE k.device = m.device AND (k.since IS NULL OR m.time >= k.since)
                                            AND m.time < k.until)
 ORDER BY m.time DESC, m.position DESC, m.item DESC
 LIMIT $5

-- name: extent
-- between which moments rows of metrics lie: of this device those that are hot, of all those in files
SELECT least((SELECT min(time) FROM hot_metrics WHERE device = $1), min(since)) AS first,
       greatest((SELECT max(time) FROM hot_metrics WHERE device = $1), max(until)) AS last
  FROM archive_files WHERE kind = 'metrics' AND replaced_at IS NULL

-- name: rows_of
-- hot rows of a device in a span of time, oldest first
SELECT m.time, m.shape, m."values", m.marks
  FROM hot_metrics m
 WHERE m.device = $1 AND m.time >= $2 AND m.time < $3 AND m."window" = ANY ($4::integer[])
   AND NOT EXISTS (SELECT FROM archive_masks k WHERE k.device = m.device AND (k.since IS NULL OR m.time >= k.since)
                                            AND m.time < k.until)
 ORDER BY m.time, m.position, m.item

-- name: glance
-- the newest hot rows of some devices with their shapes: some of each, since not every row has every metric
SELECT d.device, m.time, m."values", s.parts
  FROM unnest($1::uuid[]) AS d (device)
  CROSS JOIN LATERAL (
    SELECT h.time, h.shape, h."values" FROM hot_metrics h
     WHERE h.device = d.device AND h."window" = ANY ($2::integer[])
       AND NOT EXISTS (SELECT FROM archive_masks k WHERE k.device = h.device AND (k.since IS NULL OR h.time >= k.since)
                                                AND h.time < k.until)
     ORDER BY h.time DESC LIMIT $3) AS m
  JOIN shapes s USING (shape)
 ORDER BY d.device, m.time
