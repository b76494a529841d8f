-- migrate:up
-- Where a device belongs, as operators say it; and aggregates by cohort for a metrics server.
SET LOCAL lock_timeout = '4s';

ALTER TABLE devices ADD COLUMN site text;
COMMENT ON COLUMN devices.site IS 'Where it belongs: of the token that it was enrolled with, or as an operator said since. Its past stands in device_facts.';
ALTER TABLE enrolment_tokens ADD COLUMN site text;
ALTER TABLE followers ADD COLUMN told_upto timestamptz;
COMMENT ON COLUMN followers.told_upto IS 'Of one that is told aggregates: the end of the last step that it was told.';

-- migrate:down
SELECT 1;
