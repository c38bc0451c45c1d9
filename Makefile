# "make" names the targets. Each does one thing, and CI calls the same ones.
.DEFAULT_GOAL := help
SHELL := bash
.SHELLFLAGS := -euo pipefail -c
MAKEFLAGS += --no-print-directory

VERSION ?= $(shell git describe --tags --always --dirty 2>/dev/null || echo devel)
PACKAGES ?= ./...
SEEDS ?= 5
TOOL := go tool -modfile=tools/go.mod

.PHONY: help build run test test-simulations test-stand-ins test-page picture test-replicas test-traces stand-ins lint fmt bench bench-quota bench-state docs release verify-deploy verify-image verify-ecs verify-kubernetes verify-kubernetes-live kubernetes-schemas verify-observability clean gofumpt vet staticcheck fix imports tidy-check

help: ## name the targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  %-23s %s\n", $$1, $$2}'
	@echo "On a fresh machine the first of these downloads and compiles all modules: minutes."

build: ## build bin/worker
	@mkdir -p bin
	@CGO_ENABLED=0 tools/patiently 'building the worker' go build -trimpath -ldflags '-s -w -X main.version=$(VERSION)' -o bin/worker ./cmd/worker
	@echo "bin/worker $(VERSION)"

run: build ## watch the worker work, against a local cloud (ARGS='--messages 300' ends by itself, ARGS=--help says more)
	@tools/patiently 'building the demo' go build -trimpath -o bin/demo ./cmd/localcloud/demo
	@exec bin/demo $(ARGS)

# The tests that need a server or a program that others wrote, and the packages of such
# tests alone. "make test" leaves them out, so that it is done in a few minutes.
STANDIN_PACKAGES := ./internal/standin ./internal/thingstate/dynamostore ./internal/thingstate/redisstore
export STANDIN_TESTS := ^Test(StandIns|WorkersShareTheirState|AStateStoreThatIsNotThere|AStoreThatIsStoppedAndStartedAgain|ALetterMovedBackIsSupersededWhoeverSharesTheStore|ReplicasShareOneTruth|PoliciesAllowWhatIsAskedAndNoMore|TheDoctorNamesATableThatIsMissing|PromtoolFindsNothing|PrometheusScrapesTheDemo)$$

# In internal/e2e all parallel tests begin at once: how many go on it sees to by itself
# (parallel_test.go). The rules of a store in redisstore would hinder each other.
ALL_AT_ONCE := -parallel 1000
GO_TEST := race=$$(tools/race) && tools/patiently 'building the tests' go test $$race -timeout 15m

# Hours of virtual time, and simulations without a goroutine. The race detector makes
# them five times as slow and sees no other code in them than in the tests beside them, so
# "make test" runs them without it, and "make test-simulations" with it. Of the random runs
# "make test" runs a few with the race detector (-short, see seeds in internal/e2e), and all
# without.
SIMULATION_PACKAGES := ./internal/e2e ./internal/pace ./cmd/localcloud/bench/quota
SIMULATIONS := \
	Quota \
	ABrownOutDeadLettersNothing \
	AFloodOfMessagesThatNeedNoCallKeepsNoneWaiting \
	AFloodOfThingsThatAreRefusedEmptiesNoFence \
	AnActionThatFailsInTwoWaysHasALineForEach \
	AnOutageDeadLettersNothing \
	ASickThingThatGoesOnReportingIsDeadLettered \
	ASickThingWhoseUpdatesAreMergedIsDeadLettered \
	BrownOutsOfEveryKindDeadLetterNothing \
	DistinctThingsAreHeldForTheHorizonOnly \
	EveryFailureOfOneThingAloneExhaustsItButAThrottle \
	FiftyDeniedThingsAmongAThousandAreDeadLetteredAndCostATenthOfTheCalls \
	HundredsOfThrottlesUseUpNoAttempt \
	MessagesThatCannotBeDeletedDoNotKeepHealthyMessagesOut \
	NothingGrowsWithTheNumberOfMessagesSeen \
	TheFenceReachesAsFarBackAsTheStatusSays \
	TheNumbersOfAScarceMinute \
	TheRateFollowsTheQuotaAndDoesNotSwing \
	TheSumsAtTheEndAreTrueWhenTheNetworkGoesBeforeTheDrain \
	TheTimeToDrainFollowsAFallingQuota \
	TheWorkersClockDoesNotMatterBesideAStoreWithItsOwn \
	ThingsThatBackOffDoNotKeepWhatIsBehindThemOut \
	WhatMergesIsHeldAsMuchAsMayBe \
	WithoutRenewalsNoMoreIsHeldThanIsCalledWithinALease \
	AChangedQuotaIsFoundWithinTenSeconds \
	AfterAnOutageTheRateRampsUpAgain \
	ANightWithoutMessagesCostsNothingInTheMorning \
	AQuotaIsUsedAndFewCallsAreWasted \
	AQuotaThatWasGoneIsFoundAgain \
	ARateThatIsNotUsedIsNotLearned \
	AThousandASecondIsFoundWithinSeconds \
	LearnedHoldsARateWithinOnePercent \
	ManyReplicasStillUseAQuota \
	OtherBurstsThanASecond \
	ReplicasShareAQuota \
	SlowCalls \
	WhatAnotherProgramLeavesIsTaken
