-- name: make_places
CREATE TABLE places (shape INTEGER, place INTEGER, labels VARCHAR)

-- name: place
INSERT INTO places VALUES ($1, $2, $3)

-- name: by_device
-- each series of each device, step by step
WITH told AS (
  SELECT p.device, s.labels, floor((epoch_us(p.time) - $since) / $step)::BIGINT AS step, p.value, p.time, p.position, p.item
    FROM points p JOIN places s USING (shape, place)
   WHERE p.value IS NOT NULL)
SELECT device, labels, step,
       CASE $op WHEN 'mean' THEN avg(value) WHEN 'min' THEN min(value) WHEN 'max' THEN max(value)
                WHEN 'count' THEN count(*)::DOUBLE WHEN 'last' THEN arg_max(value, (time, position, item)) END AS value
  FROM told GROUP BY ALL ORDER BY device, labels, step LIMIT $most

-- name: by_fleet
-- each series over all devices, step by step
SELECT NULL::UUID AS device, s.labels, floor((epoch_us(p.time) - $since) / $step)::BIGINT AS step,
       CASE $op WHEN 'mean' THEN avg(value) WHEN 'min' THEN min(value) WHEN 'max' THEN max(value)
                WHEN 'count' THEN count(*)::DOUBLE END AS value
  FROM points p JOIN places s USING (shape, place)
 WHERE p.value IS NOT NULL GROUP BY ALL ORDER BY labels, step LIMIT $most

-- name: quantile_by_device
SELECT device, s.labels, floor((epoch_us(p.time) - $since) / $step)::BIGINT AS step, quantile_cont(p.value, $quantile) AS value
  FROM points p JOIN places s USING (shape, place)
 WHERE p.value IS NOT NULL GROUP BY ALL ORDER BY device, labels, step LIMIT $most

-- name: quantile_by_fleet
SELECT NULL::UUID AS device, s.labels, floor((epoch_us(p.time) - $since) / $step)::BIGINT AS step,
       quantile_cont(p.value, $quantile) AS value
  FROM points p JOIN places s USING (shape, place)
 WHERE p.value IS NOT NULL GROUP BY ALL ORDER BY labels, step LIMIT $most

-- name: rate_by_device
-- what a counter rose a second between its points; one that fell began again at nothing
WITH risen AS (
  SELECT device, labels, time, epoch_us(time) - epoch_us(lag(time) OVER each) AS us,
         CASE WHEN value < lag(value) OVER each THEN value ELSE value - lag(value) OVER each END AS rise
    FROM points JOIN places USING (shape, place)
   WHERE value IS NOT NULL
  WINDOW each AS (PARTITION BY device, labels ORDER BY time, position, item))
SELECT device, labels, floor((epoch_us(time) - $since) / $step)::BIGINT AS step, sum(rise) * 1e6 / sum(us) AS value
  FROM risen WHERE us > 0 GROUP BY ALL ORDER BY device, labels, step LIMIT $most

-- name: rate_by_fleet
-- the sum of the devices' rates
WITH risen AS (
  SELECT device, labels, time, epoch_us(time) - epoch_us(lag(time) OVER each) AS us,
         CASE WHEN value < lag(value) OVER each THEN value ELSE value - lag(value) OVER each END AS rise
    FROM points JOIN places USING (shape, place)
   WHERE value IS NOT NULL
  WINDOW each AS (PARTITION BY device, labels ORDER BY time, position, item)),
rates AS (
  SELECT device, labels, floor((epoch_us(time) - $since) / $step)::BIGINT AS step, sum(rise) * 1e6 / sum(us) AS rate
    FROM risen WHERE us > 0 GROUP BY ALL)
SELECT NULL::UUID AS device, labels, step, sum(rate) AS value FROM rates GROUP BY ALL ORDER BY labels, step LIMIT $most

-- name: hot_points
-- hot values of one metric in a span of time, of some devices or all
SELECT m.device, (extract(epoch FROM m.time) * 1000000)::bigint, m.position, m.item, m.shape, s.place, m.values[s.place]
  FROM hot_metrics m
  JOIN (SELECT shape, p.place::int AS place
          FROM shapes, jsonb_array_elements(parts) WITH ORDINALITY AS p (part, place)
         WHERE kind = 'metrics' AND p.part ->> 0 = $1) s USING (shape)
 WHERE m.time >= $2 AND m.time < $3 AND m."window" = ANY ($4::integer[]) AND ($5::uuid[] IS NULL OR m.device = ANY ($5))
   AND NOT EXISTS (SELECT FROM archive_masks k WHERE k.device = m.device AND (k.since IS NULL OR m.time >= k.since)
                                            AND m.time < k.until)
