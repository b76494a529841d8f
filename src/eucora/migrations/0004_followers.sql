-- migrate:up
-- Followers of the archive: how far each was told, what it refused, and rows found by their place for it.
SET LOCAL lock_timeout = '4s';

CREATE INDEX hot_metrics_place ON hot_metrics (shard, lane, position);

CREATE TABLE followers (
  follower      text PRIMARY KEY,
  lease         uuid,
  leased_until  timestamptz,
  told          bigint NOT NULL DEFAULT 0,
  merged        bigint NOT NULL DEFAULT 0,
  clamped       bigint NOT NULL DEFAULT 0,
  retries       bigint NOT NULL DEFAULT 0,
  rate_per_s    double precision NOT NULL DEFAULT 0,
  told_at       timestamptz,
  letters_at    timestamptz NOT NULL DEFAULT '1970-01-01Z',
  last_error    text,
  last_error_at timestamptz
) WITH (fillfactor = 50);
COMMENT ON TABLE followers IS 'Servers that are told what the archive holds. Who holds the lease tells; counters are of samples, lines or spans, and move with the cursor. letters_at: dead letters that were digested again before it were told.';

CREATE TABLE follower_cursors (
  follower text NOT NULL REFERENCES followers,
  shard    smallint NOT NULL,
  lane     smallint NOT NULL,
  position bigint NOT NULL DEFAULT 0,
  received timestamptz NOT NULL DEFAULT '1970-01-01Z',
  PRIMARY KEY (follower, shard, lane)
) WITH (fillfactor = 50);
COMMENT ON TABLE follower_cursors IS 'Up to where a follower was told, place by place. Apart from the cursors of the journal: a follower that is down holds no journal back.';

CREATE TABLE follower_refusals (
  follower text NOT NULL REFERENCES followers,
  reason   text NOT NULL,
  day      date NOT NULL,
  first    timestamptz NOT NULL,
  last     timestamptz NOT NULL,
  count    bigint NOT NULL,
  noted_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (follower, reason, day)
);
COMMENT ON TABLE follower_refusals IS 'What a follower never takes, as too old or otherwise: the times between which it lies, its count, its reason. The data is in the archive.';

CREATE TABLE follower_erasures (
  follower     text NOT NULL REFERENCES followers,
  mask         bigint NOT NULL,
  device       uuid NOT NULL,
  since        timestamptz,
  until        timestamptz NOT NULL,
  asked_at     timestamptz,
  left_there   bigint,
  forgotten_at timestamptz,
  PRIMARY KEY (follower, mask)
);
CREATE INDEX follower_erasures_open ON follower_erasures (follower, mask) WHERE forgotten_at IS NULL;
COMMENT ON TABLE follower_erasures IS 'Erasures of the archive that a follower was asked for. left_there: series that it still shows, since it can not delete them yet; it is asked again until nothing is.';

REVOKE ALL ON followers, follower_cursors, follower_refusals, follower_erasures FROM PUBLIC;
GRANT SELECT, INSERT, UPDATE ON followers, follower_cursors, follower_refusals, follower_erasures TO eucora_app;

-- migrate:down
SELECT 1;
