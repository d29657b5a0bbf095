# Everything here does its own set-up: `make demo` works in a fresh clone.
# Needs: Python 3.11 with venv, and a C++ compiler (DeepSpeed builds a small extension).

PYTHON ?= $(shell command -v python3.11 || command -v python3)
VENV   := .venv
BIN    := $(VENV)/bin
READY  := $(VENV)/.ready
PIP    := -m pip install -qq --disable-pip-version-check --require-hashes --no-deps
BENCH  := .bench/venv
CODE   := src/jobs pipelines demo benchmarks tests

# Into the environment $(1): torch without CUDA where such a build is found.
define install_torch
	@$(1)/bin/python $(PIP) -r requirements/torch-cpu.lock 2>/dev/null || { \
	  echo "No CPU build of torch found here; installing the larger one with CUDA …"; \
	  $(1)/bin/python $(PIP) -r requirements/torch-cuda.lock; }
endef

.DEFAULT_GOAL := help
.PHONY: help demo test lint format types render check-render check bench bench-merge lock setup clean

help: ## Show what there is
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-14s %s\n", $$1, $$2}'

demo: $(READY) ## A whole monthly refresh on this machine, on the small sample (minutes)
	@$(BIN)/python -m demo

test: $(READY) ## All tests (under 15 minutes on two cores)
	@$(BIN)/python -m pytest

lint: $(READY) ## Format and lint, checked
	@$(BIN)/ruff format --check $(CODE)
	@$(BIN)/ruff check $(CODE)

format: $(READY) ## Format and lint, mended
	@$(BIN)/ruff format $(CODE)
	@$(BIN)/ruff check --fix $(CODE)

types: $(READY) ## Types, checked strictly
	@$(BIN)/mypy

render: $(READY) ## Write the workflows that Argo runs (charts/perennial/files)
	@$(BIN)/perennial render

check-render: $(READY) ## Fail where the committed workflows are not what pipelines/ renders
	@$(BIN)/perennial render --check

check: lint types check-render test ## What .ci/run runs

bench: $(READY) ## Every performance figure, as one table
	@$(BIN)/python -m benchmarks

bench-merge: $(READY) $(BENCH)/.ready ## The merge beside mergekit and the floors (half an hour, 50 GB of disk)
	@$(BIN)/python -m benchmarks.merge

setup: $(READY) ## Make .venv from the lock; the others call it

$(READY): requirements/all.lock requirements/torch-cpu.lock requirements/torch-cuda.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info[:2] != (3, 11))' || \
	  { echo "Perennial needs Python 3.11; say where it is: make PYTHON=/path/to/python3.11"; exit 64; }
	@command -v c++ >/dev/null || command -v g++ >/dev/null || \
	  { echo "Perennial needs a C++ compiler (Debian: apt-get install g++)"; exit 64; }
	@echo "Installing into $(VENV) (once, some minutes) …"
	@$(PYTHON) -m venv $(VENV)
	@$(BIN)/python $(PIP) -r requirements/all.lock
	$(call install_torch,$(VENV))
	@$(BIN)/python -m pip install -qq --disable-pip-version-check --no-deps --editable .
	@touch $@

$(BENCH)/.ready: requirements/bench.lock requirements/torch-cpu.lock requirements/torch-cuda.lock | $(READY)
	@echo "Installing mergekit and an S3 server into $(BENCH) (once) …"
	@$(BIN)/python -m venv $(BENCH)
	@$(BENCH)/bin/python $(PIP) -r requirements/bench.lock
	$(call install_torch,$(BENCH))
	@touch $@

lock: ## Pin anew what pyproject.toml asks for (slow)
	@$(PYTHON) requirements/lock.py

clean: ## Remove what make made: .venv, the demo's store, the benchmarks' models
	@rm -rf $(VENV) .demo .bench .mypy_cache .ruff_cache .pytest_cache
