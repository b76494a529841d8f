# Everything is done from here; `make help` prints what there is. The environment is .venv, built from requirements/*.txt.
# EUCORA_* variables reach the platform untouched. PYTHON=… names the interpreter to build .venv with.

SHELL := /bin/sh
.DEFAULT_GOAL := help
.PHONY: help up down test test-live lint fmt bench soak soak-stores generate pictures seed lock wheels clean

# A mirror that pip was told of holds for uv too.
ifdef PIP_INDEX_URL
export UV_DEFAULT_INDEX ?= $(PIP_INDEX_URL)
endif

PY := .venv/bin/python
UV := .venv/bin/uv
INSTALL := $(UV) pip install --quiet --python $(PY)
LOCK := $(UV) pip compile --quiet --universal --python-version 3.11 --generate-hashes \
	--no-emit-index-url --no-emit-find-links --no-emit-package eucora-agent --custom-compile-command "make lock"

help: ## print these lines
	@sed -n 's/^\([a-z-]*\):.*## /\1\t/p' $(MAKEFILE_LIST) | while IFS='	' read -r name text; do printf '  %-10s %s\n' "$$name" "$$text"; done

up: .venv/.platform ## start the platform and a local agent, in the foreground (ARGS="--no-agent" …)
	@exec .venv/bin/eucora up $(ARGS)

down: .venv/.platform ## stop a platform that runs on this data directory
	@.venv/bin/eucora down

# Each process has servers of its own; a file's tests stay together, and share them.
PYTEST := $(PY) -m pytest -n 2 --dist loadfile

test: .venv/.dev ## run the tests (T=tests/eucora_wire for a part)
	@$(PYTEST) $(T)

# What speaks SQL, room by room, and the whole of it as a newcomer sees it; and servers that no wheel brings.
LIVE := tests/conformance $(addprefix tests/eucora/,archive domains journal migrations operators pipeline) \
	tests/eucora/stores/test_postgres.py tests/eucora/stores/test_s3.py $(addprefix tests/e2e/test_,first_minute.py restarts.py drift.py privacy.py console.py questions.py demo.py verify.py) tests/faults

test-live: .venv/.dev ## the platform's tests on Debian's PostgreSQL 15, named by URL, and on real servers that follow
	@$(PY) -m tests.live.built prometheus victorialogs victoriametrics jaeger versitygw || true
	@$(PY) -m tests.live.server
	@EUCORA_TEST_LIVE=1 $(PY) -m tests.live.postgres15 -- $(PYTEST) $(LIVE)

lint: .venv/.dev ## ruff, mypy and the import contracts
	@.venv/bin/ruff check .
	@.venv/bin/ruff format --check .
	@.venv/bin/mypy
	@.venv/bin/lint-imports

fmt: .venv/.dev ## format, and mend what ruff can mend
	@.venv/bin/ruff check --fix .
	@.venv/bin/ruff format .

bench: .venv/.dev ## measure: acknowledged and queryable payloads a second, freshness, cost (ARGS="--help")
	@$(PY) -m bench $(ARGS)

SECONDS := 60

soak: .venv/.dev ## everything fails by a seeded schedule: 0 lost, 0 twice (SECONDS=3600 SEED=…)
	@$(PY) -m tests.faults.soak --seconds $(SECONDS) $(if $(SEED),--seed $(SEED))

soak-stores: .venv/.dev ## kill the servers that follow under load, for an hour (ARGS="--minutes 10")
	@$(PY) -m bench.soak_stores --minutes 60 --kills 12 $(ARGS)

pictures: .venv/.dev ## take the pictures of README.md anew, of the platform in EUCORA_DATA_DIR that holds the demo fleet
	@$(PY) -m docs.pictures

generate: .venv/.dev ## write the published contract and the reference pages anew
	@$(PY) -m docs.generate

seed: .venv/.dev ## count the seed's items that are proved, and those that are owed
	@$(PY) -m docs.seed

lock: .venv/.bootstrap ## resolve requirements/*.txt anew (UPGRADE=--upgrade for newer versions)
	@$(LOCK) $(UPGRADE) requirements/bootstrap.in -o requirements/bootstrap.txt
	@$(LOCK) $(UPGRADE) -c requirements/bootstrap.txt packaging/agent/pyproject.toml -o requirements/agent.txt
	@$(LOCK) $(UPGRADE) -c requirements/bootstrap.txt -c requirements/agent.txt pyproject.toml -o requirements/platform.txt
	@$(LOCK) $(UPGRADE) -c requirements/bootstrap.txt -c requirements/platform.txt --extra dev pyproject.toml -o requirements/dev.txt

wheels: .venv/.platform ## build all three distributions into dist/
	@$(UV) build --quiet --wheel --no-build-isolation --out-dir dist packaging/agent
	@$(UV) build --quiet --wheel --no-build-isolation --out-dir dist packaging/verify
	@$(UV) build --quiet --wheel --no-build-isolation --out-dir dist .

clean: ## remove .venv, caches and built files; the platform's data stays
	@rm -rf .venv dist build .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache .schemathesis
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +

# --- the environment: each stamp is as new as the lock it was installed from -------------------------------------

.venv/.bootstrap: requirements/bootstrap.txt
	@python=$$(sh scripts/find-python.sh) && echo "Preparing .venv …" && \
	if ! $(PY) -m pip --version >/dev/null 2>&1; then $$python -m venv --clear .venv; fi
	@$(PY) -m pip install --quiet --disable-pip-version-check --require-hashes -r $<
	@touch $@

.venv/.platform: .venv/.bootstrap requirements/platform.txt pyproject.toml packaging/agent/pyproject.toml
	@echo "Installing the platform …"
	@$(INSTALL) --require-hashes -r requirements/platform.txt
	@$(INSTALL) --no-build-isolation --no-deps -e . -e packaging/agent
	@touch $@

.venv/.dev: .venv/.platform requirements/dev.txt
	@echo "Installing what the tests need …"
	@$(INSTALL) --require-hashes -r requirements/dev.txt
	@touch $@
