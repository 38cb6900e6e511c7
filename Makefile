# After cloning: `make demo` and `make test`. Everything is installed inside this folder.
SHELL := /bin/bash
.DEFAULT_GOAL := help

UV_VERSION := 0.13.8
# An installed uv is used; without one, uv is installed into .uv/.
UV := $(or $(shell command -v uv 2>/dev/null),.uv/bin/uv)
export UV_CACHE_DIR ?= $(CURDIR)/.uv/cache
export UV_PYTHON_INSTALL_DIR ?= $(CURDIR)/.uv/python
export PIP_CACHE_DIR ?= $(CURDIR)/.uv/pip
# Containers often set this; without bytecode, every process compiles every module that it imports.
unexport PYTHONDONTWRITEBYTECODE
export SAM_CLI_TELEMETRY := 0
export __SAM_CLI_APP_DIR ?= $(CURDIR)/.scones/sam
SCONES := .venv/bin/scones
# Without the extras that only few use: pyarrow and scipy.
SYNC := $(UV) sync --locked --all-extras --no-extra parquet --no-extra bursts
FUNCTIONS := serialize classify filter sweep breaker

.PHONY: help setup setup-browser demo up down unit test long pictures coverage lint format release-digest docs bench footprint scale fuzz chaos audit audit-code audit-packages judges setup-judges clean lock sbom reproducible endpoint-image setup-training test-training

help: ## Show this list.
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { line = sprintf("  make %-15s", $$1); n = split($$2, words, " "); \
	  for (i = 1; i <= n; i++) { if (length(line words[i]) > 78) { print line; line = sprintf("%22s", "") } \
	  line = line " " words[i] } print line }' $(MAKEFILE_LIST)

setup: .venv/.ready ## Install all packages into .venv (the other targets do so if needed).

.venv/.ready: pyproject.toml uv.lock .python-version $(if $(filter .uv/%,$(UV)),.uv/bin/uv)
	@$(UV) python find >/dev/null 2>&1 || { echo "Downloading Python $$(cat .python-version) ..."; $(UV) python install --quiet; } || { \
	  echo "Python $$(cat .python-version) is missing and could not be downloaded: install it (python.org/downloads), then repeat make" >&2; exit 1; }
	@echo "Installing packages into .venv (560 MB on disk) ..."
	@$(SYNC) $$([ -t 2 ] || echo --quiet)
	@touch $@

.uv/bin/uv:
	@echo "Installing uv $(UV_VERSION) into .uv ..."
	@{ python3 -m venv .uv && .uv/bin/pip install --quiet --disable-pip-version-check uv==$(UV_VERSION); } || { \
	  echo "uv could not be installed: install it (docs.astral.sh/uv), then repeat make" >&2; exit 1; }

setup-browser: setup ## Add what tests of the console's pages and of look-alike pictures need (280 MB).
	@$(UV) sync --locked --all-extras --no-extra parquet --group browser --inexact --quiet

demo: setup ## Start the local cloud, classify the sample images, stop it.
	@$(SCONES) up --detach --quiet && trap '$(SCONES) down' EXIT && trap 'exit 130' INT TERM && $(SCONES) drop events/images

up: setup ## Start the local cloud and keep it running.
	@$(SCONES) up

down: setup ## Stop the local cloud.
	@$(SCONES) down

# Tests without a local cloud run in parallel, in a random order that --randomly-seed=N repeats. The others run after
# them in two processes at most, because local clouds have deadlines; tests that share a cloud run in one of them. They
# are in these folders: each process would import all tests to find them otherwise.
PARALLEL := -n logical --dist worksteal -p randomly
CLOUDS := -n 2 --dist loadgroup --no-loadscope-reorder tests/browser tests/chaos tests/e2e tests/integration tests/judges tests/unit/local tests/workflow
COVER :=

unit: setup ## Run the unit tests, without the slow ones.
	@.venv/bin/pytest tests/unit $(PARALLEL) -m 'not slow and not local_cloud and not long'

test: setup ## Run all tests except the long ones; tests that need missing tools are skipped with the reason.
	@.venv/bin/pytest $(PARALLEL) $(COVER) -m 'not local_cloud and not long'
	@.venv/bin/pytest $(CLOUDS) -m 'local_cloud and not long'

long: setup ## Run the tests that take many minutes.
	@.venv/bin/pytest -m long

pictures: setup ## Take the pictures of the console for docs/ again, in a browser against a local cloud.
	@SCONES_PICTURES=docs/pictures .venv/bin/pytest tests/browser/test_conduct.py -k pictures

