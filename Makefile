# Every command a reader needs. The first `make demo` or `make test` builds a Kubernetes control plane (some ten minutes
# on two cores, once per machine and version); it says so, and shows how far it is.
PREFIX ?= $(HOME)/.local
TOOLS  := $(or $(XDG_CACHE_HOME),$(HOME)/.cache)/kubectl-plugins-tools
DENY   := $(TOOLS)/bin/cargo-deny

# Live tests wait for the cluster more than they compute.
THREADS ?= $(shell echo $$((3 * $$(getconf _NPROCESSORS_ONLN))))

BUILT  := $(or $(CARGO_TARGET_DIR),target)/debug

.PHONY: demo test check bench build install prerequisites

demo: prerequisites ## drain a node of a real cluster, roll a bad update back, and watch both
	@cargo build --workspace --bins
	@$(BUILT)/demo

test: prerequisites ## every test: pure, wire, and live against a real control plane
	RUST_TEST_THREADS=$(THREADS) cargo test --workspace

check: prerequisites $(DENY) ## format, lints, licences and sources of dependencies, tests without a cluster
	cargo fmt --check
	cargo clippy --workspace --all-targets -- -D warnings
	@cargo fetch --locked
	$(DENY) --offline check bans licenses sources
	cargo test --workspace --exclude live-tests

bench: prerequisites ## ours and kubectl on one cluster in one run; of it only ROWS="pool plan"
	@cargo build --workspace --bins
	@$(BUILT)/bench $(ROWS)

build: ## the plugins as they are shipped
	cargo build --profile dist --bins -p kubectl-safe-drain -p kubectl-rollback-to

install: build ## into PREFIX/bin, under the names kubectl looks for
	install -d $(DESTDIR)$(PREFIX)/bin
	install -m 0755 target/dist/kubectl-safe_drain target/dist/kubectl-rollback_to $(DESTDIR)$(PREFIX)/bin/

prerequisites:
	@sh tests/prerequisites.sh

$(DENY):
	cargo install --locked --root $(TOOLS) --version 0.20.2 cargo-deny
