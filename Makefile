# Coursewright. `make` alone lists the targets.
SHELL = /bin/sh
GO ?= go
BIN = bin
ARGS ?=
FUZZTIME ?= 30m
CAMPAIGN ?= 5m
SEED ?=
VULNDB ?=
IMAGE ?=
SEEDS ?=
COURSES ?=
DATABASE ?=
FAULTS ?=
TEMPORAL ?=
FREEZE ?= 45s
# The oldest revision from which a deployment is upgraded in one go.
OLDEST = a43a184f0dccd079a30688bacc6f1f9f79cbcda5
FROM ?= $(OLDEST)
LOAD ?= 2m
OUTAGE ?= 30s
MILLION ?=

.PHONY: help run build test server helm lint bench torture upgrade load outage fuzz vuln scan generate clean

help: ## list the targets
	@grep -E '^[a-z]+:.*## ' Makefile | sed 's/:.*## /\t/' | expand -t 12

run: $(BIN)/temporal build ## run the whole system on embedded parts, for example: make run ARGS=--demo
	@exec $(BIN)/coursewright dev --temporal-cli $(BIN)/temporal $(ARGS)

build: ## build bin/coursewright
	@echo "building $(BIN)/coursewright"
	@$(GO) build -o $(BIN)/coursewright ./cmd/coursewright

test: $(BIN)/temporal ## run all tests
	@COURSEWRIGHT_TEST_TEMPORAL_CLI="$$PWD/$(BIN)/temporal" $(GO) test -timeout 25m ./...

lint: $(BIN)/golangci-lint $(BIN)/workflowcheck ## check format, style, determinism of workflows
	@$(GO) vet ./...
	@$(BIN)/golangci-lint run ./...
	@$(BIN)/workflowcheck ./workflows/...

bench: $(BIN)/temporal ## measure; prints the figures that the documentation promises
	@COURSEWRIGHT_TEST_TEMPORAL_CLI="$$PWD/$(BIN)/temporal" $(GO) test -run '^$$' -bench . -benchtime 1x ./...

# The campaign and all that tries to break a promise: processes that stand still or are
# killed, courses that mean harm and builds that look around (P7), secrets (P8), and
# death at every step of a release.
TORTURE = ^(TestCampaign|TestAnyProcessMayStandStill|TestEveryCourseIsBuildableAfterAKill|TestAnotherHostTakesOverTheBuildOfADeadOne|$\
TestHostileCourses|TestAMillionFiles|TestBuildsReachNothingByDefault|TestSecretsStaySecret|$\
TestKilledAnywhere|TestUnreadableAnywhere|TestOpenFailsAnywhere)$$

torture: $(BIN)/temporal ## break everything while courses build, for example: make torture CAMPAIGN=30m SEED=7
	@COURSEWRIGHT_TEST_TEMPORAL_CLI="$$PWD/$(BIN)/temporal" CAMPAIGN=$(CAMPAIGN) SEED=$(SEED) SEEDS=$(SEEDS) COURSES=$(COURSES) \
		DATABASE=$(DATABASE) TEMPORAL=$(TEMPORAL) FAULTS=$(FAULTS) FREEZE=$(FREEZE) HOSTILE=measured MILLION=$(MILLION) \
		$(GO) test ./cmd/coursewright ./internal/release -run '$(TORTURE)' -parallel 1 -p 1 -count 1 -timeout 10h -v

upgrade: $(BIN)/temporal ## upgrade a deployment that builds from an earlier revision, for example: make upgrade FROM=v1.0.0
	@COURSEWRIGHT_TEST_TEMPORAL_CLI="$$PWD/$(BIN)/temporal" UPGRADE_FROM=$(FROM) \
		$(GO) test ./cmd/coursewright -run '^TestARollingUpgradeLosesNothing$$' -count 1 -timeout 30m -v

load: $(BIN)/temporal ## let 200 clients push, read and follow logs, for example: make load LOAD=2m
	@COURSEWRIGHT_TEST_TEMPORAL_CLI="$$PWD/$(BIN)/temporal" LOAD=$(LOAD) \
		$(GO) test ./cmd/coursewright -run '^TestLoad$$' -count 1 -timeout 1h -v

outage: server ## stop PostgreSQL and then Temporal in the middle of 20 builds, for example: make outage OUTAGE=30s
	@OUTAGE=$(OUTAGE) $(GO) test ./cmd/coursewright -run '^TestOutages$$' -count 1 -timeout 1h -v

fuzz: ## look for courses that crash, hang or fill memory, for example: make fuzz FUZZTIME=5m
	@sh tools/fuzz.sh $(GO) $(FUZZTIME)

vuln: $(BIN)/govulncheck ## look for known vulnerabilities; make vuln VULNDB=proxy where vuln.go.dev cannot be reached
	@VULNDB=$(VULNDB) sh tools/vuln.sh $(GO) $(BIN)/govulncheck

scan: ## look for Debian packages of the image that have been mended since, for example: make scan IMAGE=coursewright:local
	@sh deploy/scan.sh $(IMAGE)

generate: ## write generated files anew: reference pages and golden files
	@$(GO) test ./internal/settings -update
	@$(GO) test ./cmd/coursewright -run TestCommandReference -update
	@$(GO) test . -run '^TestLicences$$' -update

clean: ## remove what was built
	rm -rf $(BIN)

# The tools are built from tools/go.mod, so that nothing has to be installed.
# The Temporal development server takes a few minutes, once.
$(BIN)/temporal: tools/go.mod tools/go.sum
	@echo "building the Temporal development server (once, 2 to 5 minutes)"
	@sh tools/build.sh $(GO) github.com/temporalio/cli/cmd/temporal $@

# The server of production, for tests. It has a module of its own, whatever
# version the CLI brings: later ones want a newer Go than go.mod says.
server: $(BIN)/temporal-server $(BIN)/temporal-sql-tool ## build the Temporal server that some tests run

$(BIN)/temporal-server: tools/temporal-server/go.mod tools/temporal-server/go.sum
	@echo "building the Temporal server (once, 2 to 5 minutes)"
	@sh tools/build.sh $(GO) go.temporal.io/server/cmd/server $@ temporal-server

$(BIN)/temporal-sql-tool: tools/temporal-server/go.mod tools/temporal-server/go.sum
	@sh tools/build.sh $(GO) go.temporal.io/server/cmd/tools/sql $@ temporal-server

# Helm has a module of its own: its Kubernetes libraries are of no use elsewhere.
helm: $(BIN)/helm $(BIN)/manifests ## build Helm and a check of manifests, which some tests run

$(BIN)/helm: tools/deployment/go.mod tools/deployment/go.sum
	@echo "building Helm (once, 2 to 5 minutes)"
	@sh tools/build.sh $(GO) helm.sh/helm/v3/cmd/helm $@ deployment

$(BIN)/manifests: tools/deployment/go.mod tools/deployment/go.sum tools/deployment/manifests/main.go
	@sh tools/build.sh $(GO) ./manifests $@ deployment

$(BIN)/golangci-lint: tools/go.mod tools/go.sum
	@echo "building golangci-lint (once, 1 to 3 minutes)"
	@sh tools/build.sh $(GO) github.com/golangci/golangci-lint/v2/cmd/golangci-lint $@

$(BIN)/govulncheck: tools/go.mod tools/go.sum
	@sh tools/build.sh $(GO) golang.org/x/vuln/cmd/govulncheck $@

$(BIN)/workflowcheck: tools/go.mod tools/go.sum
	@sh tools/build.sh $(GO) go.temporal.io/sdk/contrib/tools/workflowcheck $@
