# Two commands matter on a fresh machine: `make demo` and `make test`. The rest is for whoever changes the code.
# `make help` lists them.

PYTHON ?= python3
ARGS ?=
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed

.DEFAULT_GOAL := help
.PHONY: help demo test lint format types imports unit bench soak protos docs clean

help: ## List the targets
	@awk -F ':.*## ' '/^[a-z.]+:.*## / { printf "  make %-8s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

demo: $(STAMP) ## Run the demo on loopback with a real Envoy; ARGS='--for 20s' ends it by itself
	@$(BIN)/pilotfish demo $(ARGS)

test: lint types imports unit ## Lint, types, imports and the whole test suite

lint: $(STAMP) ## Check style and format
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: $(STAMP) ## Check types (mypy --strict)
	$(BIN)/mypy

imports: $(STAMP) ## Check that imports between rooms only go down
	$(BIN)/lint-imports

unit: $(STAMP) ## Run the tests; ARGS are passed on to pytest
	$(BIN)/python -m pytest $(ARGS)

format: $(STAMP) ## Format, and fix what ruff can fix safely
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

bench: $(STAMP) ## Run the benchmarks; ARGS are passed on
	@$(BIN)/python -m benchmarks $(ARGS)

soak: $(STAMP) ## Run the tests that take minutes
	$(BIN)/python -m pytest -m soak -o timeout=3600 $(ARGS)

protos: $(STAMP) ## Make the typing stubs of the Envoy API again
	$(BIN)/python protos/generate.py

docs: $(STAMP) ## Make docs/coverage.md and docs/diagnostics again, from the model
	$(BIN)/python -m pytest -q tests/test_coverage_page.py tests/test_diagnostics_page.py --update-goldens

clean: ## Remove .venv and everything made
	rm -rf $(VENV) build dist *.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

$(STAMP): pyproject.toml constraints.txt
	@command -v $(PYTHON) >/dev/null || { echo "make: $(PYTHON) not found; name one with PYTHON=..." >&2; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "make: $(PYTHON) is older than Python 3.11; name another with PYTHON=..." >&2; exit 1; }
	@test -x $(BIN)/python && $(BIN)/python -c '' || { rm -rf $(VENV); \
	  $(PYTHON) -c 'import ensurepip' 2>/dev/null && $(PYTHON) -m venv $(VENV) || $(PYTHON) -m virtualenv -q $(VENV) 2>/dev/null || \
	  { rm -rf $(VENV); echo "make: $(PYTHON) can make no virtual environment; on Debian: apt-get install python3-venv" >&2; exit 1; }; }
	@echo "Installing into $(VENV) (once; about a minute)..." >&2
	@# By environment variable, the constraints hold for the isolated build of our own package, too.
	@PIP_CONSTRAINT=constraints.txt $(BIN)/python -m pip install --quiet --disable-pip-version-check -e '.[demo,test]'
	@touch $@
