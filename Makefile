# Everything that people do with the project; `make` lists it.

PYTHON ?= python3.11
HOST ?= 127.0.0.1
PORT ?= 8000
VENV := .venv
RUN := $(VENV)/bin/python

.PHONY: help env demo serve test lint

help: ## list what there is to do
	@sed -n 's/^\([a-z]*\):.*## /  make \1	/p' $(MAKEFILE_LIST)

env: $(VENV)/env.done ## make the environment in .venv

demo: env ## build the demonstration and serve it (PORT=8000)
	@$(RUN) manage.py demo --port $(PORT)

serve: env ## serve your own studies (HOST=127.0.0.1 PORT=8000)
	@$(RUN) manage.py serve --host $(HOST) --port $(PORT)

test: $(VENV)/dev.done ## run all tests; finds or installs Chromium
	@CHROMIUM="$$(tests/browser/find_chromium.sh)" && \
	  OMP_NUM_THREADS=1 DERMTURING_CHROMIUM="$$CHROMIUM" $(VENV)/bin/pytest --numprocesses auto --dist worksteal $(ARGS)

lint: $(VENV)/dev.done ## check style, types and import arrows
	@$(VENV)/bin/ruff format --check . && $(VENV)/bin/ruff check .
	@$(VENV)/bin/mypy
	@$(VENV)/bin/lint-imports

$(VENV)/bin/python:
	@command -v $(PYTHON) >/dev/null || { \
	  echo "Python 3.11 is needed: install it, or name it with PYTHON=/path/to/python3.11" >&2; exit 1; }
	@$(PYTHON) -m venv $(VENV)

$(VENV)/env.done: requirements.txt | $(VENV)/bin/python
	@echo "installing requirements.txt into $(VENV) (torch is large; this takes minutes once)"
	@$(VENV)/bin/pip install --quiet --disable-pip-version-check -r requirements.txt
	@touch $@

$(VENV)/dev.done: requirements-dev.txt requirements-ray.txt $(VENV)/env.done
	@$(VENV)/bin/pip install --quiet --disable-pip-version-check -r requirements-dev.txt
	@touch $@
