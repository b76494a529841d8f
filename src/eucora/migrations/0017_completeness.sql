-- migrate:up
-- The gap ledger: which items of a stream nobody accounted for, and which a device said are gone.
SET LOCAL lock_timeout = '4s';

CREATE TABLE stream_items (
  stream  uuid PRIMARY KEY,
  device  uuid NOT NULL,
  number  integer NOT NULL,
  last    bigint NOT NULL,
  missing jsonb NOT NULL DEFAULT '[]',
  items   bigint NOT NULL DEFAULT 0,
  since   timestamptz
) WITH (fillfactor = 60);
CREATE INDEX stream_items_device ON stream_items (device);
CREATE INDEX stream_items_missing ON stream_items (since) WHERE items > 0;
COMMENT ON TABLE stream_items IS 'Items 1 to last of a stream are accounted for, but for missing: [[first, last, ms since when], …]; items: how many those are, since: the oldest.';

CREATE TABLE items_gone (
  stream  uuid NOT NULL,
  first   bigint NOT NULL,
  last    bigint NOT NULL,
  reason  text NOT NULL CHECK (reason IN ('shed', 'expired', 'corrupt', 'void')),
  device  uuid NOT NULL,
  told_at timestamptz NOT NULL,
  PRIMARY KEY (stream, first, last, reason)
);
CREATE INDEX items_gone_device ON items_gone (device, told_at);
COMMENT ON TABLE items_gone IS 'Items that a device could not keep, as it said itself in a signed batch that arrived at told_at.';

-- Of streams that were there before nothing is known to be missing.
INSERT INTO stream_items (stream, device, number, last)
SELECT stream, device, number, last_item FROM journal_heads WHERE last_item > 0;

REVOKE ALL ON stream_items, items_gone FROM PUBLIC;
GRANT SELECT, INSERT, UPDATE ON stream_items TO eucora_app;
GRANT SELECT, INSERT ON items_gone TO eucora_app;

-- migrate:down
SELECT 1;
