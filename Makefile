# Everything here does its own set-up: `make demo` works in a fresh clone.
# Needs: Python 3.11 with venv.

PYTHON   ?= $(shell command -v python3.11 || command -v python3)
VENV     := .venv
BIN      := $(VENV)/bin
UV       := $(BIN)/uv
READY    := $(VENV)/.ready
BENCH    := .bench/venv
AUDIT    := .bench/audit
CODE     := src/jobs pipelines demo benchmarks images requirements tests
JOBS     := $(notdir $(patsubst %/__main__.py,%,$(wildcard src/jobs/*/__main__.py)))

PIP      := -m pip install -qq --disable-pip-version-check --require-hashes --no-deps
INSTALL  := $(UV) pip install --no-deps --compile-bytecode --require-build-hashes \
            --build-constraints requirements/tools.lock
COMPILE  := $(UV) pip compile --quiet --universal --python-version 3.11 --generate-hashes

# uv reads none of pip's settings: the index that pip is set to is uv's, too.
INDEX = export UV_SYSTEM_CERTS="$${UV_SYSTEM_CERTS-1}" UV_DEFAULT_INDEX="$${UV_DEFAULT_INDEX-$$( \
  $(BIN)/python -m pip config list | sed -n "s/.*[.]index-url='\(.*\)'/\1/p" | head -1)}"

# Into the environment $(1), the lock $(2), with torch's build without CUDA where pip finds one.
define install
	@$(INDEX); exec $(BIN)/python requirements/install.py $(1) $(2) $(INSTALL)
endef

.DEFAULT_GOAL := help
.PHONY: help demo test test-cluster test-scale lint format types render check-render check bench bench-merge bench-train check-gpu bench-kills bench-cluster lock audit images setup clean

help: ## Show what there is
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-14s %s\n", $$1, $$2}'

demo: $(READY) ## A whole monthly refresh on this machine, on the small sample (minutes)
	@$(BIN)/python -m demo

test: $(READY) ## All tests (under 15 minutes on two cores)
	@$(BIN)/python -m pytest -m "not cluster"

test-cluster: $(READY) ## Tests on the cluster that KUBECONFIG names: in namespaces of their own
	@$(BIN)/python -m pytest -m cluster $(or $(TESTS),tests/cluster)

test-scale: $(READY) ## A fleet of FAMILIES=30 on that cluster, with steps that do nothing (40 minutes)
	@FAMILIES=$(or $(FAMILIES),30) $(BIN)/python -m pytest tests/cluster/test_scale.py

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

bench-train: $(READY) ## train beside a plain loop of transformers and DeepSpeed (a quarter of an hour)
	@$(BIN)/python -m benchmarks.train

check-gpu: $(READY) ## What only a GPU can show, and speed and memory on it, into benchmarks/results
	@$(BIN)/python -m benchmarks.gpu

bench-kills: $(READY) ## Each job killed over and over, on a folder and on S3 (half an hour)
	@$(BIN)/python -m benchmarks.kills

bench-cluster: $(READY) ## The demo's fleet by Argo on the cluster that KUBECONFIG names, and here
	@$(BIN)/python -m benchmarks.cluster

setup: $(READY) ## Make .venv from the lock; the others call it

$(UV): requirements/tools.lock
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info[:2] != (3, 11))' || \
	  { echo "Perennial needs Python 3.11; say where it is: make PYTHON=/path/to/python3.11"; exit 64; }
	@$(PYTHON) -m venv $(VENV)
	@$(BIN)/python $(PIP) -r $<
	@touch $@

$(READY): $(UV) requirements/all.lock requirements/torch-cpu.lock requirements/sentence-model.lock pyproject.toml
	@echo "Installing into $(VENV), once: 2 GB on disk, or 6 GB where torch comes with CUDA; minutes, by the network …"
	$(call install,$(VENV),requirements/all.lock)
	@$(INDEX); $(BIN)/python requirements/sentence_model.py $(VENV) $(UV)
	@$(INDEX); $(INSTALL) --quiet --python $(BIN)/python --editable .
	@touch $@

$(BENCH)/.ready: requirements/bench.lock requirements/torch-cpu.lock | $(READY)
	@echo "Installing mergekit and an S3 server into $(BENCH) (once) …"
	@$(UV) venv --quiet --clear --python $(BIN)/python $(BENCH)
	$(call install,$(BENCH),requirements/bench.lock)
	@touch $@

audit: $(AUDIT)/.ready ## Look for known advisories of what the locks hold
	@$(BIN)/python requirements/audit.py $(AUDIT)/bin/pip-audit $(FLAGS)

$(AUDIT)/.ready: requirements/audit.lock $(UV)
	@$(UV) venv --quiet --clear --python $(BIN)/python $(AUDIT)
	$(call install,$(AUDIT),requirements/audit.lock)
	@touch $@

# The whole lock comes first. An image's begins as a copy of it and takes only what was just read
# (--offline): so it agrees with the whole in every version and hash.
lock: $(UV) ## Let the locks follow pyproject.toml; FLAGS=--upgrade takes the newest of all
	@set -e; $(INDEX); export UV_CUSTOM_COMPILE_COMMAND="make lock"; exec >/dev/null; \
	$(COMPILE) $(FLAGS) --all-extras pyproject.toml -o requirements/all.lock; \
	for name in tools audit bench; do \
	  $(COMPILE) $(FLAGS) --no-annotate -c requirements/all.lock \
	    requirements/$$name.in -o requirements/$$name.lock; \
	done; \
	$(COMPILE) $(FLAGS) --no-annotate --no-deps requirements/sentence-model.in \
	  -o requirements/sentence-model.lock; \
	for image in $(JOBS) torch; do cp requirements/all.lock images/$$image.lock; done; \
	for job in $(JOBS); do \
	  $(COMPILE) --offline --no-annotate --extra $$job pyproject.toml -o images/$$job.lock; \
	done; \
	echo torch | $(COMPILE) --offline --no-annotate - -o images/torch.lock

# docker, podman or buildah, whichever is there; DOCKER names one, JOBS some of the images.
images: ## Build each job's image [REGISTRY=…] [TAG=…] [BASE=…] [PUSH=1]
	@$(PYTHON) images/build.py $(if $(REGISTRY),"--registry=$$REGISTRY") $(if $(TAG),"--tag=$$TAG") \
	  $(if $(BASE),"--base=$$BASE") $(if $(PUSH),--push) $(if $(DOCKER),"--with=$$DOCKER") $(JOBS)

clean: ## Remove what make made: .venv, the demo's store, the benchmarks' models
	@rm -rf $(VENV) .demo .bench .mypy_cache .ruff_cache .pytest_cache
