# Two commands: `make demo` and `make test`. Both set everything up first, without root.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.setup-stamp
DOCS_STAMP := $(VENV)/.docs-stamp

.DEFAULT_GOAL := help
.PHONY: help setup demo test lint format bench wheel docs clean

help: ## show this help
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

setup: $(STAMP) ## make .venv with the flowbrush command in it

$(STAMP): pyproject.toml constraints.txt
	$(PYTHON) -c 'import sys; sys.exit(0 if sys.version_info >= (3, 11) else "flowbrush needs Python 3.11 or newer; set PYTHON=... to one")'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --upgrade pip
	$(BIN)/python -m pip install --quiet $(if $(TORCH_INDEX),--extra-index-url $(TORCH_INDEX)) -c constraints.txt torch
	$(BIN)/python -m pip install --quiet -c constraints.txt -e '.[dev]'
	@touch $@

demo: setup ## open the web demo on the embedded pocket model
	$(BIN)/flowbrush serve --model pocket

# two more than there are processors: for half of their time tests wait for servers, browsers and disks
TESTERS = $(shell $(PYTHON) -c 'import os; print((os.cpu_count() or 1) + 2)')

test: setup ## run the tests; ends within 22 minutes, whatever hangs
	$(BIN)/python tools/run_tests.py -q -n $(TESTERS) --maxprocesses 4 --dist loadfile --no-loadscope-reorder --durations 20

lint: setup ## ruff, import rules, types of Python and of the page
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/lint-imports
	$(BIN)/mypy
	@if command -v npm >/dev/null; then cd web && npm ci --silent --no-audit --no-fund && npx tsc -p jsconfig.json; \
	 else echo "npm not found: the page's types were not checked (install Node.js 20 or newer)"; fi

format: setup ## put the code into its format
	$(BIN)/ruff check --fix --quiet . || true
	$(BIN)/ruff format .

bench: setup ## print the speed figures of this machine
	$(BIN)/flowbrush bench --model pocket

wheel: ## build sdist and wheel into dist/, install and use them in empty environments
	$(PYTHON) -u tools/check_packages.py

$(DOCS_STAMP): $(STAMP)
	$(BIN)/python -m pip install --quiet -c constraints.txt -e '.[docs]'
	@touch $@

docs: $(DOCS_STAMP) ## build the documentation's site into site/; a link that leads nowhere is an error
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict --quiet

clean: ## remove what setup and the tests made
	rm -rf $(VENV) .pytest_cache .mypy_cache .ruff_cache .hypothesis dist site web/types web/LICENSE web/NOTICE
