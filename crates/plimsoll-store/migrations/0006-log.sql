-- The transparency log. What is to become a leaf waits here, written in the transaction that it tells of.
CREATE TABLE log_pending (
    id {identity},
    leaf_hash TEXT NOT NULL UNIQUE,
    entry TEXT NOT NULL,
    payload TEXT,
    repository TEXT
);

-- The leaves. An entry holds hashes only; what an event was is its payload, which may be erased.
CREATE TABLE log_entries (
    leaf_index BIGINT PRIMARY KEY,
    leaf_hash TEXT NOT NULL UNIQUE,
    entry TEXT NOT NULL,
    payload TEXT,
    repository TEXT
);

-- Each tile as wide as it is now; a narrower one is its beginning.
CREATE TABLE log_tiles (
    level BIGINT NOT NULL,
    tile_index BIGINT NOT NULL,
    hashes {bytes} NOT NULL,
    PRIMARY KEY (level, tile_index)
);

-- One for each batch. Without an object key it is not in the journal yet, and nobody is shown it.
CREATE TABLE log_checkpoints (
    size BIGINT PRIMARY KEY,
    note TEXT NOT NULL,
    record_key TEXT
);
CREATE INDEX log_checkpoints_unpublished ON log_checkpoints (size) WHERE record_key IS NULL;

-- One row, which whoever appends locks: the tree has one end.
CREATE TABLE log_head (
    id BIGINT PRIMARY KEY,
    origin TEXT NOT NULL,
    size BIGINT NOT NULL
);
