-- name: lanes
-- what was appended and digested, and how far the digest is behind
SELECT l.lane, sum(CASE l.lane WHEN 0 THEN s.live ELSE s.replay END)::bigint AS appended,
       sum(coalesce(c.position, 0))::bigint AS digested,
       coalesce(max(extract(epoch FROM s.received - CASE coalesce(c.position, 0) WHEN 0 THEN p.created_at ELSE c.received END))
                  FILTER (WHERE CASE l.lane WHEN 0 THEN s.live ELSE s.replay END > coalesce(c.position, 0)), 0)::float8 AS behind_s
  FROM journal_shards s CROSS JOIN (VALUES (0), (1)) l (lane) CROSS JOIN platform p
  LEFT JOIN cursors c ON c.consumer = 'pipeline' AND c.shard = s.shard AND c.lane = l.lane
 GROUP BY l.lane ORDER BY l.lane

-- name: counts
SELECT (SELECT coalesce(sum(count), 0)::bigint FROM dead_letters WHERE state = 'open') AS dead_letters,
       (SELECT count(*) FROM windows WHERE state = 'closed') AS windows,
       coalesce((SELECT max(position) FROM audit_events), 0) - coalesce((SELECT max(position) FROM audit_heads), 0) AS unsigned,
       (SELECT count(*) FROM devices WHERE state = 'enrolled') AS enrolled,
       (SELECT count(*) FROM devices WHERE state = 'revoked') AS revoked,
       (SELECT count(*) FROM journal_heads WHERE fork) AS forks,
       (SELECT count(*) FROM (SELECT FROM journal_heads h JOIN devices d ON d.device_id = h.device AND d.state = 'enrolled'
         GROUP BY h.device HAVING max(h.received) BETWEEN $2 AND $1) s) AS silent,
       (SELECT least(coalesce(sum(items), 0), 9007199254740991)::bigint FROM items_unexplained) AS missing,
       (SELECT count FROM deployment_outcomes WHERE outcome = 'succeeded') AS succeeded,
       (SELECT sum(count)::bigint FROM deployment_outcomes WHERE outcome <> 'succeeded') AS failed
