-- The manifests that say to carry an exception, so that those of a repository are found. What they say is read from them.
CREATE TABLE exceptions (
    repository_id BIGINT NOT NULL,
    manifest TEXT NOT NULL,
    subject TEXT NOT NULL,
    PRIMARY KEY (repository_id, manifest)
);
