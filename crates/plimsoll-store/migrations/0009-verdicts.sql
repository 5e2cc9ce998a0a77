-- What was last told of images that rules hold for, and when to judge them again. Only changes are told; the verdict
-- itself is made when it is asked for.
CREATE TABLE verdicts (
    repository {text} NOT NULL,
    digest TEXT NOT NULL,
    due_at BIGINT,
    told TEXT NOT NULL,
    PRIMARY KEY (repository, digest)
);
CREATE INDEX verdicts_due ON verdicts (due_at) WHERE due_at IS NOT NULL;
