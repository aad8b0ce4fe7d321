# Assay's commands. `make help` lists them. Nothing but Python 3.11 is needed beforehand.

PYTHON      ?= $(shell command -v python3.11 || command -v python3)
# Where torch alone is fetched from, for a CUDA or CPU build other than your index's own;
# see "CPU or CUDA" in docs/operations.md.
TORCH_INDEX ?=
ARGS        ?=
# What a machine with a GPU has: a Python whose torch is built for CUDA. None of ours is installed there.
GPU_PYTHON  ?= python3
ON_DEVICE   := tests/inference/engine/cuda tests/inference/quantization

BIN      := .venv/bin
STAMP    := .venv/.installed
MESSAGES := locale/zh_Hans/LC_MESSAGES/django.mo
LOCKS    := requirements/base.txt requirements/local.txt requirements/worker.txt requirements/dev.txt
CODE     := manage.py conftest.py settings apps riskscore clinical inference training benchmarks audits tests
OPENAPI  := docs/api/openapi.yaml
PROTOS    = $(shell git ls-files '*.proto')
PEERS    := var/peers/venv
export DO_NOT_TRACK := 1
export PIP_DISABLE_PIP_VERSION_CHECK := 1
MAKEFLAGS += --no-print-directory

.DEFAULT_GOAL := help
.PHONY: help demo up test check test-gpu test-triton bench bench-peers bench-article bench-growth bench-serving bench-rest bench-gpu train-risk chaos security lock openapi protos messages migrate backup restore audit-deps audit-secrets sbom clean

help:  ## List these commands
	@grep -E '^[a-z-]+:.*##' Makefile | sed -E 's/:[^#]*## /\t/' | while IFS="$$(printf '\t')" read -r name text; do \
		printf '  make %-13s %s\n' "$$name" "$$text"; done

demo: $(STAMP) $(MESSAGES)  ## Start everything, score a few hundred transactions, show what came out; ARGS=--exit ends there
	@$(BIN)/python manage.py demo $(ARGS)

up: $(STAMP) $(MESSAGES)  ## Start everything and serve until Ctrl-C
	@$(BIN)/python manage.py up $(ARGS)

test: $(STAMP) $(MESSAGES)  ## Run the tests; ARGS="-k name" picks some
	@$(BIN)/python -m pytest -m "not chaos and not security and not cuda and not triton" $(ARGS)

test-gpu:  ## Run what needs a GPU, on a machine with one: GPU_PYTHON has torch for CUDA, and pytest
	@$(GPU_PYTHON) -m pytest -c tests/inference/device.ini --rootdir . --confcutdir tests/inference -m "cuda or triton" $(ON_DEVICE) $(ARGS)

test-triton: $(STAMP)  ## Run the Triton kernels on this CPU, by Triton's interpreter
	@test -d var/triton || $(BIN)/python -m pip install --quiet --no-deps --target var/triton -r requirements/triton.txt
	@PYTHONPATH=var/triton TRITON_INTERPRET=1 $(BIN)/python -m pytest -c tests/inference/device.ini --rootdir . --confcutdir tests/inference -m triton $(ON_DEVICE) $(ARGS)

check: $(STAMP) $(MESSAGES)  ## Lint, types, import rules, migrations, OpenAPI drift, documentation
	@mkdir -p var
	@echo "ruff"            && $(BIN)/ruff check --quiet .
	@echo "format"          && $(BIN)/ruff format --check --quiet .
	@echo "types"           && $(BIN)/mypy --no-error-summary $(CODE)
	@echo "import rules"    && $(BIN)/lint-imports --no-logo >var/imports.txt 2>&1 || { cat var/imports.txt; exit 1; }
	@echo "system checks"   && $(BIN)/python manage.py check --fail-level WARNING >/dev/null
	@echo "deployment"      && $(BIN)/python -m pytest -q --no-header --no-summary tests/common/test_production.py >var/deployment.txt || { cat var/deployment.txt; exit 1; }
	@echo "migrations"      && $(BIN)/python manage.py makemigrations --check --dry-run >var/migrations.txt || { cat var/migrations.txt; exit 1; }
	@echo "OpenAPI"         && $(BIN)/python manage.py spectacular --validate --fail-on-warn --file var/openapi.yaml && diff -u $(OPENAPI) var/openapi.yaml
	@echo "documentation"   && $(BIN)/python -m pytest -q --no-header --no-summary tests/house/test_docs.py >var/docs.txt || { cat var/docs.txt; exit 1; }

bench: $(STAMP)  ## Measure the engine beside its peers; rewrites docs/benchmarks.md
	@$(BIN)/python -m benchmarks $(ARGS)

bench-peers: $(STAMP) $(PEERS)/.installed  ## Race the engine against its peers; ARGS="--only cold shared" picks some
	@$(BIN)/python -m benchmarks.peers $(ARGS)

bench-article: $(STAMP)  ## Print the article's tables; MODEL=folder names a checkpoint, else a small one is trained
	@$(BIN)/python -m benchmarks.article $(MODEL) $(ARGS)

bench-growth: $(STAMP)  ## Measure longer contexts and simulate up to a million accounts
	@$(BIN)/python -m benchmarks.scaling $(ARGS)

bench-serving: $(STAMP)  ## Measure batching, the token budget, a noisy institution, a second worker; ARGS="--only batching"
	@$(BIN)/python -m benchmarks.serving $(ARGS)

