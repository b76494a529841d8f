-- migrate:up
-- Followers of lines and spans: rows found by their place; and of what only a retention deletes, the date.
SET LOCAL lock_timeout = '4s';

CREATE INDEX hot_lines_place ON hot_lines (shard, lane, position);
CREATE INDEX hot_spans_place ON hot_spans (shard, lane, position);

ALTER TABLE follower_erasures ADD COLUMN gone_by timestamptz;
COMMENT ON COLUMN follower_erasures.gone_by IS 'Of a server that can not delete by attribute: when its retention will have done it.';

-- migrate:down
SELECT 1;
