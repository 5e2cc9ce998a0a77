-- Which tags ever pointed at a base image, and which event told of a vulnerability first.
CREATE INDEX tag_history_by_digest ON tag_history (digest);
CREATE INDEX events_by_vulnerability ON events (vulnerability);
