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

# NVIDIA's Dynamo of today, for `make test-dynamo`. It has files of the same names as dynamo-runtime.
DYNAMO := .venv-dynamo

METRICS := packages/dynamo-metrics
RUNTIME := packages/dynamo-runtime
PACKAGES := $(METRICS)/src $(RUNTIME)/src

# What the packages are built from. Folders are among it: they change when a file comes or goes.
METRICS_SOURCES := Cargo.toml Cargo.lock $(METRICS)/pyproject.toml $(wildcard crates/*/Cargo.toml) \
	$(shell find crates/dynamo-runtime/src crates/dynamo-python/src $(METRICS)/src -not -path '*__pycache__*')
RUNTIME_SOURCES := $(RUNTIME)/pyproject.toml $(shell find $(RUNTIME)/src -not -path '*__pycache__*')

# Named after the version: another PYTHON gets a new environment.
MARK := .python-$(shell $(PYTHON) -c 'import sys; print("%d.%d" % sys.version_info[:2])')
CREATED := $(VENV)/$(MARK)

.DEFAULT_GOAL := help
.PHONY: help run test test-rust test-python test-dynamo test-vllm lint names dashboards format bench guard clean

help:
	@echo "make run         build into $(VENV) and run a simulated worker under load on port $(PORT), until Ctrl-C"
	@echo "make test        build and run all tests, Rust and Python"
	@echo "make test-dynamo run the tests inside NVIDIA's Dynamo, which is installed into $(DYNAMO)"
	@echo "make test-vllm   run the tests of dynamo.vllm with the real vLLM on the CPU: gigabytes, minutes"
	@echo "make lint        formatting, clippy, ruff, mypy, pyright, stubtest, generated files"
	@echo "make names       generate the Rust name constants from $(METRICS)/src/dynamo_metrics/prometheus_names.py"
	@echo "make dashboards  write deploy/'s dashboard and rules from the package's dashboards"
	@echo "make format      format all code"
	@echo "make bench       measure everything beside its peers (ONLY=vecs for one topic), write docs/benchmarks.md"
	@echo "make guard       count the instructions of updates with valgrind (UPDATE=1 for a new guard.json)"

run: $(VENV)/.built
	@DYN_SYSTEM_PORT=$(PORT) exec $(BIN)/python examples/mocker/custom_metrics.py \
		--model llama-8b --endpoint dyn://demo.backend.generate --load 8

test: test-rust test-python test-dynamo

test-rust:
	cargo test --workspace --locked

test-python: $(VENV)/.built $(VENV)/.test
	-@tests/support/install_prometheus.sh
	$(BIN)/python -m pytest --numprocesses 2

test-dynamo: $(DYNAMO)/.built
	$(DYNAMO)/bin/python -m pytest --confcutdir tests/guests/nvidia tests/guests/nvidia

test-vllm: $(VLLM)/.built
	$(VLLM)/bin/python -m pytest --timeout 300 --override-ini filterwarnings=default tests/vllm

lint: $(VENV)/.built $(VENV)/.test $(VENV)/.lint
	cargo fmt --all --check
	cargo fmt --manifest-path benchmarks/rust/Cargo.toml --check
	cargo clippy --workspace --all-targets --locked -- --deny warnings
	RUSTDOCFLAGS="--deny warnings" cargo doc --workspace --no-deps --locked --quiet
	@tree=$$(cargo tree --package dynamo-runtime --edges normal,build --locked) || exit 1; \
	case "$$tree" in *pyo3*) echo "dynamo-runtime must not depend on pyo3"; exit 1;; esac
	$(BIN)/python tools/generate_rust_names.py --check
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/python -m mypy.stubtest dynamo_metrics._native --allowlist tests/typing/stubtest.txt
	$(BIN)/mypy $(PACKAGES) tests/typing examples
	$(BIN)/pyright --pythonpath $(BIN)/python $(PACKAGES) tests/typing examples

names:
	$(PYTHON) tools/generate_rust_names.py

dashboards: $(VENV)/.built $(VENV)/.test
	$(BIN)/python -m dynamo_metrics.dashboards deploy

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
	rm -rf $(VENV) $(BENCH) $(BENCH_DYNAMO) $(DYNAMO) $(VLLM) target

%/$(MARK):
	@$(PYTHON) -c 'import sys; sys.version_info >= (3, 10) or sys.exit("Python 3.10 or newer is needed, $(PYTHON) is older: name one, as in make PYTHON=python3.12")'
	$(PYTHON) -m venv --clear $*
	$(call pip,$*) install --upgrade "pip>=25.1"
	@touch $@

# Each package in a mark of its own: a change of Python in one does not build the native core anew.
%/.metrics: %/$(MARK) $(METRICS_SOURCES)
	$(call pip,$*) install --force-reinstall --no-deps ./$(METRICS)
	@touch $@

%/.runtime: %/$(MARK) $(RUNTIME_SOURCES)
	$(call pip,$*) install --force-reinstall --no-deps ./$(RUNTIME)
	@touch $@

$(VENV)/.built: $(VENV)/.metrics $(VENV)/.runtime
	@touch $@

$(VENV)/.test: $(CREATED) pyproject.toml
	$(PIP) install --group test
	@touch $@

$(VENV)/.lint: $(CREATED) pyproject.toml
	$(PIP) install --group lint
	@touch $@

$(DYNAMO)/.test: $(DYNAMO)/$(MARK) pyproject.toml
	$(call pip,$(DYNAMO)) install --group dynamo
	@touch $@

$(DYNAMO)/.built: $(DYNAMO)/.test $(DYNAMO)/.metrics
	@touch $@

# What vLLM itself asks for does not install together: the list says what does.
$(VLLM)/.installed: $(VLLM)/$(MARK) tests/vllm/requirements.txt
	$(call pip,$(VLLM)) install --no-deps --requirement tests/vllm/requirements.txt
	$(call pip,$(VLLM)) install --constraint tests/vllm/requirements.txt "$(TORCH)"
	@touch $@

$(VLLM)/.test: $(VLLM)/.installed pyproject.toml
	$(call pip,$(VLLM)) install --constraint tests/vllm/requirements.txt --group test
	@touch $@

$(VLLM)/.built: $(VLLM)/.test $(VLLM)/.metrics $(VLLM)/.runtime
	@touch $@

$(BENCH)/.floor: $(BENCH)/$(MARK) pyproject.toml benchmarks/floor/bare.c benchmarks/floor/setup.py
	$(call pip,$(BENCH)) install --group bench
	$(call pip,$(BENCH)) install --force-reinstall --no-deps ./benchmarks/floor
	@touch $@

$(BENCH)/.built: $(BENCH)/.floor $(BENCH)/.metrics $(BENCH)/.runtime
	@touch $@

$(BENCH_DYNAMO)/.installed: $(BENCH_DYNAMO)/$(MARK)
	$(call pip,$(BENCH_DYNAMO)) install ai-dynamo-runtime==0.8.1
	@touch $@
