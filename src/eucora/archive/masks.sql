-- name: in_order
-- masks become visible in the order of their numbers: a file that respects one respects all before it
SELECT pg_advisory_xact_lock(4711005)

-- name: erase
-- rows that are there now lie in windows up to the one that is open now
INSERT INTO archive_masks (device, since, until, at, "window")
VALUES ($1, $2, $3, $4, (SELECT max("window") FROM windows))
RETURNING mask, device, subject, since, until, at, done_at

-- name: erase_subjects
-- what persons wrote; again changes nothing
INSERT INTO archive_masks (subject, until, at, "window")
SELECT s, $2, $2, (SELECT max("window") FROM windows) FROM unnest($1::uuid[]) s
 WHERE NOT EXISTS (SELECT FROM archive_masks k WHERE k.subject = s) ORDER BY s

-- name: erasures
SELECT mask, device, subject, since, until, at, done_at FROM archive_masks ORDER BY mask DESC LIMIT $1

-- name: of_device
SELECT device, since, until FROM archive_masks WHERE device = $1

-- name: newest
SELECT coalesce(max(mask), 0) FROM archive_masks

-- name: beyond
SELECT device, since, until, subject FROM archive_masks WHERE mask > $1 ORDER BY mask

-- name: settle
-- erasures of which nothing is left in a hot table or in an object that was ever current
UPDATE archive_masks k SET done_at = $1
 WHERE done_at IS NULL
   AND NOT EXISTS (SELECT FROM windows w WHERE w."window" <= k."window" AND w.dropped_at IS NULL)
   AND NOT EXISTS (SELECT FROM archive_files f
                    WHERE f.masks < k.mask AND f.deleted_at IS NULL AND (k.device IS NOT NULL OR f.kind <> 'metrics')
                      AND (k.since IS NULL OR f.until >= k.since) AND f.since < k.until)
RETURNING mask
