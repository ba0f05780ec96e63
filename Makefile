# Thin: each target calls one npm script. `npm ci` brings the pinned Node.js, whatever the machine's own version is.
.DEFAULT_GOAL := help
SHELL := /bin/sh

# Rewritten by `npm ci`; newer than the lockfile means installed.
INSTALLED := node_modules/.package-lock.json

.PHONY: help
help: ## List the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  %-16s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

$(INSTALLED): package.json package-lock.json
	npm ci --no-fund --no-audit --loglevel=error
	@touch $@

.PHONY: install
install: $(INSTALLED) ## Install the locked dependencies

.PHONY: run
run: $(INSTALLED) ## Serve manifests/samples with a development OpenID Provider: a working demo, no cluster
	@npm run -s demo

.PHONY: dev-cluster
dev-cluster: $(INSTALLED) ## A real API server with CRD and samples, and the operator running against it
	@npm run -s dev-cluster

.PHONY: test
test: $(INSTALLED) ## Run every suite, the real API server included
	@npm run -s provide-cluster
	@npm run -s test

.PHONY: test-unit
test-unit: $(INSTALLED) ## Run the suites that need no API server
	@npm run -s test:unit

.PHONY: test-hostile
test-hostile: $(INSTALLED) ## Try a million mutated tokens in each mode (half an hour; MUTATED_TOKENS, MUTATION_SEED)
	@npm run -s test:hostile

.PHONY: test-faults
test-faults: $(INSTALLED) ## Let faults last as long as docs/reliability.md says, and write there what was measured (half an hour)
	@npm run -s provide-cluster
	@npm run -s test:faults

.PHONY: check
check: $(INSTALLED) ## Everything a change must pass, fastest first
	npm run -s typecheck
	npm run -s lint
	npm run -s verify-generate
	npm run -s build
	$(MAKE) --no-print-directory test

.PHONY: generate
generate: $(INSTALLED) ## Derive operator/api/*.gen.ts and docs/reference.md from crds/
	npm run -s generate

.PHONY: verify-generate
verify-generate: $(INSTALLED) ## Fail when generated files differ from their source
	npm run -s verify-generate

.PHONY: testdata
testdata: $(INSTALLED) ## Rewrite the golden files; read the diff
	npm run -s testdata

.PHONY: typecheck lint format
typecheck: $(INSTALLED) ## Check the types
	npm run -s typecheck
lint: $(INSTALLED) ## Check style and likely mistakes
	npm run -s lint
format: $(INSTALLED) ## Mend what can be mended by itself
	npm run -s format

.PHONY: build
build: $(INSTALLED) ## Bundle the operator into dist/
	npm run -s build

.PHONY: clean
clean: ## Remove what was installed and built
	rm -rf node_modules dist
