# What everybody calls. `make help` lists the targets.

SHELL := /bin/bash
.DEFAULT_GOAL := help
.PHONY: help run test lint unit docs crash cut churn versions powercut deny bench fuzz fmt postgres clients

help: ## List the targets
	@grep -hE '^[a-z]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

run: postgres ## Build and run the server, and print commands to try
	cargo build --quiet
	./target/debug/offshoot serve --welcome --stop-computes

test: postgres clients lint unit docs ## Run every test there is

lint: ## Check the layout and the lints
	@if cargo fmt --version >/dev/null 2>&1; then cargo fmt --check; else echo 'no rustfmt here: skipped'; fi
	@if cargo clippy --version >/dev/null 2>&1; then cargo clippy --quiet --all-targets -- -D warnings; else echo 'no clippy here: skipped'; fi

unit: postgres clients ## Run the tests, with nextest where it is installed
	@if cargo nextest --version >/dev/null 2>&1; then cargo nextest run --profile ci; else cargo test --lib --bins --tests; fi

docs: ## Run the documentation's examples and build it without a warning
	cargo test --doc --quiet
	RUSTDOCFLAGS='-D warnings' cargo doc --no-deps --quiet

crash: postgres ## Kill the server and the store 300 times each
	OFFSHOOT_CRASH_ROUNDS=300 cargo test --test it -- --nocapture --test-threads 1 crash::what_was store::kills::what_was_durable_outlives_every_kill

cut: postgres ## Cut a pass at each of its messages; kill the server and Postgres 200 times each
	OFFSHOOT_CUTS=1000 OFFSHOOT_CRASH_ROUNDS=200 cargo test --test it -- --nocapture --test-threads 1 cut::

churn: postgres ## Create and delete 3,000 credentials on a real Postgres
	OFFSHOOT_CREDENTIAL_ROUNDS=3000 cargo test --test it -- compute_credentials::credentials_that_come_and_go

versions: postgres clients ## Run the tests of passes against each version of PostgreSQL
	scripts/ensure-versions
	scripts/test-versions

powercut: ## Cut the power of the store 100 times (needs root and a loop device)
	OFFSHOOT_CRASH_ROUNDS=100 cargo test --test it -- --nocapture --exact store::kills::what_was_durable_outlives_every_power_cut

deny: ## Check licenses, sources and advisories (needs cargo-deny)
	cargo deny check

bench: postgres ## Print the ratios of the README
	cargo bench --bench catalog --bench fleet --bench login --bench retention --bench passes

fuzz: postgres clients ## Send 100,000 requests drawn from openapi.yaml to a real server
	OFFSHOOT_NEED_CLIENTS=1 OFFSHOOT_FUZZ_EXAMPLES=1200 OFFSHOOT_FUZZ_REQUESTS=100000 cargo test --test it clients::fuzz

fmt: ## Format the code
	cargo fmt

postgres: # Install PostgreSQL's server binaries where there are none
	@scripts/ensure-postgres

clients: # Install Neon's own clients, at pinned versions, into target/clients
	@scripts/ensure-clients
