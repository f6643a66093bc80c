# Everything a person does, by name. `make` alone prints the list.
.DEFAULT_GOAL := help
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c

PYTHON ?= $(shell command -v python3.11 || command -v python3)
BIN := .venv/bin
UV := $(BIN)/uv
MEMBERS := shared services/gateway services/anonymizer services/llm-router services/labour-market services/reports deploy/standalone demo
EDITABLE := $(addprefix -e ,$(MEMBERS))
OUR_OWN := $(foreach name,keel gateway anonymizer llm-router labour-market reports standalone demo,--no-emit-package passerelle-$(name))
COMPILE := $(UV) pip compile --universal --python-version 3.11 --generate-hashes --no-emit-index-url \
	--no-emit-find-links --no-annotate --custom-compile-command "make lock" -q $(OUR_OWN)
READY := .venv/.ready

OUT ?= var/demo
PORT ?= 8000
DATA ?= var/data
N ?= 5

help: ## print this list
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | awk -F':.*## ' '{printf "  make %-16s %s\n", $$1, $$2}'

setup: $(READY) ## make the environment, from locks with hashes

$(READY): requirements.lock bootstrap.lock $(addsuffix /pyproject.toml,$(MEMBERS))
	@"$(PYTHON)" -c 'import sys; sys.exit(sys.version_info[:2] < (3, 11))' || { \
	  echo "Python 3.11 or newer is needed (Debian 12: python3, python3-venv)."; exit 1; }
	@test -x $(BIN)/python || "$(PYTHON)" -m venv .venv || { \
	  echo "The venv module is missing (Debian: apt-get install python3-venv)."; rm -rf .venv; exit 1; }
	@echo "Setting up .venv (once; the French language model is the largest part)…"
	@$(BIN)/python -m pip install -q --disable-pip-version-check --require-hashes -r bootstrap.lock
	@UV_COMPILE_BYTECODE=1 $(UV) pip sync -q --require-hashes requirements.lock
	@$(UV) pip install -q --require-hashes -r bootstrap.lock
	@$(UV) pip install -q --no-deps --no-build-isolation $(EDITABLE)
	@$(BIN)/python -m compileall -q $(addsuffix /src,$(MEMBERS))
	@touch $@

demo: setup ## play one bilan from consent to synthesis (CV=path OUT=dir LLM_BASE_URL=… LLM_MODEL=…)
	@$(BIN)/python -m demo --out "$(OUT)" $(if $(CV),--cv "$(CV)")

serve: setup ## keep the whole platform running (PORT=8000 DATA=var/data LLM_DEPLOYMENTS=file)
	@$(BIN)/python -m standalone serve --port $(PORT) --data "$(DATA)" --first-tenant "Premier centre" \
	  $(if $(LLM_DEPLOYMENTS),--deployments "$(LLM_DEPLOYMENTS)")

test: setup ## run the tests (installs missing Debian packages where it may)
	@bash tests/debian-packages
	@$(BIN)/python -m pytest -q -n 2 --dist loadfile --no-loadscope-reorder -m "not full" $(ARGS)

verify: setup ## run the full counts of the work items, in resumable parts
	@bash tests/debian-packages
	@bash tests/verify

bench: setup ## measure the platform: demo, start, memory, the gate, the log (N=5 ON_DISK=/var/tmp SIZES="10000 1000000")
	@$(BIN)/python bench/platform.py --runs $(N)
	@PASSERELLE_POSTGRESQL_IN="$(or $(ON_DISK),/var/tmp)" $(BIN)/python -m pytest -q \
	  services/gateway/tests/gate/test_what_a_gated_call_costs.py
	@$(BIN)/python bench/log.py --folder "$(or $(ON_DISK),/var/tmp)" --sizes $(or $(SIZES),10000 100000)

bench-anonymizer: setup ## measure what is recognised and what it costs, beside Presidio (MEMORY=1 SETS="file …" MODELS="md none" JSON=file)
	@$(BIN)/python bench/anonymizer $(if $(SETS),--sets $(SETS)) $(if $(MODELS),--models $(MODELS)) \
	  $(if $(MEMORY),--memory) $(if $(REQUESTS),--requests $(REQUESTS)) $(if $(JSON),--json "$(JSON)")

check: setup ## lint, types and import contracts
	@$(BIN)/ruff check . && $(BIN)/ruff format --check . && $(BIN)/mypy && $(BIN)/lint-imports

format: setup ## format the code
	@$(BIN)/ruff check --fix-only -q . && $(BIN)/ruff format .

lock: setup ## write the locks anew from the members' dependencies
	@printf 'uv==0.13.9\nuv_build==0.13.6\n' | $(COMPILE) - -o bootstrap.lock
	@$(COMPILE) pyproject.toml --group dev $(addsuffix /pyproject.toml,$(MEMBERS)) -o requirements.lock
	@for service in gateway anonymizer llm-router labour-market reports; do \
	  $(COMPILE) -c requirements.lock services/$$service/pyproject.toml -o services/$$service/requirements.lock; done
	@printf 'aics-tlog==0.2.1\naics-witness==0.1.0\n' | $(subst 3.11,3.12,$(COMPILE)) - -o tests/aics.lock
	@! grep -nE 'https?://|file://|index-url|find-links' bootstrap.lock requirements.lock tests/aics.lock services/*/requirements.lock

openapi: setup ## write the OpenAPI documents anew from the code
	@mkdir -p var
	@for service in anonymizer llm_router labour_market reports; do \
	  $(BIN)/python -m $$service openapi > var/openapi.json && mv var/openapi.json services/$${service//_/-}/openapi.json; done
	@$(BIN)/python -m gateway openapi > var/openapi.json && mv var/openapi.json services/gateway/src/gateway/openapi.json

problems: setup ## write a page for each refusal anew from the code
	@$(BIN)/python -m standalone.explanations

schemas: setup ## write the schema of records and the page of its fields anew from the code
	@$(BIN)/python -m gateway.records.publishing docs

migrate: setup ## bring a service's database up to date (S=gateway)
	@$(BIN)/python -m $(S) migrate

revision: setup ## write a service's next migration from its tables (S=gateway M="create consents")
	@test -n "$(S)" -a -n "$(M)" || { echo 'Say which and what: make revision S=gateway M="create consents"'; exit 1; }
	@$(BIN)/python -m keel.migrations "$(S)" "$(M)"

.PHONY: help setup demo serve test verify bench bench-anonymizer check format lock openapi problems migrate revision
