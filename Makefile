# Everything works on a bare machine with Python 3.11 or newer and a package registry.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin

.PHONY: help demo test soak test-ray check fmt bench completions dev clean
.DEFAULT_GOAL := help

help: ## show this list
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 14

$(VENV)/python: ## (a virtual environment of its own)
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
		|| { echo "batch-cli needs Python 3.11 or newer; choose one with: make PYTHON=/path/to/python3"; exit 2; }
	$(PYTHON) -m venv $(VENV)
	@touch $@

$(VENV)/installed: $(VENV)/python pyproject.toml
	$(BIN)/pip install --quiet --disable-pip-version-check --editable .
	@touch $@

$(VENV)/developing: $(VENV)/installed pyproject.toml
	$(BIN)/pip install --quiet --disable-pip-version-check --editable '.[dev]'
	@touch $@

demo: $(VENV)/installed ## install the tool and run the main job on the local engine
	@PATH="$(CURDIR)/$(BIN):$$PATH" sh examples/demo.sh

dev: $(VENV)/developing ## install what development needs

test: $(VENV)/developing ## run all tests, four files at a time: many of them wait
	$(BIN)/python -m pytest -n 4 --dist loadfile

soak: $(VENV)/developing ## the tests that take long: every fault of the network, passing and lasting
	$(BIN)/python -m pytest -m soak

test-ray: $(VENV)/developing ## the tests of --executor ray, which start real clusters
	$(BIN)/pip install --quiet --disable-pip-version-check --editable '.[ray]'
	$(BIN)/python -m pytest tests/cluster

check: $(VENV)/developing ## ruff, mypy --strict, import-linter
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

fmt: $(VENV)/developing ## format the code
	$(BIN)/ruff check --fix-only --quiet .
	$(BIN)/ruff format .

bench: $(VENV)/developing ## measure what the README promises; figures, not tests
	$(BIN)/python benchmarks/throughput.py
	$(BIN)/python benchmarks/startup.py
	$(BIN)/python benchmarks/kill_soak.py
	$(BIN)/python benchmarks/live.py
	$(BIN)/python benchmarks/live_soak.py
	$(BIN)/python benchmarks/backend.py
	$(BIN)/python benchmarks/serve.py
	$(BIN)/python benchmarks/transfers.py
	$(BIN)/python benchmarks/results.py
	$(BIN)/python benchmarks/bench_truth.py

completions: $(VENV)/installed ## write completions/ anew
	for shell in bash zsh fish; do $(BIN)/batch-cli completion $$shell > completions/batch-cli.$$shell; done

clean: ## remove what make made
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