RANDOM_RUNS := \
	InvariantsHoldThroughRandomFaultsAndRestarts \
	InvariantsHoldOnAFIFOQueue \
	ReplicasOverATableThatLosesRequestsAndAnswers
space := $(subst ,, )
tests = ^Test($(subst $(space),|,$(strip $(1))))$$

test: ## run the tests that need no server of others, with the race detector if there is a C compiler (PACKAGES=./internal/config for some)
ifeq ($(PACKAGES),./...)
	@$(GO_TEST) $(ALL_AT_ONCE) -short -skip '$(call tests,$(SIMULATIONS))' ./internal/e2e $$(go list ./... | grep -v$(foreach p,$(STANDIN_PACKAGES), -e '$(p:.%=%)$$'))
	@tools/patiently 'building the simulations' go test -timeout 15m $(ALL_AT_ONCE) -run '$(call tests,$(SIMULATIONS) $(RANDOM_RUNS))' $(SIMULATION_PACKAGES)
else
	@$(GO_TEST) $(PACKAGES)
endif

test-simulations: ## run with the race detector what make test runs without it (5 minutes)
	@$(GO_TEST) $(ALL_AT_ONCE) -run '$(call tests,$(SIMULATIONS))' $(SIMULATION_PACKAGES)

test-stand-ins: stand-ins ## run the tests against servers that others wrote: SQS, DynamoDB, Redis, Prometheus
	@$(GO_TEST) -parallel 4 $(STANDIN_PACKAGES)
	@$(GO_TEST) $(ALL_AT_ONCE) -run '$(STANDIN_TESTS)' ./internal/e2e ./cmd/localcloud/demo

test-replicas: SEEDS := 20
test-replicas: ## kill, stop and end replicas at random, 20 seeds for each store (about half an hour; SEEDS=1 is quicker)
	@race=$$(tools/race) && REPLICAS=$(SEEDS) go test $$race -count=1 -v -parallel 3 -timeout 90m -run '^TestReplicasShareOneTruth$$' ./internal/e2e | awk '!/^ *(===)/ { print; fflush() }'

test-page: build ## test the live page in headless Chromium (pictures of it: test/page/screenshots)
	@go build -trimpath -o bin/demo ./cmd/localcloud/demo
	@go build -trimpath -o bin/localcloud ./cmd/localcloud
	@test/page/run

picture: build # docs/live-page.png anew (six minutes)
	@go build -trimpath -o bin/demo ./cmd/localcloud/demo
	@test/page/run picture.mjs

test-traces: ## let the OpenTelemetry Collector take the worker's spans (builds it first, which takes minutes)
	@mkdir -p bin && go build -C test/collector -o "$(CURDIR)/bin/collector" .
	@race=$$(tools/race) && E2E_COLLECTOR="$(CURDIR)/bin/collector" go test $$race -count=1 -v -timeout 3m -run '^TestTheCollectorGetsTheSpans$$' ./internal/e2e

