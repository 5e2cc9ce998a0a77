//! Running builds: our own assembler, and buildah as a child.
