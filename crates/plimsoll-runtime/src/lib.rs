//! Starting one container and tracing it: what it opened, and what it called.
