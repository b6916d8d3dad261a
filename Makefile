# Two commands do everything: `make run` and `make test`. Each installs what it needs, or says in a sentence why it cannot.
SHELL := /bin/bash
PYTHON ?= python3
# Two at a time, file by file: a file shares its server and its browser. In our order, the longest files first.
PYTEST_FLAGS ?= -n 2 --dist loadfile --no-loadscope-reorder
VENV := .venv
BIN := $(VENV)/bin
export PIP_DISABLE_PIP_VERSION_CHECK := 1
# Nothing of the caller's own Python gets into the virtual environment, or past it.
unexport PYTHONPATH PYTHONHOME PIP_USER PIP_TARGET PIP_PREFIX PIP_REQUIRE_VIRTUALENV PIP_CONSTRAINT

.PHONY: run test lint types contracts tests bench pictures clean

run: $(VENV)/.run-ready
	$(BIN)/eobench demo

test: lint types contracts tests

lint: $(VENV)/.test-ready
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: $(VENV)/.test-ready
	$(BIN)/mypy

contracts: $(VENV)/.test-ready
	$(BIN)/lint-imports

tests: $(VENV)/.test-ready
	$(BIN)/python tools/find_browser.py
	$(BIN)/pytest $(PYTEST_FLAGS)

bench: $(VENV)/.test-ready
	$(BIN)/python -m bench

pictures: $(VENV)/.test-ready
	$(BIN)/python tools/make_pictures.py

clean:
	rm -rf $(VENV)

$(VENV)/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || \
	  { echo "EO Bench needs Python 3.11 or newer as '$(PYTHON)'. Install it, or call: make PYTHON=/path/to/python3.11" >&2; exit 1; }
	@$(PYTHON) -c 'import venv, ensurepip' 2>/dev/null || \
	  { echo "This Python has no venv module. Install it (Debian: apt-get install python3-venv) and try again." >&2; exit 1; }
	$(PYTHON) -m venv $(VENV)

$(VENV)/.run-ready: pyproject.toml constraints.txt | $(VENV)/bin/python
	@$(BIN)/pip install -q -c constraints.txt -e '.[dask]' || \
	  { echo "The packages could not be installed; see the lines above (is there a connection to a package index?)." >&2; exit 1; }
	@touch $@

$(VENV)/.test-ready: pyproject.toml constraints.txt | $(VENV)/bin/python
	@$(BIN)/pip install -q -c constraints.txt -e '.[dev]' || \
	  { echo "The packages could not be installed; see the lines above (is there a connection to a package index?)." >&2; exit 1; }
	@touch $@ $(VENV)/.run-ready
