-- migrate:up
-- What the platform's processes count of their own work, and how deployments ended.
SET LOCAL lock_timeout = '4s';

CREATE TABLE own_figures (
  process uuid PRIMARY KEY,
  at      timestamptz NOT NULL DEFAULT clock_timestamp(),
  figures jsonb NOT NULL,
  ended   uuid[] NOT NULL DEFAULT '{}'
) WITH (fillfactor = 50);
COMMENT ON TABLE own_figures IS 'Counters, gauges and histograms of each process of the platform: [[name, [label], [value]]]. The row of zeros holds the sum of those that ended.';

CREATE TABLE deployment_outcomes (
  outcome text PRIMARY KEY CHECK (outcome IN ('succeeded', 'failed', 'rolled_back')),
  count   bigint NOT NULL DEFAULT 0
) WITH (fillfactor = 50);
INSERT INTO deployment_outcomes (outcome) VALUES ('succeeded'), ('failed'), ('rolled_back');
COMMENT ON TABLE deployment_outcomes IS 'How many deployments devices told as ended, by how; counted with the rows that say so.';

REVOKE ALL ON own_figures, deployment_outcomes FROM PUBLIC;
GRANT SELECT, INSERT, UPDATE, DELETE ON own_figures TO eucora_app;
GRANT SELECT, UPDATE ON deployment_outcomes TO eucora_app;

-- migrate:down
SELECT 1;
