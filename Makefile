# Everything a person needs: `make run` and `make test` set up what is missing by themselves.
PYTHON ?= python3
VENV   ?= .venv
PORT   ?= 8501
ADDRESS ?= 0.0.0.0
FILE   ?= backups/ssmviz-$(shell date -u +%Y%m%d-%H%M%S).tar.gz
BIN    := $(VENV)/bin
RUN    := $(VENV)/.requirements.stamp
DEV    := $(VENV)/.requirements-dev.stamp

# presets that open on a recording
LAB     := selective_copying copying induction_heads
LESSONS := associative_recall listops text recall_retnet induction_attention \
           mass_spring digits resampled audio two_views s4d_inits switches backends ablations against_attention

.DEFAULT_GOAL := help
.PHONY: help setup setup-dev run serve backup restore audit sbom test test-fast test-browser test-slow test-gpu lint format types check bench record screenshots clean

help: ## list the targets
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 16

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "ssmviz needs Python 3.11 or newer, got $$($(PYTHON) --version 2>&1); set PYTHON=/path/to/python3.11" >&2; exit 1; }
	$(PYTHON) -m venv $(VENV)

$(RUN): requirements.txt | $(BIN)/python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements.txt
	@touch $@

$(DEV): requirements-dev.txt $(RUN)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements-dev.txt
	@touch $@

setup: $(RUN) ## make the environment and install what the app needs

setup-dev: $(DEV) ## the same for tests and checks, with a browser
	@$(BIN)/python -m tests.browser.chromium

run: setup ## start the app and print its address
	@$(BIN)/python -m ssmviz.port $(PORT)
	@$(BIN)/streamlit run app.py --server.port $(PORT) $(ARGS)

serve: setup ## start a server for a class; ADDRESS= PORT= HOSTS= CLASSROOM=, see docs/deployment.md
	@$(BIN)/python -m ssmviz.serve --address "$(ADDRESS)" --port "$(PORT)" --hosts "$(HOSTS)" $(if $(CLASSROOM),--classroom "$(CLASSROOM)") $(ARGS)

backup: setup ## the whole store in one file, also while runs train; FILE=
	@$(BIN)/python -m ssmviz.runs.backup save "$(FILE)"

restore: setup ## FILE= into an empty store
	@$(BIN)/python -m ssmviz.runs.backup restore "$(FILE)"

audit: $(DEV) ## known vulnerabilities of what the app runs on; asks the network
	@$(BIN)/python deploy/audit.py

sbom: $(DEV) ## everything that is installed, as CycloneDX in build/sbom.json
	@mkdir -p build
	@$(BIN)/cyclonedx-py environment --pyproject pyproject.toml --output-reproducible --validate --output-format JSON --output-file build/sbom.json $(BIN)/python
	@echo "build/sbom.json"

test: setup-dev ## the default tests, browser included
	$(BIN)/pytest -n 2 --dist worksteal -m "not slow and not gpu"

test-fast: $(DEV) ## without the browser
	$(BIN)/pytest -m "not slow and not gpu and not browser"

test-browser: setup-dev ## the browser alone
	$(BIN)/pytest -m browser

test-slow: setup-dev ## whole trainings: minutes
	$(BIN)/pytest -m slow

test-gpu: $(DEV) ## needs CUDA
	$(BIN)/pytest -m gpu

lint: $(DEV)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

format: $(DEV) ## rewrite the files in the project's style
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

types: $(DEV)
	$(BIN)/mypy

check: lint types test ## what must be green before a commit lands

bench: $(DEV) ## the CPU benchmarks; prints the ceilings of the same run
	$(BIN)/python -m benchmarks.scan_cpu

record: setup ## train again what the app shows before the first click
	@for name in $(LAB); do $(BIN)/python -m ssmviz.training --preset $$name --all --record $$name || exit 1; done
	@for name in $(LESSONS); do $(BIN)/python -m ssmviz.training --preset $$name --all --record $$name --small || exit 1; done
	$(BIN)/python -m ssmviz.weights --random 0 assets/weights/tiny-random.safetensors

screenshots: setup-dev ## take docs/*.png again
	$(BIN)/python docs/screenshots.py

clean: ## remove the environment and caches, never runs
	rm -rf $(VENV) .pytest_cache .ruff_cache .mypy_cache
