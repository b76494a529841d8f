-- migrate:up
-- The platform's own signals: which batches are traced, and the copy of the audit trail beside the followers.
SET LOCAL lock_timeout = '4s';

CREATE TABLE traced (
  shard    smallint NOT NULL,
  lane     smallint NOT NULL,
  position bigint NOT NULL,
  digest   bytea NOT NULL,
  received timestamptz NOT NULL,
  PRIMARY KEY (shard, lane, position)
);
CREATE INDEX traced_received ON traced (received);
COMMENT ON TABLE traced IS 'Sampled batches of the last two days, by place: a follower tells their traces on.';

ALTER TABLE followers ADD COLUMN follows text NOT NULL DEFAULT 'archive' CHECK (follows IN ('archive', 'audit'));
COMMENT ON COLUMN followers.follows IS 'What its cursor counts: positions of the archive''s places, or events of the audit trail.';

REVOKE ALL ON traced FROM PUBLIC;
GRANT SELECT, INSERT, DELETE ON traced TO eucora_app;

-- migrate:down
SELECT 1;
