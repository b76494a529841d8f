-- name: begin_epoch
UPDATE platform SET epoch = $1 WHERE epoch < $1

-- name: note
INSERT INTO restores (epoch, noticed_at, replayed) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING

-- name: mark_streams
UPDATE stream_items SET restored = true WHERE NOT restored

-- name: known
-- acts that the database remembers
SELECT 'erase' AS act, device AS id, since, until FROM archive_masks WHERE device IS NOT NULL
UNION SELECT 'forget', subject, NULL, NULL FROM archive_masks WHERE subject IS NOT NULL
UNION SELECT 'destroy', owner, NULL, NULL FROM journal_keys WHERE destroyed_at IS NOT NULL
UNION SELECT 'revoke', device, NULL, NULL FROM signers WHERE state = 'revoked'
