CREATE TABLE users (
    name {text} PRIMARY KEY,
    password_hash TEXT NOT NULL,
    grants TEXT NOT NULL,
    created_at BIGINT NOT NULL
);

CREATE TABLE robots (
    name {text} PRIMARY KEY,
    token_hash TEXT NOT NULL UNIQUE,
    grants TEXT NOT NULL,
    expires_at BIGINT,
    created_at BIGINT NOT NULL,
    created_by TEXT NOT NULL,
    last_used_at BIGINT
);

-- Keys that all replicas share, such as the one that signs tokens.
CREATE TABLE secrets (
    name TEXT PRIMARY KEY,
    value {bytes} NOT NULL
);

-- Work that one replica at a time does.
CREATE TABLE leases (
    name TEXT PRIMARY KEY,
    holder TEXT NOT NULL,
    until_at BIGINT NOT NULL
);
