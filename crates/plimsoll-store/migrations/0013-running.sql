-- What runs now, as far as was told: few of all runs.
CREATE INDEX runs_that_last ON runs (repository, image, place, begun_at) WHERE ended_at IS NULL;