coverage: setup ## Run the unit tests and print their coverage of the code.
	@.venv/bin/pytest tests/unit $(PARALLEL) --quiet --cov --cov-report= -m 'not local_cloud and not long'
	@.venv/bin/python -m tools.coverage_table

lint: setup ## Check style, types and the template.
	@.venv/bin/ruff check . && .venv/bin/ruff format --check .
	@.venv/bin/mypy
	@.venv/bin/sam validate --lint
	@.venv/bin/cfn-lint intake/template.yaml review/template.yaml recovery/template.yaml monitoring/template.yaml

format: setup ## Format the code.
	@.venv/bin/ruff check --fix . ; .venv/bin/ruff format .

release-digest: setup ## Update the digest of functions/ and statemachine/ in template.yaml; run it after changing them.
	@.venv/bin/python -m tools.release_digest

docs: setup ## Redraw the workflow, the tables of cost and what was measured in docs/; run it after changing the definition.
	@.venv/bin/python -m tools.draw_workflow
	@.venv/bin/python -m tools.derived_costs
	@.venv/bin/python -m benchmarks.page

# Each part is a file of benchmarks/. endpoint_clients and textbook_model need .venv-training, the second the images that
# training.data downloads; the parts of a cloud start one.
PART := cold_starts warm_serialize endpoint_clients pipeline durable_function textbook_model

bench: setup ## Measure ratios, write docs/benchmarks.md; PART=warm_serialize measures one part.
	@for part in $(PART); do .venv/bin/python -m benchmarks.$$part || exit 1; done
	@.venv/bin/python -m benchmarks.page

footprint: setup ## Measure what one image leaves behind on a fresh local cloud, for docs/capacity.md; `make docs` follows.
	@$(SCONES) up --detach && trap '$(SCONES) down' EXIT && trap 'exit 130' INT TERM && \
	  .venv/bin/python benchmarks/footprint.py > benchmarks/footprint.json.new && mv benchmarks/footprint.json.new benchmarks/footprint.json

scale: setup ## Simulate rates from 1 to 10,000 images a second for docs/scale.md; CHECK=1 compares with a burst first.
	@[ -z "$(CHECK)" ] || { $(SCONES) up --detach && trap '$(SCONES) down' EXIT && trap 'exit 130' INT TERM && \
	  .venv/bin/python -m benchmarks.scale_check > benchmarks/scale_check.json.new && \
	  mv benchmarks/scale_check.json.new benchmarks/scale_check.json; }
	@.venv/bin/python -m tools.scale.page

chaos: setup ## Inject failures into a separate local cloud, count the outcomes, print the table.
	@.venv/bin/pytest tests/chaos -m ''

# Properties and seeds are in tests/fuzz. atheris has packages only for Linux on x86-64.
FUZZ_SECONDS ?= 600

fuzz: setup ## Fuzz the code that handles untrusted bytes, each target for FUZZ_SECONDS; findings go to build/fuzz.
	@$(SYNC) --group fuzz --inexact --quiet
	@.venv/bin/python -m tests.fuzz.run --seconds $(FUZZ_SECONDS)

# Every shipped package is pinned by its hashes, and none may run code during installation.
locked = { printf '\# Of pyproject.toml and uv.lock, by `make lock`.\n--only-binary :all:\n'; \
  $(UV) export --frozen --quiet --no-default-groups --no-emit-project --no-annotate --no-header $(1); }

lock: $(if $(filter .uv/%,$(UV)),.uv/bin/uv) ## Update uv.lock and the requirements files that ship; UPGRADE=--upgrade takes newer packages.
	@$(UV) lock $(UPGRADE)
	@for function in $(FUNCTIONS); do $(call locked,--only-group $$function) > functions/$$function/requirements.txt || exit 1; done
	@$(call locked,--extra endpoint --prune boto3 --prune rich --prune pillow-heif) > endpoint/requirements.txt
	@$(UV) pip compile --quiet --python-version 3.13 --generate-hashes --no-emit-index-url --no-annotate --no-header \
	  $(UPGRADE) tests/judges/localstack.in -o tests/judges/localstack.txt
	@$(UV) pip compile --quiet --python-version 3.13 --generate-hashes --no-emit-index-url --no-annotate --no-header \
	  $(UPGRADE) tests/judges/dataset_readers.in -o tests/judges/dataset_readers.txt

reproducible: setup ## Build the functions twice, compare, and print each package's hash; FUNCTION=Filter builds one.
	@.venv/bin/python -m tools.reproducible $(FUNCTION)

