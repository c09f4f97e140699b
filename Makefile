# Two commands: `make run` and `make test`. Both need only python3 (3.11 or newer) on this machine.
SHELL := /bin/sh
MAKEFLAGS += --no-print-directory
PYTHON ?= python3
PORT ?= 8000
HOST ?= 127.0.0.1
VENV := .venv
PY := $(VENV)/bin/python
BOOT := $(PYTHON) crm/local/bootstrap.py
COMPILE = $(PY) -m uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-header --no-annotate
.DEFAULT_GOAL := help
.PHONY: help run services manage shell test check bench backup restore messages assets lock clean distclean

help:  ## show this list
	@sed -n 's/^\([a-z-]*\):.*## /\1\t/p' $(MAKEFILE_LIST) | while IFS="$$(printf '\t')" read -r name text; do \
	  printf '  make %-10s %s\n' "$$name" "$$text"; done

run:  ## everything at http://127.0.0.1:8000 (PORT=18000 moves it and the six ports after it)
	@$(BOOT) run && exec $(PY) -m crm.local run --port $(PORT) --host $(HOST)

services:  ## only PostgreSQL, Redis and the mailbox
	@$(BOOT) run && exec $(PY) -m crm.local services --port $(PORT)

manage:  ## manage.py with the services around it: make manage ARGS="events_map"
	@$(BOOT) run && exec $(PY) -m crm.local manage --port $(PORT) -- $(ARGS)

shell:  ## a Python shell with Django loaded
	@$(BOOT) run && exec $(PY) -m crm.local manage --port $(PORT) -- shell

test:  ## lint, floors, types, migrations, tests, browser tests
	@$(BOOT) dev && exec $(PY) -m crm.local test $(ARGS)

check:  ## the quick part of `make test`: lint, floors, types, migrations
	@$(BOOT) dev && exec $(PY) -m crm.local test --only check

bench:  ## the benchmarks of bench/, or one: make bench ARGS="import_orders"
	@$(BOOT) dev && exec $(PY) -m crm.local bench --port $(PORT) -- $(ARGS)

backup:  ## database, uploads and keys in one file: make backup FILE=shop.tar
	@test -n "$(FILE)" || { echo 'Name the file: make backup FILE=shop.tar'; exit 2; }
	@$(BOOT) run && exec $(PY) -m crm.local backup --port $(PORT) "$(FILE)"

restore:  ## a backup into an empty state folder: make restore FILE=shop.tar
	@test -n "$(FILE)" || { echo 'Name the file: make restore FILE=shop.tar'; exit 2; }
	@$(BOOT) run && exec $(PY) -m crm.local restore --port $(PORT) "$(FILE)"

messages:  ## collect the strings for locale/ and compile the catalogues
	@$(BOOT) dev && $(PY) -m crm.local messages --collect

assets:  ## fetch the browser's files into assets/
	@$(BOOT) assets

lock:  ## write the locks anew from requirements*.in and package.json
	@$(BOOT) dev
	$(COMPILE) -o requirements.txt requirements.in
	$(COMPILE) -o requirements-dev.txt requirements-dev.in
	$(COMPILE) -o requirements-node.txt requirements-node.in
	npm install --package-lock-only --ignore-scripts

clean:  ## remove .local/: the database, the mail, the uploads
	@if [ -x $(PY) ]; then $(PY) -m crm.local clean; else rm -rf .local; fi

distclean: clean  ## also remove .venv, the browser's files and all caches
	rm -rf $(VENV) node_modules assets staticfiles .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis
	find . -name __pycache__ -prune -exec rm -rf {} +
	find . -name '*.mo' -delete
