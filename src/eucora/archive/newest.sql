-- name: lines
-- hot lines of some shapes in a span of time, of some devices or all
SELECT l.device, (extract(epoch FROM l.time) * 1000000)::bigint, (extract(epoch FROM l.received) * 1000000)::bigint,
       l.position, l.item, l.shape, l.id, l.subject, l.count, l.text, l.fields
  FROM hot_lines l
 WHERE l.time >= $1 AND l.time < $2 AND l."window" = ANY ($3::integer[]) AND l.shape = ANY ($4::integer[])
   AND ($5::uuid[] IS NULL OR l.device = ANY ($5))
   AND NOT EXISTS (SELECT FROM archive_masks k WHERE k.device = l.device AND (k.since IS NULL OR l.time >= k.since)
                                            AND l.time < k.until)

-- name: spans
-- hot spans of some shapes in a span of time, of some devices or all
SELECT s.device, (extract(epoch FROM s.time) * 1000000)::bigint, (extract(epoch FROM s.received) * 1000000)::bigint,
       s.position, s.item, s.shape, encode(s.trace_id, 'hex'), encode(s.span_id, 'hex'), encode(s.parent_id, 'hex'),
       s.subject, s.duration_s, s.status, s.attributes
  FROM hot_spans s
 WHERE s.time >= $1 AND s.time < $2 AND s."window" = ANY ($3::integer[]) AND s.shape = ANY ($4::integer[])
   AND ($5::uuid[] IS NULL OR s.device = ANY ($5))
   AND NOT EXISTS (SELECT FROM archive_masks k WHERE k.device = s.device AND (k.since IS NULL OR s.time >= k.since)
                                            AND s.time < k.until)

-- name: days
-- the days on which hot rows lie
SELECT DISTINCT time::DATE FROM hot

-- name: lines_a_minute
-- how many bytes a minute's lines have, about; newest first
SELECT date_trunc('minute', time) AS minute, sum(100 + strlen(text) + coalesce(strlen(fields), 0)) AS length
  FROM sought GROUP BY ALL ORDER BY minute DESC

-- name: spans_a_minute
SELECT date_trunc('minute', time) AS minute, sum(250 + coalesce(strlen(attributes), 0)) AS length
  FROM sought GROUP BY ALL ORDER BY minute DESC

-- name: lines_in_order
SELECT * FROM sought WHERE time >= $since AND time < $until
 ORDER BY time DESC, position DESC, item DESC, id DESC, device DESC

-- name: spans_in_order
SELECT * FROM sought WHERE time >= $since AND time < $until
 ORDER BY time DESC, position DESC, item DESC, span_id DESC, device DESC

-- name: line_shapes
-- shapes of lines of some kinds, sources and severities; null: all
SELECT shape, parts ->> 'kind' AS kind, parts ->> 'source' AS source, parts ->> 'severity' AS severity
  FROM shapes
 WHERE kind = 'lines' AND parts ->> 'kind' = ANY ($1::text[])
   AND ($2::text[] IS NULL OR parts ->> 'source' = ANY ($2)) AND ($3::text[] IS NULL OR parts ->> 'severity' = ANY ($3))

-- name: span_shapes
-- shapes of spans of some names; null: all
SELECT shape, parts ->> 'name' AS name FROM shapes WHERE kind = 'spans' AND ($1::text[] IS NULL OR parts ->> 'name' = ANY ($1))

-- name: of_trace
-- hot spans of a trace
SELECT s.device, s.time, s.received, s.position, s.item, s.shape, encode(s.trace_id, 'hex') AS trace_id,
       encode(s.span_id, 'hex') AS span_id, encode(s.parent_id, 'hex') AS parent_id, s.subject, s.duration_s, s.status,
       s.attributes
  FROM hot_spans s
 WHERE s.trace_id = $1 AND s."window" = ANY ($2::integer[])
   AND NOT EXISTS (SELECT FROM archive_masks k WHERE k.device = s.device AND (k.since IS NULL OR s.time >= k.since)
                                            AND s.time < k.until)
 ORDER BY s.time, s.span_id, s.position, s.item LIMIT $3
