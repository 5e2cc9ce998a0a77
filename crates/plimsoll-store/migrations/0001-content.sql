CREATE TABLE repositories (
    id {identity},
    name {text} NOT NULL UNIQUE,
    created_at BIGINT NOT NULL
);

-- One row per content. Without an object key the bytes were found damaged or missing, and wait to be pushed again.
CREATE TABLE blobs (
    digest TEXT PRIMARY KEY,
    size BIGINT NOT NULL,
    object_key TEXT UNIQUE,
    created_at BIGINT NOT NULL
);

-- Which repository holds which blob. A row with a review time is in the garbage collector's queue.
CREATE TABLE repository_blobs (
    repository_id BIGINT NOT NULL REFERENCES repositories (id),
    digest TEXT NOT NULL REFERENCES blobs (digest),
    review_after BIGINT,
    PRIMARY KEY (repository_id, digest)
);
CREATE INDEX repository_blobs_by_digest ON repository_blobs (digest);
CREATE INDEX repository_blobs_to_review ON repository_blobs (review_after) WHERE review_after IS NOT NULL;

CREATE TABLE manifests (
    repository_id BIGINT NOT NULL REFERENCES repositories (id),
    digest TEXT NOT NULL,
    media_type TEXT NOT NULL,
    artifact_type TEXT,
    subject TEXT,
    bytes {bytes} NOT NULL,
    record_key TEXT NOT NULL,
    pushed_at BIGINT NOT NULL,
    pushed_by TEXT NOT NULL,
    PRIMARY KEY (repository_id, digest)
);
CREATE INDEX manifests_by_record ON manifests (record_key);
CREATE INDEX manifests_by_subject ON manifests (repository_id, subject, digest) WHERE subject IS NOT NULL;

CREATE TABLE manifest_blobs (
    repository_id BIGINT NOT NULL,
    manifest TEXT NOT NULL,
    blob TEXT NOT NULL,
    PRIMARY KEY (repository_id, manifest, blob),
    FOREIGN KEY (repository_id, manifest) REFERENCES manifests (repository_id, digest),
    FOREIGN KEY (repository_id, blob) REFERENCES repository_blobs (repository_id, digest)
);
CREATE INDEX manifest_blobs_by_blob ON manifest_blobs (repository_id, blob);

CREATE TABLE tags (
    repository_id BIGINT NOT NULL,
    name {text} NOT NULL,
    digest TEXT NOT NULL,
    moved_at BIGINT NOT NULL,
    moved_by TEXT NOT NULL,
    PRIMARY KEY (repository_id, name),
    FOREIGN KEY (repository_id, digest) REFERENCES manifests (repository_id, digest)
);
CREATE INDEX tags_by_digest ON tags (repository_id, digest);

-- Every move of a tag. Without a digest the tag was deleted; without a previous one it was new.
CREATE TABLE tag_history (
    id {identity},
    repository_id BIGINT NOT NULL REFERENCES repositories (id),
    tag {text} NOT NULL,
    digest TEXT,
    previous TEXT,
    moved_at BIGINT NOT NULL,
    moved_by TEXT NOT NULL
);
CREATE INDEX tag_history_by_tag ON tag_history (repository_id, tag, id);

CREATE TABLE uploads (
    id TEXT PRIMARY KEY,
    repository_id BIGINT NOT NULL REFERENCES repositories (id),
    object_key TEXT NOT NULL,
    received BIGINT NOT NULL,
    object_state TEXT NOT NULL,
    algorithm TEXT NOT NULL,
    hash_state {bytes} NOT NULL,
    generation BIGINT NOT NULL,
    expires_at BIGINT NOT NULL
);
CREATE INDEX uploads_by_object ON uploads (object_key);
CREATE INDEX uploads_by_expiry ON uploads (expires_at);

-- Objects that nothing needs any more; they are deleted after the row that doomed them is committed.
CREATE TABLE doomed_objects (
    object_key TEXT PRIMARY KEY,
    object_state TEXT NOT NULL,
    doomed_at BIGINT NOT NULL
);

-- Objects whose bytes did not hash to what they were stored as. They are kept for a person to look at.
CREATE TABLE quarantined_objects (
    object_key TEXT PRIMARY KEY,
    digest TEXT NOT NULL,
    found TEXT NOT NULL,
    found_at BIGINT NOT NULL
);
