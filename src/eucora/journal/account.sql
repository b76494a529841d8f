-- name: go_on
-- streams whose next items these are
UPDATE stream_items AS s SET last = n.last, restored = false
  FROM unnest($1::uuid[], $2::bigint[], $3::bigint[]) AS n (stream, first, last)
 WHERE s.stream = n.stream AND s.last + 1 = n.first
RETURNING s.stream

-- name: lock
SELECT stream, last, missing, restored, begins FROM stream_items WHERE stream = ANY ($1::uuid[]) ORDER BY stream FOR UPDATE

-- name: write
INSERT INTO stream_items AS s (stream, device, number, last, missing, items, since, begins)
SELECT * FROM unnest($1::uuid[], $2::uuid[], $3::integer[], $4::bigint[], $5::jsonb[], $6::bigint[], $7::timestamptz[],
                     $8::bigint[])
ON CONFLICT (stream) DO UPDATE
   SET last = EXCLUDED.last, missing = EXCLUDED.missing, items = EXCLUDED.items, since = EXCLUDED.since, begins = EXCLUDED.begins,
       restored = false

-- name: note_gone
INSERT INTO items_gone (stream, device, first, last, reason, told_at)
SELECT * FROM unnest($1::uuid[], $2::uuid[], $3::bigint[], $4::bigint[], $5::text[], $6::timestamptz[])
ON CONFLICT DO NOTHING
