-- name: keys
-- every key that ever signed for a device, with what it is verified by
SELECT keyid, algorithm, public_key FROM signers WHERE device = $1 ORDER BY since

-- name: places
-- where each batch of a device stands, stream by stream in order of sequence
SELECT d.stream, d.sequence, d.shard, d.lane, d.position, d.received
  FROM journal_heads h JOIN journal_digests d USING (stream)
 WHERE h.device = $1 AND ($2::timestamptz IS NULL OR d.received >= $2) ORDER BY h.number, d.sequence

-- name: hot
SELECT e.shard, e.lane, e.position, e.received, e.stream, e.sequence, e.keyid, e.signed, e.signature
  FROM unnest($1::smallint[], $2::smallint[], $3::bigint[], $4::timestamptz[]) AS w (shard, lane, position, received)
  JOIN journal_entries e USING (shard, lane, position, received)

-- name: segments
-- objects that hold these places
SELECT DISTINCT s.object, s.digest
  FROM unnest($1::smallint[], $2::smallint[], $3::bigint[]) AS w (shard, lane, position)
  JOIN journal_segments s ON s.shard = w.shard AND s.lane = w.lane AND s.first <= w.position AND s.last >= w.position
   AND s.expired_at IS NULL
