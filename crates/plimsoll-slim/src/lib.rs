//! What can go: what each byte of an image is there for, which files it needs, and the smaller image.
