# Switchyard. `make help` lists what can be done.
SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
MAKEFLAGS += --no-print-directory

PY := .venv/bin/python
RUN := $(PY) -m
# What computes runs beside what mostly waits for servers, and gives way to it: on two cores that is half an hour less
# a third. In a list from the fastest to the slowest: a failure shows early.
APART := integration/test_bench.py,test_local_stack.py,test_steps_struck.py,test_steps_restless.py
STAGES := "unit architecture ops contract breaks $(APART) | integration" acceptance
# Branch coverage, in percent: of the product, and of each package around it. What the longest programs do (the bench, the
# drills, the parts of `make verify`) runs in `make verify` only, so what the suites see of it is bounded as it stands.
COVER := app:90 ops/breaks:90 ops/deploy:90 ops/docs:95 ops/requirements:95 ops/local:87 ops/load:87 \
	ops/bench:60 ops/verify:55 ops/drill:65
# How many breaks `make test` draws and makes; `make breaks` makes all.
BREAKS := 5

.PHONY: help
help: ## Show this
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' $(firstword $(MAKEFILE_LIST))

.PHONY: setup
setup: ## Make .venv with everything, developer's tools included
	@ops/setup.sh dev

.PHONY: setup-local
setup-local:
	@ops/setup.sh local

.PHONY: lock
lock: setup ## Write requirements/*.lock again from pyproject.toml (UPGRADE=1 takes newer releases)
	@ops/lock.sh $(if $(UPGRADE),--upgrade)

.PHONY: fmt
fmt: setup ## Format the code and mend what ruff can
	$(RUN) ruff format .
	$(RUN) ruff check --fix .

.PHONY: check
check: setup ## Check format, lint, types, imports and alert rules
	$(RUN) ruff format --check .
	$(RUN) ruff check .
	$(RUN) basedpyright
	.venv/bin/lint-imports
	@ops/prometheus.sh

.PHONY: test
test: check ## Run check, every test with branch coverage, and a drawn handful of breaks
	@ops/pgbouncer.sh
	@ops/browser.sh
	@BREAKS=$(BREAKS) ops/test.sh "$(COVER)" $(STAGES)

.PHONY: breaks
breaks: setup ## Make each listed break of the product, alone, and expect its tests to fail: ONLY=api NAME=text
	@$(RUN) ops.breaks $(if $(ONLY),--only $(ONLY)) $(if $(NAME),--name "$(NAME)")

.PHONY: demo
demo: setup-local ## Start the local stack, add sample documents, ask three questions
	@$(RUN) ops.local demo

.PHONY: up
up: setup-local ## Start the local stack
	@$(RUN) ops.local up

.PHONY: down
down: setup-local ## Stop the local stack; its data stays
	@$(RUN) ops.local down

.PHONY: load
load: setup ## Load the running stack and judge it: USERS=20 MINUTES=2; RATE=60 visits a minute for open arrivals; WEB=1 for Locust's web interface
	@$(RUN) ops.load $(if $(USERS),--users $(USERS)) $(if $(MINUTES),--minutes $(MINUTES)) \
		$(if $(RATE),--rate $(RATE)) $(if $(SEED),--seed $(SEED)) $(if $(WEB),--web)

.PHONY: bench
bench: setup ## Measure, side by side, what the goals are stated in: ROW=overload alone; PEERS=litellm beside that gateway
	@$(RUN) ops.bench $(foreach peer,$(PEERS),--with $(peer)) $(foreach row,$(ROW),--row $(row)) $(if $(QUICK),--quick)

.PHONY: verify
verify: setup ## Run what is too long for CI and write docs/evidence
	@ops/verify.sh

.PHONY: docs
docs: setup ## Write docs/reference again from the code, and the runbooks as pages
	@$(RUN) ops.docs

.PHONY: dashboards
dashboards: setup ## Write grafana/json again from grafana/dashboards, the alerts and the runbooks
	@$(RUN) grafana

.PHONY: requirements
requirements: setup ## Write docs/requirements.md again: each promise, its tests, their last result
	@$(RUN) ops.requirements
