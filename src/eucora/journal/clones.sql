-- name: held
-- streams that are held, with the batch that did not fit
SELECT h.device, h.stream, h.number, h.last_sequence, h.received AS last_received, f.sequence, f.boot, f.seen_at
  FROM stream_forks f JOIN journal_heads h USING (stream) WHERE h.fork AND f.closed_at IS NULL ORDER BY f.seen_at DESC, h.stream

-- name: device_of
SELECT device FROM journal_heads WHERE stream = $1 AND fork

-- name: shards
SELECT shards FROM platform

-- name: lock
SELECT shard FROM journal_shards WHERE shard = $1 FOR UPDATE

-- name: end
UPDATE journal_heads SET fork = false, rewound = $2 WHERE stream = $1 AND fork RETURNING stream

-- name: note
UPDATE stream_forks SET closed_at = $2, closed_as = $3 WHERE stream = $1 AND closed_at IS NULL
