-- The evidence graph: what is said about images, and how it hangs together. All of it can be dropped, and is made again
-- from manifests, blobs and the log.

-- Manifests that are to be read for it. A row is taken by moving its time into the future. Where the manifest was deleted,
-- the retraction is the leaf that tells of it, and the subject what the manifest referred to.
CREATE TABLE evidence_queue (
    manifest TEXT PRIMARY KEY,
    due_at BIGINT NOT NULL,
    attempts BIGINT NOT NULL,
    retraction TEXT,
    subject TEXT
);
CREATE INDEX evidence_queue_by_time ON evidence_queue (due_at);

-- The version of the reader that the graph was made by, in one row; none before it was made.
CREATE TABLE evidence_reader (
    id BIGINT PRIMARY KEY,
    version BIGINT NOT NULL
);

-- One for each statement in a layer of a manifest. Without a layer the manifest was deleted, and the log alone tells of it.
-- The leaves are found by their hashes: a fact is noted whether or not it is logged by then.
CREATE TABLE facts (
    id {identity},
    manifest TEXT NOT NULL,
    part BIGINT NOT NULL,
    layer TEXT,
    subject TEXT,
    predicate_type TEXT,
    is_signed BIGINT NOT NULL,
    key_id TEXT,
    summary TEXT NOT NULL,
    problem TEXT,
    stated_at BIGINT,
    valid_from BIGINT,
    valid_until BIGINT,
    observed_at BIGINT,
    leaf TEXT,
    retraction TEXT,
    UNIQUE (manifest, part)
);
CREATE INDEX facts_by_subject ON facts (subject, predicate_type);

-- Who hangs together with what, and which fact says so. Without a fact an index says so itself: it lists the target.
CREATE TABLE evidence_edges (
    fact BIGINT REFERENCES facts (id),
    source TEXT NOT NULL,
    kind TEXT NOT NULL,
    target TEXT NOT NULL
);
CREATE INDEX evidence_edges_by_fact ON evidence_edges (fact);
CREATE INDEX evidence_edges_by_source ON evidence_edges (source, kind);
CREATE INDEX evidence_edges_by_target ON evidence_edges (target, kind);

-- Where images ran, as events of the log tell it.
CREATE TABLE runs (
    repository {text} NOT NULL,
    image TEXT NOT NULL,
    place TEXT NOT NULL,
    begun_at BIGINT NOT NULL,
    ended_at BIGINT,
    told_by TEXT NOT NULL,
    told_at BIGINT NOT NULL,
    leaf TEXT NOT NULL,
    PRIMARY KEY (repository, image, place, begun_at)
);
CREATE INDEX runs_by_image ON runs (image);
