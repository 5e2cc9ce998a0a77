-- Changes from one artifact of advisories in force to the next. Each follows the one told before it, so the last told is
-- the state that the next begins from. One without a time is being written down, and its events are not visible.
CREATE TABLE advisory_changes (
    id {identity},
    from_artifact TEXT,
    to_artifact TEXT NOT NULL,
    gap TEXT,
    begun_at BIGINT NOT NULL,
    told_at BIGINT
);

-- What such a change means for a component. Images are found when an event is read: there is no row for each.
CREATE TABLE events (
    id {identity},
    change BIGINT NOT NULL,
    kind TEXT NOT NULL,
    component BIGINT,
    vulnerability TEXT,
    state_before TEXT,
    state_after TEXT
);
CREATE INDEX events_by_change ON events (change);
