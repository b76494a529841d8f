-- name: use_token
-- one use of a token that is not used up, expired or revoked
UPDATE enrolment_tokens SET uses_left = uses_left - 1
 WHERE digest = $1 AND uses_left > 0 AND expires_at > $2 AND revoked_at IS NULL
RETURNING token_id, site, simulated;

-- name: known_token
-- a token that may be used up: it still vouches for the device that used it and did not hear the answer
SELECT token_id, site, simulated FROM enrolment_tokens WHERE digest = $1 AND expires_at > $2 AND revoked_at IS NULL;

-- name: device_of_key
-- the device for which an unrevoked key is enrolled
SELECT s.device FROM signers s JOIN devices d ON d.device_id = s.device
 WHERE s.keyid = $1 AND s.state = 'active' AND d.state = 'enrolled';

-- name: lock_device
-- a device that is enrolled, until the end of the transaction
SELECT device_id FROM devices WHERE device_id = $1 AND state = 'enrolled' FOR UPDATE;

-- name: state_of_key
-- after lock_device, in a statement of its own: it sees what was committed while that one waited
SELECT state FROM signers WHERE keyid = $1;

-- name: add_device
INSERT INTO devices (device_id, enrolled_at, received_at, simulated) VALUES ($1, $2, $2, $3);
