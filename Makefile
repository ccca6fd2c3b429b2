# What people run. Everything below installs what is missing first (Debian 12), then builds.
#
#   make run     judge seven sample prompts with the bundled model
#   make test    build and run every test
#   make build   build/release/parapet
#   make help    the rest

.DEFAULT_GOAL := help
PARAPET := build/release/parapet

.PHONY: help
help:  ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## /{printf "make %-14s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

.PHONY: deps
deps:  ## install the packages that building and testing need
	@tools/install_packages.sh build

.PHONY: build
build: deps  ## build/release/parapet
	cmake --preset release -DPARAPET_BUILD_TESTS=OFF -DPARAPET_BUILD_BENCH=OFF -DPARAPET_BUILD_FUZZ=OFF
	cmake --build --preset release --target parapet

# Controversial or Unsafe among the samples is the expected answer, not a failure of `make run`.
.PHONY: run
run: build  ## judge seven sample prompts with the bundled model
	@$(PARAPET) moderate < examples/sample-prompts.txt || test $$? -eq 3

# node_modules/.package-lock.json is what npm itself keeps of what it installed.
.PHONY: browser
browser:  ## install Chromium and what the console's test needs
	@tools/install_packages.sh browser
	@command -v npm > /dev/null || tools/install_packages.sh npm
	@cd tests/server/console && \
	  { [ node_modules/.package-lock.json -nt package-lock.json ] || npm ci --no-audit --no-fund --ignore-scripts; }

# Each is installed again when what it is to be has changed.
CLIENTS := build/clients
.PHONY: clients
clients:  ## install the clients that the server is tested with
	@tools/install_packages.sh python
	@mkdir -p $(CLIENTS)
	@cmp -s tests/server/clients/requirements.txt $(CLIENTS)/requirements.txt || { \
	  python3 -m venv $(CLIENTS)/venv && \
	  $(CLIENTS)/venv/bin/pip install -q -r tests/server/clients/requirements.txt && \
	  cp tests/server/clients/requirements.txt $(CLIENTS)/; }
	@cmp -s tests/server/clients/package.json $(CLIENTS)/package.json || { \
	  command -v npm > /dev/null || tools/install_packages.sh npm; \
	  cp tests/server/clients/package.json $(CLIENTS)/ && cd $(CLIENTS) && \
	  { npm install --no-audit --no-fund --ignore-scripts --silent || { rm package.json; exit 1; }; }; }

.PHONY: test
test: deps clients  ## build and run every test
	cmake --preset release -DPARAPET_BUILD_TESTS=ON -DPARAPET_BUILD_BENCH=ON -DPARAPET_BUILD_FUZZ=ON
	cmake --build --preset release
	ctest --preset release
	@grep -hoE '(tokenizer|jinja|logits) conformance.*|held-out: .*' build/release/Testing/Temporary/LastTest.log

.PHONY: test-console
test-console: deps browser  ## the console in Chromium
	cmake --preset release -DPARAPET_BUILD_TESTS=ON
	cmake --build --preset release --target parapet
	ctest --preset release -L browser

# What the device tests need beside the cross compiler's own libraries.
ARM64_LIBRARIES := libsimdjson-dev libsimdjson14 libgtest-dev libgmock-dev
.PHONY: arm64-test
arm64-test:  ## cross-compile for arm64 and run the device tests of its kernels under qemu
	@tools/install_packages.sh build arm64
	@tools/make_sysroot.sh arm64 build/arm64-sysroot $(ARM64_LIBRARIES)
	cmake --preset arm64
	cmake --build --preset arm64 --target device_test
	ctest --test-dir build/arm64/tests/device --output-on-failure -j 2 -E '/(reference|portable)'

.PHONY: asan tsan dev
asan tsan dev: deps  ## build and test under a preset: sanitizers, or debug
	cmake --preset $@
	cmake --build --preset $@
	ctest --preset $@

FUZZ_SECONDS ?= 60
.PHONY: fuzz
fuzz:  ## fuzz every parser, FUZZ_SECONDS (60) in all, with libFuzzer and sanitizers
	@tools/install_packages.sh build clang
	cmake --preset fuzz
	cmake --build --preset fuzz --target fuzzers
	tools/run_fuzzers.sh build/fuzz $(FUZZ_SECONDS)

.PHONY: lint
lint:  ## clang-format and clang-tidy, warnings as errors
	@tools/install_packages.sh build clang
	cmake --preset release -DPARAPET_BUILD_TESTS=ON -DPARAPET_BUILD_BENCH=ON -DPARAPET_BUILD_FUZZ=ON
	tools/lint.sh build/release

.PHONY: install
PREFIX ?= /usr/local
install: build  ## install program, C++ library and bundled model under PREFIX (/usr/local)
	cmake --build --preset release --target parapet_shared
	cmake --install build/release --prefix $(PREFIX)

.PHONY: clean
clean:  ## remove everything that was built
	rm -rf build
