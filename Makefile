# make demo       a real training, a real fault, alarm, cause and report (no GPU needed); ARGS="--fault kill-worker"
# make test       the tests, except those marked long (12 min on two cores); ARGS="tests/tape -q" for some of them
# make test-fast  the quick ones, which train nothing (2 min)
# make test-long  those marked long: all over twenty seconds, and some shorter ones
# make check      style, types, the rules about who imports whom, translations, plain words
# make texts      bring the Chinese catalogue into step with the English sentences, and compile it
# make docs       write the pages that repeat the code (causes, commands, facts, keys, metrics, folders) and the JSON schema
# make learned    write the two tables that the diagnosis of descriptions learns from texts and cases (lexicon.json, settled.json)
# make docs-site  build the documentation as a site that works without a network, in build/docs-site, and check its links
# make dist       build the source distribution and the wheel into dist/, check both, install the wheel and run it
# make clean      remove the virtual environment and every cache
#
# Nothing outside this folder is written to, and no environment need be activated.

PYTHON ?= python3
VENV := .venv
BIN := $(CURDIR)/$(VENV)/bin
ARGS ?=
# Two queues of what counts seconds (tests/sharing/queues.py) mostly wait for processes: a worker each, and one a core
# for the rest. The quick tests compute: each worker more costs a collection of all tests.
WORKERS := -n 4
QUICK_WORKERS := -n 3

# torch is named in the same command as Holter, so that pip cannot first choose the newest one: this version has a
# CPU wheel wherever pip is given an index or a folder with CPU wheels (2.13.0+cpu counts as 2.13.0, and is
# preferred), and everybody's demo runs on the same one.
TORCH := torch==2.13.0
# A home that cannot be written to makes pip fail in the middle, unless its cache is turned off.
PIP_CACHE := $(shell d="$${XDG_CACHE_HOME:-$$HOME/.cache}/pip"; mkdir -p "$$d" 2>/dev/null && [ -w "$$d" ] || echo --no-cache-dir)
PIP_INSTALL := $(BIN)/python -m pip install --quiet --disable-pip-version-check $(PIP_CACHE) --constraint constraints-dev.txt

# The tools of this environment come first: tests start `holter` and `nnUNetv2_train` by name.
export PATH := $(BIN):$(PATH)
# Whatever the caller's environment adds must not leak into this one. Without bytecode on disk each of a thousand
# processes that the tests start would compile all of Holter again.
unexport PYTHONPATH PYTHONHOME VIRTUAL_ENV PYTHONDONTWRITEBYTECODE PYTHONUNBUFFERED

.PHONY: demo test test-fast test-long check texts docs learned docs-site dist clean

demo: $(VENV)/.has-demo
	$(BIN)/holter demo $(ARGS)

# With ARGS the named tests run, however long they take.
test: $(VENV)/.has-dev
	$(BIN)/python -m pytest $(or $(ARGS),$(WORKERS) -m "not long")

test-fast: $(VENV)/.has-dev
	$(BIN)/python -m pytest $(QUICK_WORKERS) -m "not long and not slow and not training" $(ARGS)

test-long: $(VENV)/.has-dev
	$(BIN)/python -m pytest $(WORKERS) -m long $(ARGS)

check: $(VENV)/.has-dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python scripts/translations.py --check
	$(BIN)/python scripts/plain_english.py --check

texts: $(VENV)/.has-dev
	$(BIN)/python scripts/translations.py

docs: $(VENV)/.has-dev
	$(BIN)/python -m scripts.reference
	$(BIN)/python docs/folders_page.py > docs/folders.md
	$(BIN)/python docs/diagnosis_schema.py > docs/diagnosis.schema.json

learned: $(VENV)/.has-dev
	$(BIN)/python -m scripts.lexicon
	$(BIN)/python -m scripts.settled

# Zensical has an environment of its own, below build/: its packages meet none of Holter's.
docs-site: $(VENV)/.has-dev build/docs-venv/.installed
	$(BIN)/python -m scripts.docs_site build/docs-venv/bin/zensical build/docs-site

build/docs-venv/.installed: scripts/docs_site/requirements.txt
	$(BIN)/python -m venv build/docs-venv
	build/docs-venv/bin/python -m pip install --quiet --disable-pip-version-check $(PIP_CACHE) --requirement $<
	touch $@

dist: $(VENV)/.has-dev
	$(PIP_INSTALL) hatchling twine
	rm -rf dist
	$(BIN)/python scripts/distribution.py dist

clean:
	rm -rf $(VENV) build dist .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis
	find src tests benchmarks -name __pycache__ -type d -prune -exec rm -rf {} +

$(BIN)/python:
	@$(PYTHON) -m venv $(VENV) || { \
		rm -rf $(VENV); \
		echo "$(PYTHON) cannot make a virtual environment (Debian: apt install python3-venv); nothing was installed"; \
		exit 1; \
	}

# A stamp is newer than what it was made from, so a second call installs nothing.
$(VENV)/.has-demo: pyproject.toml constraints-dev.txt | $(BIN)/python
	@echo "installing Holter and nnU-Net into $(VENV) (once; some minutes)"
	$(PIP_INSTALL) "$(TORCH)" --editable ".[demo,fuse]"
	touch $@

# The tools for development contain those for the demo.
$(VENV)/.has-dev: pyproject.toml constraints-dev.txt | $(BIN)/python
	@echo "installing Holter, nnU-Net and the tools for development into $(VENV) (once; some minutes)"
	$(PIP_INSTALL) "$(TORCH)" --editable ".[dev]"
	touch $(VENV)/.has-demo $@
