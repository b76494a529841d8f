-- migrate:up
-- The console: one-time links, sessions of browsers, filters that operators keep.
SET LOCAL lock_timeout = '4s';

CREATE TABLE console_links (
  digest     bytea PRIMARY KEY,
  token_id   uuid NOT NULL REFERENCES operator_tokens,
  created_at timestamptz NOT NULL,
  expires_at timestamptz NOT NULL,
  used_at    timestamptz
);
COMMENT ON TABLE console_links IS 'Links that sign a browser in once, for the operator of a token. The link itself is not kept.';

CREATE TABLE console_sessions (
  session_id     uuid PRIMARY KEY,
  digest         bytea NOT NULL UNIQUE,
  token_id       uuid NOT NULL REFERENCES operator_tokens,
  created_at     timestamptz NOT NULL,
  seen_at        timestamptz NOT NULL,
  expires_at     timestamptz NOT NULL,
  ended_at       timestamptz,
  unmasked_until timestamptz,
  unmasked_for   text
);
CREATE INDEX console_sessions_token ON console_sessions (token_id);
COMMENT ON TABLE console_sessions IS 'Browsers that are signed in. A session may what its token may, and ends with it. The cookie itself is not kept.';

CREATE TABLE console_filters (
  operator_id uuid NOT NULL REFERENCES operators,
  name        text NOT NULL,
  query       text NOT NULL,
  created_at  timestamptz NOT NULL,
  removed_at  timestamptz,
  PRIMARY KEY (operator_id, name)
);
COMMENT ON TABLE console_filters IS 'Filters of the fleet that an operator keeps, as they stand in the address.';

REVOKE ALL ON console_links, console_sessions, console_filters FROM PUBLIC;
GRANT SELECT, INSERT, UPDATE ON console_links, console_sessions, console_filters TO eucora_app;

-- migrate:down
SELECT 1;
