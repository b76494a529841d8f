-- migrate:up
-- Followers of lines and spans: rows found by their place; who paused one; erasures of persons, and dates by retention.
SET LOCAL lock_timeout = '4s';

CREATE INDEX hot_lines_place ON hot_lines (shard, lane, position);
CREATE INDEX hot_spans_place ON hot_spans (shard, lane, position);

ALTER TABLE followers ADD COLUMN paused_at timestamptz;
COMMENT ON COLUMN followers.paused_at IS 'Since when an operator holds it; null: it is told.';

ALTER TABLE follower_erasures
  ALTER COLUMN device DROP NOT NULL,
  ADD COLUMN subject uuid,
  ADD COLUMN gone_by timestamptz,
  ADD CONSTRAINT follower_erasures_whose CHECK (device IS NOT NULL OR subject IS NOT NULL);
COMMENT ON COLUMN follower_erasures.gone_by IS 'Of a server that can not delete by attribute: when its retention will have done it.';

CREATE TABLE follower_retellings (
  retelling bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  follower  text NOT NULL REFERENCES followers,
  device    uuid,
  since     timestamptz NOT NULL,
  until     timestamptz NOT NULL CHECK (until > since),
  asked_at  timestamptz NOT NULL,
  forgotten boolean NOT NULL DEFAULT false,
  left_there bigint NOT NULL DEFAULT 0,
  at        jsonb NOT NULL DEFAULT '{}',
  upto      jsonb,
  told      bigint NOT NULL DEFAULT 0,
  done_at   timestamptz
);
CREATE INDEX follower_retellings_open ON follower_retellings (follower, retelling) WHERE done_at IS NULL;
COMMENT ON TABLE follower_retellings IS 'Ranges of event time that a follower is told again beside the present: forgotten first where the server can, then told from "at" up to "upto", positions by "shard/lane".';

REVOKE ALL ON follower_retellings FROM PUBLIC;
GRANT SELECT, INSERT, UPDATE ON follower_retellings TO eucora_app;

-- migrate:down
SELECT 1;
