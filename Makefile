# Every command a reader needs. The first `make demo` or `make test` builds a Kubernetes control plane (some ten minutes
# on two cores, once per machine and version); it says so, and shows how far it is.
PREFIX ?= $(HOME)/.local
TOOLS  := $(or $(XDG_CACHE_HOME),$(HOME)/.cache)/kubectl-plugins-tools
DENY   := $(TOOLS)/bin/cargo-deny
CYCLONEDX := $(TOOLS)/bin/cargo-cyclonedx
RELEASE := cargo run -q --locked -p release --

# Live tests wait for the cluster more than they compute.
THREADS ?= $(shell echo $$((3 * $$(getconf _NPROCESSORS_ONLN))))

BUILT  := $(or $(CARGO_TARGET_DIR),target)/debug

.PHONY: demo test test-node check bench truth truth-heal build dist pictures release-files install prerequisites

demo: prerequisites ## drain a node of a real cluster, roll a bad update back, and watch both
	@cargo build --workspace --bins
	@$(BUILT)/demo

test: prerequisites ## every test: pure, wire, and live against a real control plane
	RUST_TEST_THREADS=$(THREADS) cargo test --workspace

test-node: ## restarts, memory, probes and grace on a node that runs containers: as root on Debian, whose packages it installs
	@sh tests/prerequisites.sh node
	RUST_TEST_THREADS=$(THREADS) cargo test --workspace --test node

check: prerequisites $(DENY) ## format, lints, licences and sources of dependencies, tests without a cluster
	cargo fmt --check
	cargo clippy --workspace --all-targets -- -D warnings
	cargo clippy --workspace --test node -- -D warnings
	@cargo fetch --locked
	$(DENY) --offline check bans licenses sources
	cargo test --workspace --exclude live-tests

bench: prerequisites ## ours and kubectl on one cluster in one run; of it only ROWS="pool plan"
	@cargo build --workspace --bins
	@$(BUILT)/bench $(ROWS)

truth: prerequisites ## the model of the scheduler and the real one, compared on random clusters; SEEDS=500 FROM=1 RULES=taints,spread
	@cargo build -p live-tests --bins
	@$(BUILT)/truth $(or $(SEEDS),50) $(or $(FROM),1) $(RULES)

truth-heal: prerequisites ## the heal matrix and what then happens, compared on random clusters; SEEDS=200 FROM=1
	@cargo build -p live-tests --bins
	@$(BUILT)/truth-heal $(or $(SEEDS),50) $(or $(FROM),1)

build: ## the plugins as they are shipped
	cargo build --profile dist --bins -p 'kubectl-*'

dist: ## archives of the plugins for the platforms that can be built here, with all that a release has, in dist/
	rm -rf dist && $(RELEASE) dist
	@$(MAKE) --no-print-directory release-files

release-files: $(CYCLONEDX) # of the archives in dist/; TAG is the workspace's own if not given
	$(RELEASE) sbom --tool $(CYCLONEDX) $(TAG:%=--version %) && $(RELEASE) checksums
	$(RELEASE) manifests --archives dist -o dist/plugins $(TAG:%=--version %) $(HOMEPAGE:%=--homepage %)
	$(RELEASE) check --archives dist dist/plugins/*.yaml

pictures: prerequisites ## docs/pictures again, from real runs; see `git diff`
	-UPDATE_DOCS=1 cargo test -p live-tests -- docs::pictures
	cargo test -p live-tests -- docs::pictures

install: build ## into PREFIX/bin, under the names kubectl looks for
	install -d $(DESTDIR)$(PREFIX)/bin
	install -m 0755 $$(find target/dist -maxdepth 1 -name 'kubectl-*' -perm -100) $(DESTDIR)$(PREFIX)/bin/

prerequisites:
	@sh tests/prerequisites.sh

$(DENY):
	cargo install --locked --root $(TOOLS) --version 0.20.2 cargo-deny

$(CYCLONEDX):
	cargo install --locked --root $(TOOLS) --version 0.5.9 cargo-cyclonedx
