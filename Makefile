# Two commands are enough: `make run` on a fresh machine, and `make test`. The rest is for those who change the code;
# .ci/run calls the same recipes. What is installed already costs nothing and needs no network.

SHELL := /bin/sh
.DEFAULT_GOAL := help

# The user's Rust comes first: a distribution's cargo does not know rust-toolchain.toml.
export PATH := $(or $(CARGO_HOME),$(HOME)/.cargo)/bin:$(PATH):$(CURDIR)/target/peers/bin
# Scripts look for what was built here, wherever the user's other builds go.
export CARGO_TARGET_DIR := $(CURDIR)/target
# Where tests look for programs that PATH does not have.
export PLIMSOLL_PEERS_DIR ?= $(CURDIR)/target/peers/bin

BUILD_PACKAGES := ca-certificates curl gcc git libc6-dev
TEST_PACKAGES := buildah containerd crun jq mmdebstrap openssl podman postgresql runc shellcheck skopeo umoci zstd \
	binutils busybox composer curl db5.3-util default-jdk-headless git golang-go libdpkg-perl libmaven3-core-java \
	node-semver perl php-cli php-composer-semver python3-packaging python3-pkg-resources python3-venv rpm ruby strace

.PHONY: help run test test-slow fmt lint tidy deny bench bench-scan bench-evidence bench-build docs container toolchain peers tools

help: ## Name the recipes.
	@sed -n 's/^\([a-z-]*\):.*## /\1\t/p' Makefile | expand -t 12

run: toolchain ## Install what is missing, build, and start the server on its embedded default.
	cargo build --release --locked --package plimsoll
	@scripts/run

test: toolchain peers ## Install what the tests need, and run them all but the slow ones.
	PLIMSOLL_PEERS=required cargo test --workspace --locked

test-slow: toolchain peers ## Run the slow tests, and print their figures. They take an hour.
	PLIMSOLL_PEERS=required cargo test --workspace --locked --release --test 'slow*' -- --test-threads=1 --show-output

fmt: toolchain ## Format the code.
	cargo fmt --all

lint: toolchain ## Check formatting, lints and scripts.
	scripts/lint

tidy: toolchain ## Check crate edges, docs, names and left-over marks.
	cargo xtask tidy

deny: toolchain ## Check licences, banned crates and sources.
	scripts/need-deny
	target/tools/bin/cargo-deny --locked check --hide-inclusion-graph licenses bans sources

bench: toolchain peers ## Measure Plimsoll against docker-registry; OPTIONS="--quick" is shorter.
	cargo build --release --locked --package plimsoll
	cargo run --release --locked --quiet --package xtask -- bench registry $(OPTIONS)

bench-scan: toolchain peers ## Measure scanning, beside Syft where Go can build it; OPTIONS="--rounds 1" is shorter.
	cargo build --release --locked --package plimsoll
	cargo run --release --locked --quiet --package xtask -- bench scan $(OPTIONS)

bench-evidence: toolchain peers ## Measure signatures and the log, beside cosign; OPTIONS="--rounds 1" is shorter.
	cargo build --release --locked --package plimsoll
	cargo run --release --locked --quiet --package xtask -- bench evidence $(OPTIONS)

bench-build: toolchain peers ## Measure building, beside buildah; OPTIONS="--rounds 1" is shorter.
	cargo build --release --locked --package plimsoll
	cargo run --release --locked --quiet --package xtask -- bench build $(OPTIONS)

container: toolchain ## Build a static server and the container image around it.
	scripts/need-packages buildah
	scripts/build-container

# The binary is left out: its doc comments are help texts, written for a terminal.
docs: toolchain ## Build the crates' documentation; a broken link fails.
	RUSTDOCFLAGS="--deny warnings" cargo doc --workspace --lib --no-deps --locked --document-private-items

toolchain:
	@scripts/need-packages $(BUILD_PACKAGES)
	@scripts/need-rust

peers:
	@scripts/need-packages $(TEST_PACKAGES)
	@command -v npm >/dev/null || scripts/need-packages npm
	@scripts/need-peers
