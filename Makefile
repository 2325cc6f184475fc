# `make` alone explains itself. Everything that is installed goes into .venv.
PYTHON ?= python3
BIN := .venv/bin
export PIP_DISABLE_PIP_VERSION_CHECK := 1

help: ## say what there is to make
	@echo "make TARGET, where TARGET is one of:"
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  \1\t\2/p' $(MAKEFILE_LIST) | expand -t 16

quickstart: .venv/installed ## from nothing to a trained model and its report, in minutes (run again to resume)
	$(BIN)/slipstick quickstart

laptop: .venv/installed ## fine-tune a pretrained model of 135 million parameters on this machine's cores, and its report (again to resume)
	$(BIN)/slipstick synthesize laptop-corpus --resume

test: .venv/installed ## check the code, build the documentation, run every test and measure what the tests cover
	$(MAKE) --no-print-directory --jobs=2 --output-sync=target lint docs
	$(BIN)/pytest --cov -n auto --dist loadfile

lint: .venv/installed ## style, types, the direction of imports, dead code, and the page of settings
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/vulture
	$(BIN)/python -m slipstick.settings | diff docs/settings.md - || { echo "docs/settings.md is out of date: make settings"; exit 1; }

docs: .venv/installed ## build the documentation into site/
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict --quiet

settings: .venv/installed ## write docs/settings.md from the settings classes
	$(BIN)/python -m slipstick.settings > docs/settings.md

wheel: .venv/installed ## build the wheel and the source archive, and try the wheel in an empty environment
	rm -rf dist build/wheel
	$(BIN)/hatchling build
	$(PYTHON) -m venv build/wheel
	build/wheel/bin/pip install --quiet dist/*.whl
	cd build/wheel && bin/python -P ../../tests/wheel_check.py bin/slipstick

lock: .venv/installed ## write requirements.lock from what .venv holds
	$(BIN)/pip freeze --exclude-editable | sed 's/^\(torch==[0-9.]*\)+cpu$$/\1/' > requirements.lock

clean: ## remove .venv and what tools leave behind (run folders stay)
	rm -rf .venv site build dist .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache

.venv/installed: requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "slipstick needs Python 3.11 or newer; say which: make PYTHON=python3.12 ..."; exit 1; }
	test -x $(BIN)/python || $(PYTHON) -m venv .venv
	$(BIN)/pip install --quiet -r requirements.lock
	$(BIN)/pip install --quiet --no-deps --no-build-isolation --editable .
	@touch $@

.PHONY: help quickstart laptop test lint docs settings wheel lock clean
