-- name: add
UPDATE deployment_outcomes AS o SET count = o.count + n.count
  FROM unnest($1::text[], $2::bigint[]) AS n (outcome, count) WHERE o.outcome = n.outcome
