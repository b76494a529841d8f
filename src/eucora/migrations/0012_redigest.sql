-- migrate:up
-- Windows digested again: what was asked, how far it is, what it changed.
SET LOCAL lock_timeout = '4s';

CREATE TABLE redigests (
  redigest bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  since    timestamptz NOT NULL,
  until    timestamptz NOT NULL,
  first    integer NOT NULL,
  last     integer NOT NULL CHECK (last >= first),
  next     integer NOT NULL,
  asked_at timestamptz NOT NULL,
  done_at  timestamptz,
  entries  bigint NOT NULL DEFAULT 0,
  carried  bigint NOT NULL DEFAULT 0,
  items    bigint NOT NULL DEFAULT 0,
  dead     bigint NOT NULL DEFAULT 0,
  mended   bigint NOT NULL DEFAULT 0
);
COMMENT ON TABLE redigests IS 'Ranges digested again. first, last: windows; next: the first that is still to do; entries digested again, carried over as they were, items stored, dead letters made and mended by it.';

ALTER TABLE dead_letters DROP CONSTRAINT dead_letters_state_check;
ALTER TABLE dead_letters ADD CONSTRAINT dead_letters_state_check CHECK (state IN ('open', 'replayed', 'failed', 'mended'));
COMMENT ON COLUMN dead_letters.state IS 'replayed: stored by itself, when somebody asked · mended: stored with its batch, when its range was digested again.';

REVOKE ALL ON redigests FROM PUBLIC;
GRANT SELECT, INSERT, UPDATE ON redigests TO eucora_app;

-- migrate:down
SELECT 1;
