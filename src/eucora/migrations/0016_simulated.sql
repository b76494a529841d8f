-- migrate:up
-- Devices that do not exist: of `eucora demo`. Whoever enrols with a token for them is one for good.
SET LOCAL lock_timeout = '4s';

ALTER TABLE enrolment_tokens ADD COLUMN simulated boolean NOT NULL DEFAULT false;
ALTER TABLE devices ADD COLUMN simulated boolean NOT NULL DEFAULT false;
COMMENT ON COLUMN devices.simulated IS 'It does not exist: it was enrolled with a token for simulated devices, and goes with `eucora demo --remove`.';
CREATE INDEX devices_simulated ON devices (device_id) WHERE simulated;

-- migrate:down
SELECT 1;
