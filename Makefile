# Everything a person or CI does here. `make help` lists it.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
UV := $(BIN)/uv
TEST_PROCESSES ?= 3

.DEFAULT_GOAL := help
.PHONY: help setup demo run test lint format bench bench-ingest bench-e2e bench-queue lock docs site deb clean

help: ## List the targets
	@grep -E '^[a-z0-9-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | awk -F'\t' '{printf "  make %-12s %s\n", $$1, $$2}'

setup: $(VENV)/.dev ## Make .venv with everything that the tests need (TensorFlow included)

demo: $(VENV)/.base ## Send bundled films through a throw-away installation and show the reports (exits by itself)
	$(BIN)/hilum demo --home var/demo

run: $(VENV)/.base ## Run Hilum with ./hilum.toml or the defaults, until Ctrl-C
	$(BIN)/hilum up

test: setup ## Lint, then run all tests, in TEST_PROCESSES=3 processes; peers that are missing skip (in CI they fail)
	$(MAKE) --no-print-directory lint
	$(BIN)/python -m pytest --numprocesses $(TEST_PROCESSES) --dist loadfile --no-loadscope-reorder

lint: setup ## Check style, types, imports between rooms, dependencies, spelling
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/deptry .
	$(BIN)/codespell

format: setup ## Format the code
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

bench: setup ## Run the benchmarks, each against a peer in the same run (no pass or fail)
	for file in benchmarks/bench_*.py; do $(BIN)/python $$file || exit 1; done

bench-ingest: setup ## Films received per second, beside Orthanc and dcmtk's storescp (six minutes)
	$(BIN)/python benchmarks/bench_ingest.py

bench-e2e: setup ## From film to stored report: seconds, and studies per second, beside a naive worker (20 minutes)
	$(BIN)/python benchmarks/bench_e2e.py

bench-queue: setup ## Jobs per second through the queue, beside procrastinate and pgqueuer (15 minutes)
	$(BIN)/python benchmarks/bench_queue.py

docs: setup ## Write the generated pages of the documentation
	$(BIN)/python docs/generate.py

site: setup ## Write the documentation as a site into build/site; it needs no network
	NO_MKDOCS_2_WARNING=1 $(BIN)/python -m mkdocs build --strict

deb: $(VENV)/.uv ## Build a package for this Debian into build (DEB_VERSION=1.2.3 names another version than the commit's)
	$(BIN)/python deploy/debian/build.py --uv $(UV) $(if $(DEB_VERSION),--version $(DEB_VERSION))

lock: $(VENV)/.uv ## Resolve the dependencies anew into requirements/*.lock
	$(UV) pip compile -q --universal --python-version 3.11 --generate-hashes --no-emit-index-url --upgrade \
		--custom-compile-command "make lock" pyproject.toml -o requirements/base.lock
	$(UV) pip compile -q --universal --python-version 3.11 --generate-hashes --no-emit-index-url --upgrade \
		--custom-compile-command "make lock" pyproject.toml --extra train --extra s3 --group dev \
		-c requirements/base.lock -o requirements/dev.lock

clean: ## Remove the environment and what demo and tests left
	rm -rf $(VENV) var build dist

$(VENV)/.uv:
	$(PYTHON) -c 'import sys; sys.exit("Hilum needs Python 3.11 or newer; set PYTHON=..." if sys.version_info < (3, 11) else 0)'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check uv
	touch $@

$(VENV)/.base: $(VENV)/.uv requirements/base.lock pyproject.toml
	$(UV) pip install --quiet --python $(BIN)/python --require-hashes -r requirements/base.lock
	$(UV) pip install --quiet --python $(BIN)/python --no-deps -e .
	touch $@

$(VENV)/.dev: $(VENV)/.base requirements/dev.lock
	$(UV) pip install --quiet --python $(BIN)/python --require-hashes -r requirements/dev.lock
	touch $@