# Each in a separate environment: they need hundreds of packages that the project does not.
AUDIT := $(UV) tool run --quiet --python .venv/bin/python
CHECKOV := $(AUDIT) checkov==3.3.30 --config-file .checkov.yaml

audit: audit-code judges ## Run all security checks: of template, code, files, workflows and policies.

audit-code: setup ## Run the security checks of the template, the code and the files.
	@mkdir -p build && .venv/bin/python -m tools.transformed > build/template.json
	@$(CHECKOV) --framework cloudformation -f build/template.json -f monitoring/template.yaml
	@$(CHECKOV) --framework secrets -d . $(addprefix --skip-path ,.venv .venv-training .judges .uv .scones .aws-sam build uv.lock)
	@$(CHECKOV) --framework dockerfile -f endpoint/Dockerfile
	@$(AUDIT) bandit==1.9.4 --quiet --configfile pyproject.toml --recursive functions scones endpoint training

# Independent checkers, in separate environments. `make test` runs their tests too if they are installed.
judges: setup-judges ## Check workflows, policies and expressions with independent implementations.
	@.venv/bin/pytest tests/judges -m judge

setup-judges: setup .judges/node/.ready .judges/localstack/.ready .judges/dataset_readers/.ready ## Install those implementations into .judges.

# Node is not installed here. Without it, the checks that need it are skipped with a message.
.judges/node/.ready: tests/judges/package.json tests/judges/package-lock.json tests/judges/.npmrc
	@if ! command -v npm >/dev/null; then echo "npm is not installed: checks that need Node will skip"; else \
	  echo "Setting up .judges/node" && mkdir -p $(@D) && cp $^ $(@D) && npm ci --prefix $(@D) --silent && touch $@; fi

.judges/localstack/.ready .judges/dataset_readers/.ready: .judges/%/.ready: tests/judges/%.txt $(if $(filter .uv/%,$(UV)),.uv/bin/uv)
	@echo "Setting up $(@D)"
	@$(UV) venv --quiet --clear --python .venv/bin/python $(@D)
	@$(UV) pip install --quiet --python $(@D)/bin/python --require-hashes --no-deps --only-binary :all: -r $<
	@touch $@

sbom: setup ## List the packages of each function and of the endpoint: build/sbom/*.cdx.json (CycloneDX).
	@UV=$(UV) .venv/bin/python -m tools.sbom

audit-packages: setup ## Check the locked packages against PyPI's database of vulnerabilities.
	@mkdir -p build && $(UV) export --locked --all-extras --no-emit-project --quiet > build/packages.txt
	@$(AUDIT) pip-audit==2.10.1 --disable-pip --progress-spinner off -r build/packages.txt -o build/vulnerabilities.txt
	@.venv/bin/python -m tools.audited_packages build/packages.txt build/vulnerabilities.txt

clean: ## Stop the local cloud, then delete everything the other targets created, including .venv and .uv.
	@if [ -x $(SCONES) ]; then $(SCONES) down; elif [ -e .scones/cloud.json ]; then \
	  echo "a local cloud may still be running, and .venv, which is needed to stop it, is missing: run make setup, then make clean" >&2; exit 1; fi
	rm -rf .venv .venv-training .judges .uv .aws-sam .scones build dist .hypothesis .coverage \
	  .mypy_cache .pytest_cache .ruff_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

endpoint-image: setup ## Build the endpoint's image; REPOSITORY=<ECR repository> also pushes it.
	@.venv/bin/python -m training.endpoint_image $(if $(REPOSITORY),--push $(REPOSITORY))

# Training has a separate environment: PyTorch and SageMaker's SDK are large, and PyTorch's CPU build may need
# another Python.
TRAINING_PYTHON ?= 3.11
TRAINING_TESTS := pytest pytest-timeout moto[s3]==5.2.5 starlette httpx mapie==1.6.0

setup-training: .venv-training/.ready ## Install what training and release need into .venv-training.

.venv-training/.ready: training/requirements.txt training/requirements-release.txt $(if $(filter .uv/%,$(UV)),.uv/bin/uv)
	@echo "Setting up .venv-training"
	@$(UV) venv --quiet --clear --seed --python $(TRAINING_PYTHON) .venv-training
	@.venv-training/bin/pip install --quiet --disable-pip-version-check -r training/requirements-release.txt $(TRAINING_TESTS)
	@touch $@

test-training: setup-training ## Run training's tests in .venv-training.
	@.venv-training/bin/python -m pytest tests/unit/training --confcutdir tests/unit
