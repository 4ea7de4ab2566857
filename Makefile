# The door to everything: `make help`.

PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip install --quiet --no-compile --disable-pip-version-check
# uv takes a quarter of pip's CPU, but does not read its settings: behind an index of one's own, pip installs.
install = $(PYTHON) -m venv $(VENV) && export PIP_CONSTRAINT=constraints.txt && \
    { $(PIP) uv && $(BIN)/uv pip install --quiet --python $(BIN)/python --constraint constraints.txt --editable '.[$(1)]' \
    || { echo "uv could not install it; pip tries ..."; $(PIP) --editable '.[$(1)]'; }; }
LEDGER := $(BIN)/mlops-ledger
READY := $(VENV)/.ready
DEMO_READY := $(VENV)/.demo-ready
# Debian's PostgreSQL servers; the suite runs on each of them after the embedded one.
SUPPORTED = $(shell $(BIN)/python -m tools.versions)
SYSTEM_VERSIONS = $(foreach v,$(SUPPORTED),$(if $(wildcard /usr/lib/postgresql/$(v)/bin/initdb),$(v)))
# Two processes more than there are cores: tests also wait. A file stays with one process, for what its
# tests share; xdist 3.8 ignores its groups under pytest 9.2 without a word. Schemathesis is run as a
# command; as a plugin every process would import it.
WORKERS ?= $(shell expr $$(getconf _NPROCESSORS_ONLN) + 2)
# Beside the first pass, which has more than twice the work, fewer are through when that is.
AGAIN_WORKERS ?= $(WORKERS)
SITE := NO_MKDOCS_2_WARNING=1 $(BIN)/python -m mkdocs build --quiet --strict
PYTEST := $(BIN)/python -m pytest --dist loadfile --no-loadscope-reorder -p no:schemathesis

# Hundreds of processes import the same modules: they are compiled once, whatever the environment says.
unexport PYTHONDONTWRITEBYTECODE

.DEFAULT_GOAL := help
.PHONY: help setup demo serve-example test collected after-collected test-embedded test-on torture mutants check lint sync schema docs docs-site bench \
        db-init db-reset db-cleanup db-backup distribute psql up down clean

help: ## Show this help
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  %-14s %s\n", $$1, $$2}'

setup: $(READY) ## Make .venv with everything that the targets below need

# What is installed for development is enough for the demo.
$(DEMO_READY): pyproject.toml constraints.txt
	@echo "Installing into $(VENV) what the demo needs: PostgreSQL, pandas, scikit-learn ..."
	@$(call install,demo)
	@touch $@

$(READY): pyproject.toml constraints.txt
	@echo "Installing into $(VENV) everything that development needs ..."
	@$(call install,dev)
	@touch $@

demo: $(if $(wildcard $(READY)),$(READY),$(DEMO_READY)) ## Replay a year of flights: predict, label, monitor, retrain, promote
	@echo "Making the database; the first time a PostgreSQL is made for it ..."
	@$(LEDGER) init
	$(BIN)/python -m examples.flight_delays

serve-example: setup ## Run the example service, FastAPI with the ledger, on port 8000
	@$(LEDGER) init
	$(BIN)/python -m examples.sentiment_service

# The sync twins are generated: with two servers, one has them and the other what they are made from.
test: setup ## Run the suite on the embedded PostgreSQL, then what depends on it on the system's
	@$(MAKE) --no-print-directory test-embedded $(SYSTEM_VERSIONS:%=test-again-%)

# In a new clone each process would compile every module for itself, all of them at once.
collected: setup
	@$(BIN)/python -m pytest --quiet --collect-only -p no:schemathesis > /dev/null

# For a caller that makes the checks at the same time: they need none of what is compiled first.
after-collected: collected
	@$(MAKE) --no-print-directory demo test

test-embedded:
	$(PYTEST) -n $(WORKERS) $(if $(SYSTEM_VERSIONS),--ignore tests/_sync)