bench-rest: $(STAMP) $(MESSAGES)  ## Measure REST end to end: single calls, an open loop of arrivals, a batch
	@$(BIN)/python -m benchmarks.load $(ARGS)

bench-gpu:  ## Measure every precision beside transformers, on a machine with a GPU; ARGS="--out var/gpu"
	@$(GPU_PYTHON) -m benchmarks.gpu $(ARGS)

train-risk: $(STAMP)  ## Train the risk model that ships, from its generator to checkpoints/
	@$(BIN)/python -m training.risk $(ARGS)

chaos: $(STAMP)  ## Kill workers and empty Redis under load, and count what was lost
	@$(BIN)/python -m pytest -m chaos $(ARGS)

security: $(STAMP) $(MESSAGES)  ## Attack every wall by the thousand, then once more with the wall taken away
	@$(BIN)/python -m pytest -m "not chaos" tests/security $(ARGS)

audit-deps: $(STAMP)  ## Ask about known vulnerabilities of everything the lock files name; before each release
	@$(BIN)/python -m audits.dependencies $(ARGS)

audit-secrets: $(STAMP)  ## Look for secrets in every version of every file
	@$(BIN)/python -m audits.secrets $(ARGS)

sbom: $(STAMP)  ## Write what is installed, as CycloneDX, to var/sbom.json
	@mkdir -p var
	@$(BIN)/python -m audits.bill >var/sbom.json && echo "var/sbom.json"

openapi: $(STAMP)  ## Write docs/api/openapi.yaml anew
	@$(BIN)/python manage.py spectacular --validate --fail-on-warn --file $(OPENAPI)

protos: $(STAMP)  ## Write *_pb2.py anew from *.proto
	@$(BIN)/python -m grpc_tools.protoc --proto_path=. --python_out=. --pyi_out=. $(PROTOS)

messages: $(STAMP)  ## Collect translatable strings into locale/, and compile them
	@mkdir -p var
	@PYTHONPATH=. $(BIN)/pybabel --quiet extract --mapping locale/babel.cfg --no-location --omit-header --sort-output \
		--keywords "gettext_lazy ngettext_lazy:1,2 pgettext:1c,2 pgettext_lazy:1c,2 _" \
		--output var/django.pot settings apps riskscore clinical
	@$(BIN)/pybabel --quiet update --domain django --input-file var/django.pot --output-dir locale \
		--no-fuzzy-matching --ignore-obsolete --ignore-pot-creation-date --width 120
	@$(BIN)/pybabel --quiet compile --domain django --directory locale

backup: $(STAMP)  ## Write the whole state to one file, while everything runs: ARGS="--to FILE"
	@$(BIN)/python manage.py backup $(ARGS)

restore: $(STAMP)  ## Bring a backup back into an empty database: ARGS=FILE
	@$(BIN)/python manage.py restore $(ARGS)

migrate: $(STAMP)  ## Bring the database's tables up to date
	@$(BIN)/python manage.py migrate

lock: $(STAMP)  ## Resolve requirements/*.in into the lock files; ARGS=--upgrade takes newer versions
	@cd requirements && for name in base local worker dev; do \
		../$(BIN)/pip-compile --quiet $(ARGS) --strip-extras --no-header --no-emit-options --no-emit-index-url \
			--no-emit-find-links --no-emit-trusted-host --annotation-style=line --output-file $$name.txt $$name.in && \
		sed -i -E 's/^(torch==[0-9.]+)\+[a-z0-9]+/\1/' $$name.txt || exit 1; done

clean:  ## Remove the environment and everything embedded servers hold
	@rm -rf .venv var .mypy_cache .ruff_cache .pytest_cache .hypothesis $(MESSAGES)

$(STAMP): $(LOCKS)
	@test -n "$(PYTHON)" && $(PYTHON) -c 'import sys; sys.exit(sys.version_info[:2] != (3, 11))' || { \
		echo "Assay needs Python 3.11; found: $$($(PYTHON) --version 2>&1 || echo none). Name one: make $(MAKECMDGOALS) PYTHON=/path/to/python3.11" >&2; exit 1; }
	@test -x $(BIN)/python || $(PYTHON) -m venv .venv
	@mkdir -p var
	@echo "Installing what requirements/*.txt lists into .venv (a few minutes, once)"
	@$(BIN)/python -m pip install --quiet --quiet $(if $(TORCH_INDEX),--index-url $(TORCH_INDEX)) "$$(grep -o '^torch==[0-9.]*' requirements/worker.txt)"
	@$(BIN)/python -m pip install --quiet --quiet $(addprefix -r ,$(LOCKS))
	@$(BIN)/python -m inference.native
	@touch $(STAMP)

$(PEERS)/.installed: requirements/peers.txt | $(STAMP)
	@echo "Installing the peers of requirements/peers.txt into $(PEERS) (a few minutes, once)"
	@rm -rf $(PEERS) && $(PYTHON) -m venv $(PEERS)
	@$(PEERS)/bin/python -m pip install --quiet --quiet --no-deps $(if $(TORCH_INDEX),--index-url $(TORCH_INDEX)) "$$(grep -o '^torch==[0-9.]*' $<)"
	@$(PEERS)/bin/python -m pip install --quiet --quiet --no-deps -r $<
	@touch $@

%.mo: %.po | $(STAMP)
	@$(BIN)/pybabel --quiet compile --domain django --directory locale
