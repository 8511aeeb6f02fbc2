# `make demo` and `make test` each set everything up by themselves; the second call is quick.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
RUN ?= runs/demo
METHODS ?= baseline,pasta-gan++,ladi-vton,promptdresser
WORKERS ?= 2

.PHONY: demo test lint oracles lock clean help

help:
	@echo "make demo   set up, compare on the embedded dataset, write a report"
	@echo "make test   set up with everything for development, run the tests"
	@echo "make lint   formatting, style, types, architecture"
	@echo "make lock   write the locks anew from pyproject.toml"
	@echo "make clean  remove environments and caches of tools"

$(BIN)/python:
	@$(PYTHON) -c "import sys; sys.exit(sys.version_info < (3, 11))" || \
		{ echo "$(PYTHON) is older than Python 3.11: name a newer one, as in 'make $(firstword $(MAKECMDGOALS)) PYTHON=python3.12'"; exit 1; }
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --upgrade pip

$(VENV)/.core: requirements/core.lock pyproject.toml | $(BIN)/python
	$(BIN)/python -m pip install --quiet -r requirements/core.lock
	$(BIN)/python -m pip install --quiet --no-deps -e .
	@touch $@

$(VENV)/.demo: requirements/demo.lock $(VENV)/.core
	$(BIN)/python -m pip install --quiet -r requirements/demo.lock
	@touch $@

$(VENV)/.dev: requirements/dev.lock $(VENV)/.core
	$(BIN)/python -m pip install --quiet -r requirements/dev.lock
	@touch $@

# other methods than the baseline need the libraries of the diffusion methods
demo: $(VENV)/$(if $(filter-out baseline,$(METHODS)),.demo,.core)
	$(BIN)/fittingroom compare studio-mini --methods $(METHODS) --out $(RUN) --workers $(WORKERS)

oracles: $(VENV)/.dev
	PYTHON=$(BIN)/python bash scripts/oracles.sh

test: $(VENV)/.dev oracles
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -q -n $(WORKERS) --dist loadfile --no-loadscope-reorder

lint: $(VENV)/.dev
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

lock:
	bash scripts/lock.sh

clean:
	rm -rf $(VENV) .oracles .pytest_cache .mypy_cache .ruff_cache build dist
