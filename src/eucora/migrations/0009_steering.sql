-- migrate:up
-- Followers are steered: paused, resumed, told again from a time; and when the next try is, is seen.
SET LOCAL lock_timeout = '4s';

ALTER TABLE followers ADD COLUMN paused_at timestamptz, ADD COLUMN retry_at timestamptz;
COMMENT ON COLUMN followers.paused_at IS 'Since when nothing is told, because an operator asked for it; the cursor waits.';
COMMENT ON COLUMN followers.retry_at IS 'When it is tried again after a failure.';

CREATE TABLE follower_agains (
  follower text NOT NULL REFERENCES followers,
  shard    smallint NOT NULL,
  lane     smallint NOT NULL,
  position bigint NOT NULL,
  upto     bigint NOT NULL,
  asked    boolean NOT NULL,
  PRIMARY KEY (follower, shard, lane)
) WITH (fillfactor = 50);
COMMENT ON TABLE follower_agains IS 'What a follower is told once more, beside what is new: from behind position up to upto, place by place; gone when it is done. asked: by an operator, so that what is refused now counts; else what was told just before the server was away.';

REVOKE ALL ON follower_agains FROM PUBLIC;
GRANT SELECT, INSERT, UPDATE, DELETE ON follower_agains TO eucora_app;

-- migrate:down
SELECT 1;
