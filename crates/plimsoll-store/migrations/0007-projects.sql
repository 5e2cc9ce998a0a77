-- Rules for repositories: who is trusted, what must be there, who has to approve.
CREATE TABLE projects (
    name {text} PRIMARY KEY,
    repositories TEXT NOT NULL,
    policy TEXT NOT NULL,
    set_at BIGINT NOT NULL,
    set_by TEXT NOT NULL
);

-- One row, counted up with each change: whoever keeps the projects in memory sees that they are others. It also lets
-- changes wait for each other.
CREATE TABLE project_changes (
    id BIGINT PRIMARY KEY,
    revision BIGINT NOT NULL
);
