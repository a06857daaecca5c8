# Two commands for a newcomer: `make bench` and `make test`. Needs python 3.11 or newer and a package index.

SHELL := /bin/bash
PYTHON ?= $(shell for p in python3 python3.14 python3.13 python3.12 python3.11; do \
	$$p -c 'import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && { echo $$p; break; }; done)
BIN := .venv/bin
STAMP := .venv/.installed
DOCS_STAMP := .venv/.installed-docs
PIP := $(BIN)/python -m pip --disable-pip-version-check

.DEFAULT_GOAL := help
.PHONY: help install bench test test-slow test-pages speed lint docs clean

help:  ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "make %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

install: $(STAMP)  ## make .venv and install leakbench into it

# Made last, so that an installation that broke off is taken up again.
$(STAMP): setup.cfg pyproject.toml
	@test -n "$(PYTHON)" || { echo 'python 3.11 or newer, with venv, is needed: make PYTHON=/path/to/python3 ...' >&2; exit 1; }
	@test -x $(BIN)/python || { echo "making .venv with $(PYTHON)"; $(PYTHON) -m venv .venv; }
	@echo 'installing leakbench and what it needs into .venv (minutes, the first time)'
	@$(PIP) install --quiet --progress-bar off --editable '.[test]'
	@touch $@

bench: install  ## the quick suite: attacks and controls on real images, then the leaderboard
	@$(BIN)/leakbench prepare lpips --try
	@$(BIN)/leakbench suite quick

test: install  ## the fast tests
	@$(BIN)/leakbench prepare lpips text efficientnet_lite0 --try
	@$(BIN)/python -m pytest -n auto --maxprocesses 3 --dist worksteal

test-slow: install  ## the slow tests: whole runs, oracles on many victims
	@$(BIN)/leakbench prepare lpips text efficientnet_lite0 --try
	@$(BIN)/python -m pytest -m slow -n auto --maxprocesses 2 --dist worksteal

test-pages: install  ## what people look at: the page in Chromium, tables in pdflatex and bibtex
	@$(BIN)/python -m pytest -m "browser or latex"

speed: install  ## the engine against the published loop, on this machine (a quarter of an hour)
	@$(BIN)/leakbench speed --scale --variant attack.history=100 --variant engine.compile=false

lint: install  ## ruff (rules and format) and mypy
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy
	@$(BIN)/mypy docs/site

docs: $(DOCS_STAMP)  ## these pages as a site that needs no network: build/docs/site/index.html
	@$(BIN)/python docs/site/stage.py build/docs
	@$(BIN)/zensical build --strict --clean --config-file build/docs/mkdocs.yml
	@$(BIN)/python docs/site/loaded.py build/docs/site
	@echo 'the site is build/docs/site/index.html'

$(DOCS_STAMP): $(STAMP)
	@$(PIP) install --quiet --progress-bar off --editable '.[docs]'
	@touch $@

clean:  ## remove .venv, caches and build files; results stay
	rm -rf .venv build dist *.egg-info .pytest_cache .hypothesis .mypy_cache .ruff_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
