-- name: make_metrics
-- of this session alone, and gone with it
CREATE TEMPORARY TABLE draft_metrics (LIKE hot_metrics)

-- name: make_lines
CREATE TEMPORARY TABLE draft_lines (LIKE hot_lines)

-- name: make_spans
CREATE TEMPORARY TABLE draft_spans (LIKE hot_spans)

-- name: drop
DROP TABLE IF EXISTS pg_temp.draft_metrics, pg_temp.draft_lines, pg_temp.draft_spans

-- name: metrics
SELECT device, (extract(epoch FROM time) * 1000000)::bigint, (extract(epoch FROM received) * 1000000)::bigint,
       position, item, shard, lane, marks, shape, "values"
  FROM draft_metrics h
 WHERE NOT EXISTS (SELECT FROM archive_masks k
                    WHERE k.device = h.device AND (k.since IS NULL OR h.time >= k.since) AND h.time < k.until)

-- name: lines
SELECT device, (extract(epoch FROM time) * 1000000)::bigint, (extract(epoch FROM received) * 1000000)::bigint,
       position, item, shard, lane, marks, shape, id, CASE WHEN p IS NULL THEN subject END, count,
       CASE WHEN p IS NULL THEN text ELSE '' END, CASE WHEN p IS NULL THEN fields END
  FROM draft_lines h
  LEFT JOIN LATERAL (SELECT true FROM archive_masks k WHERE k.subject = h.subject LIMIT 1) AS erased (p) ON true
 WHERE NOT EXISTS (SELECT FROM archive_masks k
                    WHERE k.device = h.device AND (k.since IS NULL OR h.time >= k.since) AND h.time < k.until)

-- name: spans
SELECT device, (extract(epoch FROM time) * 1000000)::bigint, (extract(epoch FROM received) * 1000000)::bigint,
       position, item, shard, lane, marks, shape, encode(trace_id, 'hex'), encode(span_id, 'hex'),
       encode(parent_id, 'hex'), CASE WHEN p IS NULL THEN subject END, duration_s, status, CASE WHEN p IS NULL THEN attributes END
  FROM draft_spans h
  LEFT JOIN LATERAL (SELECT true FROM archive_masks k WHERE k.subject = h.subject LIMIT 1) AS erased (p) ON true
 WHERE NOT EXISTS (SELECT FROM archive_masks k
                    WHERE k.device = h.device AND (k.since IS NULL OR h.time >= k.since) AND h.time < k.until)
