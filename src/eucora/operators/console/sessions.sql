-- name: add_link
INSERT INTO console_links (digest, token_id, created_at, expires_at) VALUES ($1, $2, $3, $4)

-- name: use_link
-- once, and not after its end
UPDATE console_links SET used_at = $2 WHERE digest = $1 AND used_at IS NULL AND expires_at > $2 RETURNING token_id

-- name: token_of_operator
-- the newest token of an operator that is still good
SELECT t.token_id FROM operator_tokens t JOIN operators o USING (operator_id)
 WHERE o.name = $1 AND o.disabled_at IS NULL AND t.revoked_at IS NULL AND t.expires_at > $2
 ORDER BY t.created_at DESC LIMIT 1

-- name: token
-- who holds a token that is still good
SELECT t.token_id, t.operator_id, o.name, t.scopes FROM operator_tokens t JOIN operators o USING (operator_id)
 WHERE t.token_id = $1 AND o.disabled_at IS NULL AND t.revoked_at IS NULL AND t.expires_at > $2

-- name: begin
INSERT INTO console_sessions (session_id, digest, token_id, created_at, seen_at, expires_at) VALUES ($1, $2, $3, $4, $4, $5)

-- name: find
-- a session that has not ended, nor its token, nor its operator
SELECT s.session_id, s.token_id, s.seen_at, s.expires_at, s.unmasked_until, s.unmasked_for, t.operator_id, o.name, t.scopes
  FROM console_sessions s JOIN operator_tokens t USING (token_id) JOIN operators o USING (operator_id)
 WHERE s.digest = $1 AND s.ended_at IS NULL AND s.expires_at > $2 AND s.seen_at > $3
   AND o.disabled_at IS NULL AND t.revoked_at IS NULL AND t.expires_at > $2

-- name: seen
-- once a minute
UPDATE console_sessions SET seen_at = $2::timestamptz WHERE session_id = $1 AND seen_at < $2::timestamptz - interval '1 minute'

-- name: end_session
UPDATE console_sessions SET ended_at = $2 WHERE session_id = $1 AND ended_at IS NULL RETURNING session_id

-- name: unmask
UPDATE console_sessions SET unmasked_until = $2, unmasked_for = $3 WHERE session_id = $1

-- name: operators
-- the names behind the ids of the trail
SELECT operator_id, name FROM operators

-- name: filters
SELECT name, query FROM console_filters WHERE operator_id = $1 AND removed_at IS NULL ORDER BY name

-- name: keep_filter
INSERT INTO console_filters (operator_id, name, query, created_at) VALUES ($1, $2, $3, $4)
ON CONFLICT (operator_id, name) DO UPDATE SET query = EXCLUDED.query, created_at = EXCLUDED.created_at, removed_at = NULL

-- name: remove_filter
UPDATE console_filters SET removed_at = $3 WHERE operator_id = $1 AND name = $2 AND removed_at IS NULL
