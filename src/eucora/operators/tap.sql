-- name: shards
SELECT shards FROM platform

-- name: tips
-- where a device's shard stands now: appended, and digested
SELECT s.live, s.replay, coalesce(l.position, 0) AS live_digested, coalesce(r.position, 0) AS replay_digested
  FROM journal_shards s
  LEFT JOIN cursors l ON l.consumer = 'pipeline' AND l.shard = s.shard AND l.lane = 0
  LEFT JOIN cursors r ON r.consumer = 'pipeline' AND r.shard = s.shard AND r.lane = 1
 WHERE s.shard = $1

-- name: journal
-- batches of a device in a stretch of positions, without their bodies
SELECT position, received, stream, sequence, first_item, last_item, octet_length(body) AS bytes, verdict FROM journal_entries
 WHERE shard = $1 AND lane = $2 AND position > $3 AND position <= $4 AND device = $5 AND received >= $6
 ORDER BY position LIMIT $7

-- name: metrics
-- what was digested, without what was erased
SELECT h.position, h.time, s.parts, h."values" FROM hot_metrics h JOIN shapes s USING (shape)
 WHERE h.shard = $1 AND h.lane = $2 AND h.position > $3 AND h.position <= $4 AND h.device = $5
   AND NOT EXISTS (SELECT FROM archive_masks k WHERE k.device = h.device AND (k.since IS NULL OR h.time >= k.since) AND h.time < k.until)
 ORDER BY h.position, h.item LIMIT $6

-- name: lines
SELECT h.position, h.time, h.received, h.marks, h.shape, s.parts, h.id, h.count, h.text, h.fields FROM hot_lines h JOIN shapes s USING (shape)
 WHERE h.shard = $1 AND h.lane = $2 AND h.position > $3 AND h.position <= $4 AND h.device = $5
   AND NOT EXISTS (SELECT FROM archive_masks k WHERE k.subject = h.subject
                       OR k.device = h.device AND (k.since IS NULL OR h.time >= k.since) AND h.time < k.until)
 ORDER BY h.position, h.item LIMIT $6

-- name: spans
SELECT h.position, h.time, h.received, h.marks, h.shape, s.parts, h.trace_id, h.span_id, h.parent_id, h.duration_s, h.status,
       h.attributes
  FROM hot_spans h JOIN shapes s USING (shape)
 WHERE h.shard = $1 AND h.lane = $2 AND h.position > $3 AND h.position <= $4 AND h.device = $5
   AND NOT EXISTS (SELECT FROM archive_masks k WHERE k.subject = h.subject
                       OR k.device = h.device AND (k.since IS NULL OR h.time >= k.since) AND h.time < k.until)
 ORDER BY h.position, h.item LIMIT $6

-- name: letters
SELECT position, received, ordinal, reason, path FROM dead_letters
 WHERE device = $5 AND shard = $1 AND lane = $2 AND position > $3 AND position <= $4 AND received >= $6
 ORDER BY position, ordinal LIMIT $7
