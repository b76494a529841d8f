-- name: in_turn
SELECT pg_advisory_xact_lock(4711021)

-- name: items_lost
-- what devices said since then that they could not keep
INSERT INTO incidents AS i (kind, severity, device, opened_at, detail)
SELECT 'items-lost', 'S1', g.device, min(g.told_at), jsonb_build_object(
         'items', least(sum(g.last - g.first + 1), 9007199254740991),
         'reasons', jsonb_agg(DISTINCT g.reason), 'last_told', max(g.told_at))
  FROM items_gone g JOIN devices d ON d.device_id = g.device WHERE g.told_at > $1 GROUP BY g.device
ON CONFLICT (kind, device) WHERE closed_at IS NULL DO UPDATE SET detail = EXCLUDED.detail
 WHERE i.detail IS DISTINCT FROM EXCLUDED.detail

-- name: items_missing
INSERT INTO incidents AS i (kind, severity, device, opened_at, detail)
SELECT 'items-missing', 'S1', m.device, min(m.since),
       jsonb_build_object('items', least(sum(m.items), 9007199254740991), 'streams', jsonb_agg(m.stream ORDER BY m.stream))
  FROM items_unexplained m JOIN devices d ON d.device_id = m.device WHERE m.since < $1 GROUP BY m.device
ON CONFLICT (kind, device) WHERE closed_at IS NULL DO UPDATE SET detail = EXCLUDED.detail
 WHERE i.detail IS DISTINCT FROM EXCLUDED.detail

-- name: clones
INSERT INTO incidents AS i (kind, severity, device, opened_at, detail)
SELECT 'clone', 'S1', f.device, min(f.seen_at), jsonb_build_object('streams', jsonb_agg(DISTINCT f.stream))
  FROM stream_forks f JOIN journal_heads h USING (stream) JOIN devices d ON d.device_id = f.device
 WHERE h.fork AND f.closed_at IS NULL GROUP BY f.device
ON CONFLICT (kind, device) WHERE closed_at IS NULL DO UPDATE SET detail = EXCLUDED.detail
 WHERE i.detail IS DISTINCT FROM EXCLUDED.detail

-- name: close
UPDATE incidents i SET closed_at = $1
 WHERE closed_at IS NULL AND NOT CASE kind
   WHEN 'items-lost' THEN EXISTS (SELECT FROM items_gone g WHERE g.device = i.device AND g.told_at > $2)
   WHEN 'items-missing' THEN EXISTS (SELECT FROM items_unexplained m WHERE m.device = i.device AND m.since < $3)
   ELSE EXISTS (SELECT FROM stream_forks f JOIN journal_heads h USING (stream)
                 WHERE f.device = i.device AND h.fork AND f.closed_at IS NULL) END

-- name: listed
SELECT number, kind, severity, device, opened_at, closed_at, detail::text FROM incidents
 WHERE ($1::uuid IS NULL OR device = $1) AND ($2 OR closed_at IS NULL) AND ($3::bigint IS NULL OR number < $3)
 ORDER BY number DESC LIMIT $4