stand-ins: # what those tests skip, as go test alone would not say
	@test -d test/fauxqs/node_modules/fauxqs && command -v node >/dev/null || \
		echo "no tests against fauxqs: install Node.js 18.19 or later with npm, then run npm ci in test/fauxqs"
	@test -d test/dynalite/node_modules/dynalite && command -v node >/dev/null || \
		echo "no tests against dynalite: install Node.js 18.19 or later with npm, then run npm ci in test/dynalite"
	@command -v prometheus >/dev/null && command -v promtool >/dev/null || echo "no tests against Prometheus: apt-get install prometheus"
	@command -v moto_server >/dev/null || echo "no tests against moto: pip install 'moto[server]'"
	@command -v redis-server >/dev/null || echo "no tests against Redis: install the package redis-server"
	@command -v valkey-server >/dev/null || echo "no tests against Valkey: install the package valkey-server"

lint: gofumpt vet staticcheck fix imports tidy-check ## check format, vet, staticcheck, go fix, imports and modules
	@echo "lint: nothing found"

fmt: ## format the code and bring it up to date with the language
	@$(TOOL) gofumpt -w .
	@go fix ./...

bench: build ## run the benchmarks, and hold the worker's CPU, requests and memory against their bounds (ARGS=--json)
	@go test -run '^$$' -bench . -benchmem -benchtime 200ms $(PACKAGES) | awk '/^(pkg:|Benchmark|FAIL|panic|---)/' >&2
	@mkdir -p bin && go build -o bin/bench ./cmd/localcloud/bench
	@bin/bench $(ARGS)

bench-quota: ## print how calls are spent, beside two baselines; fails where a bound is broken (about 10 minutes; SEEDS=1 is quicker)
	@BENCH_QUOTA=$(SEEDS) go test -count=1 -v -timeout 40m ./cmd/localcloud/bench/quota | awk '!/^ *(===|---|PASS|FAIL|ok)/ { print; fflush() }'

bench-state: build ## print what each state store costs, and the worker's messages a second with it (ARGS=--help says more)
	@mkdir -p bin && go build -o bin/bench ./cmd/localcloud/bench
	@bin/bench state $(ARGS)

docs: ## make docs/settings.md from the table of settings
	@go generate ./internal/config

release: ## build the binaries, SBOMs, image and checksums of a release into dist (docs/image.md)
	@deploy/release

# Everything in deploy/, held against tools and servers of others.
verify-deploy: verify-image verify-ecs verify-kubernetes verify-observability ## prove what deploy/ holds, a line for each proof (as root; it installs what it needs)

verify-image: ## prove the image and the release (as root; about 8 minutes)
	@deploy/image/verify

verify-ecs: ## prove the CloudFormation template, the Terraform module and the policies (VERIFY_REQUIRE=1 skips nothing)
	@test/deploy/ecs/verify

verify-kubernetes: ## prove the manifests and the chart (builds Helm and Kustomize first: minutes)
	@test/deploy/kubernetes/verify

verify-kubernetes-live: ## have a kube-apiserver judge the manifests by dry runs (builds it first: about 10 minutes)
	@test/deploy/kubernetes/verify live

kubernetes-schemas: # the schemas that the manifests are held against, and the settings in the chart's schema of values, anew
	@cd test/deploy/kubernetes && go run ./schemas/derive schemas && go run ./valuesschema ../../../deploy/kubernetes/chart/values.schema.json

verify-observability: ## prove the rules, the dashboard, the collector's configuration and the runbook (builds a collector first: minutes)
	@test/deploy/observability/verify

clean: ## remove what was built
	@rm -rf bin dist

gofumpt:
	@out=$$($(TOOL) gofumpt -l .); \
	if [ -n "$$out" ]; then printf 'not formatted; run make fmt:\n%s\n' "$$out"; exit 1; fi

vet:
	@go vet ./...

staticcheck:
	@$(TOOL) staticcheck ./...

fix:
	@out=$$(go fix -diff ./...) || { printf '%s\n' "$$out"; echo 'go fix has something to do; run make fmt'; exit 1; }; \
	if [ -n "$$out" ]; then printf '%s\ngo fix has something to do; run make fmt\n' "$$out"; exit 1; fi

imports:
	@$(TOOL) depguard ./...

tidy-check: ## check that go.mod and go.sum of both modules are tidy
	@go mod tidy -diff
	@cd tools && go mod tidy -diff
