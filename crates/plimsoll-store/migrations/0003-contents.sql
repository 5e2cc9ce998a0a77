-- Layers that were analysed, by the digest of the stored blob. Without an object key there is no record, and the failure
-- says why.
CREATE TABLE layer_records (
    blob TEXT NOT NULL,
    analyser BIGINT NOT NULL,
    diff_id TEXT,
    object_key TEXT,
    size BIGINT NOT NULL,
    failure TEXT,
    analysed_at BIGINT NOT NULL,
    PRIMARY KEY (blob, analyser)
);
CREATE INDEX layer_records_by_object ON layer_records (object_key);

-- Images whose contents are to be found out. A row is taken by moving its time into the future.
CREATE TABLE image_queue (
    manifest TEXT PRIMARY KEY,
    due_at BIGINT NOT NULL,
    attempts BIGINT NOT NULL
);
CREATE INDEX image_queue_by_time ON image_queue (due_at);

-- Distinct components: what an image holds is a list of their numbers.
CREATE TABLE components (
    id {identity},
    fingerprint TEXT NOT NULL UNIQUE,
    body {bytes} NOT NULL
);

-- What is inside each image. Without contents the failure says why they are not known. The stack is the ChainID of all
-- its layers: an image whose layers begin with them was built on this one.
CREATE TABLE image_contents (
    id {identity},
    manifest TEXT NOT NULL UNIQUE,
    analyser BIGINT NOT NULL,
    components {bytes} NOT NULL,
    contents {bytes},
    failure TEXT,
    stack TEXT,
    analysed_at BIGINT NOT NULL
);
CREATE INDEX image_contents_by_analyser ON image_contents (analyser);
CREATE INDEX image_contents_by_stack ON image_contents (stack);

CREATE INDEX manifests_by_digest ON manifests (digest);

INSERT INTO image_queue (manifest, due_at, attempts)
    SELECT DISTINCT digest, 0, 0 FROM manifests
    WHERE artifact_type IN (
        'application/vnd.oci.image.config.v1+json',
        'application/vnd.docker.container.image.v1+json'
    );
