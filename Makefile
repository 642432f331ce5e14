# `make help` prints this file's targets. CI calls the same ones.
.DEFAULT_GOAL := help
PYTHON := .venv/bin/python
UV := uv pip compile --generate-hashes --universal --python-version 3.11 --no-emit-index-url --no-emit-find-links --no-header --no-annotate --quiet

help:  ## Show what can be made
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-10s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

up:  ## Install and run the whole product with a real model
	python3 deploy/bootstrap.py up

test:  ## Install what the tests need and pass them
	python3 deploy/bootstrap.py test

lint:  ## Style and import rules
	$(PYTHON) -m ruff check . && $(PYTHON) -m ruff format --check . && .venv/bin/lint-imports

types:  ## mypy, strict
	$(PYTHON) -m mypy governance registry audit deploy/client/modelcustody_client

schema:  ## Write docs/openapi.json from the code
	$(PYTHON) manage.py spectacular --format openapi-json --validate --fail-on-warn --file docs/openapi.json

bench:  ## Measure: evaluation in process, re-evaluation through Celery
	$(PYTHON) -m tests.benchmarks evaluate
	$(PYTHON) -m tests.benchmarks reevaluate

screenshots:  ## Take the pictures of docs/images again
	UPDATE_SCREENSHOTS=1 $(PYTHON) -m pytest tests/functional -m browser

lock:  ## Pin the dependencies of pyproject.toml, with hashes
	$(UV) pyproject.toml -o requirements.lock
	$(UV) pyproject.toml --extra demo --constraint requirements.lock -o requirements-demo.lock
	$(UV) pyproject.toml --extra demo --extra dev --constraint requirements-demo.lock -o requirements-dev.lock

.PHONY: help up test lint types schema bench screenshots lock
