# Every command a person or CI runs. `make run` and `make test` install what a fresh machine lacks.
SWIFT ?= swift
BUILD := $(SWIFT) build --explicit-target-dependency-import-check error
SLUICE := .build/debug/sluice
RELEASE := .build/release/sluice
# What serves lies side by side, in the order of its calls, on a third of the pages it would be spread over. A name that
# is no more is passed over; `make order` writes the list anew.
ORDER := Benchmarks/instructions/order.txt
RELEASE_ORDER := -Xswiftc -Xfrontend -Xswiftc -function-sections -Xcc -ffunction-sections -Xswiftc -use-ld=lld \
	-Xlinker --symbol-ordering-file=$(CURDIR)/$(ORDER) -Xlinker --no-warn-symbol-ordering
# Nobody links against the binary, so its symbols need not be exported: less to relocate at start, less to keep.
RELEASE_BUILD := $(SWIFT) build -c release --static-swift-stdlib -Xswiftc -enforce-exclusivity=unchecked \
	-Xswiftc -cross-module-optimization -Xlinker --no-export-dynamic $(RELEASE_ORDER)

.DEFAULT_GOAL := help
.PHONY: help packages bench-packages build run test unit end-to-end lint format sdk release bench bench-models soak instructions order fuzz schema clean

help: ## this list
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/make \1\t\2/p' Makefile | column -t -s "$$(printf '\t')"

packages:
	@scripts/install-system-packages

bench-packages:
	@scripts/install-system-packages --bench

build: packages ## build the debug binary
	$(BUILD) --product sluice

run: build ## build and serve the quickstart; `make run ARGS='-f my.yaml'` serves something else
	$(SLUICE) run $(ARGS)

test: packages unit end-to-end sdk ## all tests

# Tests over real sockets run one after the other: what they wait for must not wait for each other.
SOCKETS := GatewayRuntimeTests|ConformanceTests|GatewayWorkbenchTests|SluiceTests
# --disable-xctest: there are none, and its empty summary would only confuse.
TEST := $(SWIFT) test --skip-build --disable-xctest

unit: packages
	$(BUILD) --build-tests
ifdef FILTER
	$(TEST) --filter '$(FILTER)'
else
	$(TEST) --skip '$(SOCKETS)'
	$(TEST) --no-parallel --filter '$(SOCKETS)'
endif

end-to-end: build ## use the built binary as a person would: examples, misspelt fields, start and drain
	python3 Benchmarks/test_checks.py
	scripts/check-end-to-end $(SLUICE)

sdk: build ## the official OpenAI, Anthropic and MCP clients against the built binary; `make sdk ARGS='-k stream'`
	scripts/check-sdks $(SLUICE) $(ARGS)

lint: ## the layout of the sources, checked
	$(SWIFT) format lint --strict --parallel --recursive Package.swift Sources Tests

format: ## the layout of the sources, put right
	$(SWIFT) format --in-place --parallel --recursive Package.swift Sources Tests

release: packages ## the shipped binary: static standard library, stripped of debug information
	$(RELEASE_BUILD) --product sluice
	strip -g -o .build/sluice $(RELEASE)
	@ls -l .build/sluice

bench: bench-packages release ## CPU seconds beside nginx and HAProxy; `make bench ARGS='--scenarios h1 --rounds 1'`
	python3 Benchmarks/proxy/run.py --sluice .build/sluice $(ARGS)

bench-models: bench-packages release ## governed model calls beside plain proxying; `make bench-models ARGS='--scenarios cpu'`
	python3 Benchmarks/models/run.py --sluice .build/sluice $(ARGS)

soak: build ## many callers on one budget, through kills; `make soak ARGS='--seconds 600'`
	python3 Benchmarks/models/soak.py --sluice $(SLUICE) $(ARGS)

instructions: bench-packages release ## user instructions per request and part against Benchmarks/thresholds.json
	$(RELEASE_BUILD) --product measure
	strip -g -o .build/measure .build/release/measure
	python3 Benchmarks/instructions/run.py --sluice .build/sluice --measure .build/measure $(ARGS)

order: bench-packages release ## the order of the functions that serve, by callgrind; worth it after larger changes
	python3 Benchmarks/instructions/order.py --sluice .build/sluice --output $(ORDER)

fuzz: packages ## every fuzz target for a minute; `make fuzz SECONDS=600`
	Fuzz/run $(or $(SECONDS),60)

schema: build ## JSON Schema of the configuration, for editors
	$(SLUICE) schema > .build/sluice.schema.json

clean: ## remove what was built
	rm -rf .build