test-again-%:
	@echo "== again on PostgreSQL $*"
	MLOPS_AGAIN=1 MLOPS_PG_BIN=/usr/lib/postgresql/$*/bin $(PYTEST) -n $(AGAIN_WORKERS) \
	    -m 'not once' --ignore tests/_async

test-on: setup ## Run the whole suite on the system's PostgreSQL of version POSTGRESQL
	MLOPS_PG_BIN=/usr/lib/postgresql/$(POSTGRESQL)/bin $(PYTEST) -n $(WORKERS)

torture: setup ## Run the fault and property tests at full size
	MLOPS_TORTURE=1 $(BIN)/python -m pytest tests/faults tests/logger tests/analysis tests/cli \
	    tests/contrib/test_mlflow_plugin.py

mutants: setup ## Seed faults one by one, those of ONLY (a regex) or all: a test must notice each
	$(BIN)/python -m tools.mutants --jobs $(or $(JOBS),1) --only '$(ONLY)'

check: setup lint ## Lint, types, spelling, terms, generated files in step
	$(BIN)/python -m tools.unasync --check
	$(BIN)/python -m tools.export_names --check
	$(BIN)/python -m tools.dump_schema --check
	$(BIN)/python -m tools.list_objects --check
	$(BIN)/python -m tools.document_schema --check
	$(BIN)/python -m tools.document_cli --check
	$(BIN)/python -m tools.document_python --check
	$(BIN)/python -m tools.document_messages --check
	$(BIN)/python -m tools.draw_schema --check
	$(SITE)

lint: setup
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/codespell
	$(BIN)/python -m tools.terms
	$(BIN)/python -m tools.citus

sync: setup ## Generate the sync twins from the async sources, and the lists of exports
	$(BIN)/python -m tools.unasync
	$(BIN)/python -m tools.export_names

schema: setup ## Generate schema/schema.sql and schema/objects
	$(BIN)/python -m tools.dump_schema
	$(BIN)/python -m tools.list_objects

docs: setup ## Generate the reference pages
	$(BIN)/python -m tools.document_schema
	$(BIN)/python -m tools.document_cli
	$(BIN)/python -m tools.document_python
	$(BIN)/python -m tools.document_messages
	$(BIN)/python -m tools.draw_schema

docs-site: setup ## Build the pages as a web site in build/site; a dead link fails
	$(SITE)
	@echo "Open build/site/index.html, or: $(BIN)/python -m http.server --directory build/site"

bench: setup ## Measure everything, as ratios within one run
	$(BIN)/python -m benchmarks

db-init: setup ## Create the database if it is missing and migrate it
	$(LEDGER) init

db-reset: setup ## Drop and remake the database; asks first, only on this machine
	$(LEDGER) db reset $(if $(filter yes,$(CONFIRM)),--yes)

db-cleanup: setup ## Delete predictions and labels older than OLDER_THAN (90d); asks first
	$(LEDGER) cleanup --older-than $(or $(OLDER_THAN),90d) $(if $(filter yes,$(CONFIRM)),--yes)

distribute: setup ## Spread the big tables over the workers of Citus, or with UNDO=yes bring them back
	$(LEDGER) distribute $(if $(filter yes,$(UNDO)),--undo)

db-backup: setup ## Back the whole ledger up, to FILE
	$(LEDGER) backup $(or $(FILE),ledger-$(shell date -u +%Y%m%dT%H%M%SZ).backup)

psql: setup ## Open psql on the database
	$(LEDGER) db psql

up: ## Start PostgreSQL in Docker
	docker compose up --detach --wait

down: ## Stop it; its data stays in the volume
	docker compose down

clean: ## Remove what the targets above made in this folder
	rm -rf $(VENV) build dist .pytest_cache .mypy_cache .ruff_cache .hypothesis .schemathesis
	find . -name __pycache__ -prune -exec rm -rf {} +
