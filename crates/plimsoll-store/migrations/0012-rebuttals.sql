-- Rejections and revocations that were seen, so that deleting them from the registry does not undo them.
CREATE TABLE rebuttals (
    repository {text} NOT NULL,
    image TEXT NOT NULL,
    bundle TEXT NOT NULL,
    json TEXT NOT NULL,
    PRIMARY KEY (repository, image, bundle)
);
