-- name: tips
SELECT shard, live, replay FROM journal_shards ORDER BY shard

-- name: acts
-- what no restore may undo, committed since; oldest first
SELECT * FROM (
  SELECT m.at, 'erase' AS act, m.device AS id, '' AS kind, m.since, m.until, coalesce(e.whole, false) AS whole
    FROM archive_masks m LEFT JOIN erasures e USING (mask) WHERE m.device IS NOT NULL
  UNION ALL
  SELECT m.at, 'forget', m.subject, '', NULL, NULL, false FROM archive_masks m WHERE m.subject IS NOT NULL
  UNION ALL
  SELECT destroyed_at, 'destroy', owner, kind, NULL, NULL, false FROM journal_keys WHERE destroyed_at IS NOT NULL
  UNION ALL
  SELECT DISTINCT ended, 'revoke', device, '', NULL::timestamptz, NULL::timestamptz, false
    FROM signers WHERE state = 'revoked'
) AS acts WHERE at > $1 ORDER BY at, act, id
