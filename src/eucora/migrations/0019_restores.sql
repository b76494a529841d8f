-- migrate:up
-- A database that was put back: which epoch began with it, and which items are missing for that reason.
SET LOCAL lock_timeout = '4s';

CREATE TABLE restores (
  epoch      integer PRIMARY KEY,
  noticed_at timestamptz NOT NULL,
  replayed   integer NOT NULL
);
COMMENT ON TABLE restores IS 'The epochs that began with a database that was put back; replayed: erasures, destroyed keys and revocations that were done again.';

ALTER TABLE stream_items
  ADD COLUMN restored boolean NOT NULL DEFAULT false,
  ADD COLUMN begins bigint NOT NULL DEFAULT 1;
COMMENT ON COLUMN stream_items.begins IS 'The first item of the stream, once its first batch has come; ordinals run on where a device begins a stream anew.';
COMMENT ON COLUMN stream_items.restored IS 'Nothing of the stream came since the database was put back: what is found missing then, the restore lost.';

-- What nobody has said anything of: not what a device named as lost, nor what it no longer held after a restore.
CREATE VIEW items_unexplained AS
SELECT s.stream, s.device, sum((m.hole->>1)::numeric - (m.hole->>0)::numeric + 1) AS items,
       min(to_timestamp((m.hole->>2)::numeric / 1000)) AS since
  FROM stream_items s
  LEFT JOIN journal_heads h USING (stream)
 CROSS JOIN LATERAL jsonb_array_elements(s.missing) AS m (hole)
 CROSS JOIN LATERAL (
   SELECT coalesce(h.gaps, '[]') = '[]' AS closed,
          EXISTS (SELECT FROM stream_items n WHERE n.device = s.device AND n.number > s.number) AS left_behind) AS w
 WHERE s.items > 0 AND NOT (w.closed AND NOT w.left_behind)
   AND NOT (coalesce((m.hole->>3)::boolean, false) AND (w.closed OR w.left_behind))
 GROUP BY s.stream, s.device;
COMMENT ON VIEW items_unexplained IS 'Streams with items that nobody accounted for and nobody explained: awaited, or left behind with the stream.';

CREATE INDEX signers_revoked ON signers (ended) WHERE state = 'revoked';

REVOKE ALL ON restores, items_unexplained FROM PUBLIC;
GRANT SELECT, INSERT ON restores TO eucora_app;
GRANT SELECT ON items_unexplained TO eucora_app;

-- migrate:down
SELECT 1;
