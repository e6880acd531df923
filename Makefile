# make run · make test · make lint · make bench · make torture: each sets up what it needs.
#
#   make run ARGS="--port 7861"       options of app.py
#   make test SLOW=1                  the slow tests too (what .ci/run does)
#   make test ARGS="tests/test_cli.py -x" ONLY="not browser"
#   make bench BENCH=pair ARGS="..."  one of benchmarks/ (all take hours on two cores)
#   make bench DATA=DIR               with real postings and résumés from your own folder too
#   PYTHON=/path/to/python make run   choose the Python that makes .venv

.DEFAULT_GOAL := help
.PHONY: help run test lint bench torture venv runtime dev
.NOTPARALLEL:
VENV  := .venv
PY    := $(VENV)/bin/python
ARGS  ?=
SLOW  ?=
ONLY  ?=
DATA  ?=
BENCH ?= pair bundled learning clicks dpo giving_way trial search transfer label $(if $(DATA),profiles files pages claims scores)

export HF_HUB_DISABLE_TELEMETRY := 1
export GRADIO_ANALYTICS_ENABLED := False
export PIP_DISABLE_PIP_VERSION_CHECK := 1

# The pins have wheels for Python 3.11 to 3.13; ensurepip is missing where Debian's python3-venv is.
FITS := import sys, venv, ensurepip; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))

help:
	@sed -n 's/^# \{0,1\}//; 1,8p' Makefile

run: runtime
	@exec $(PY) app.py $(ARGS)

# Two workers take file after file, in one thread each: the tests' models are so small that two threads mostly wait for each other.
test: dev
	@browser=$$(sh .ci/chromium $(PY)) && export FTAPP_CHROMIUM="$$browser"; \
	marks="not torture"; \
	if [ -z "$(SLOW)" ]; then marks="$$marks and not slow"; fi; \
	if [ -n "$(ONLY)" ]; then marks="$$marks and ($(ONLY))"; fi; \
	if [ -z "$$browser" ]; then \
	    if [ "$$CI" = true ]; then echo "No Chromium could be found or installed, and CI=true: the browser tests must not be skipped." >&2; exit 1; fi; \
	    echo "NOTE: no Chromium could be found or installed, so the browser tests are SKIPPED. Install chromium and run 'make test' again." >&2; \
	    marks="$$marks and not browser"; \
	fi; \
	OMP_NUM_THREADS=$${OMP_NUM_THREADS:-1} $(PY) -m pytest -n 2 --dist loadfile --no-loadscope-reorder -m "$$marks" $(ARGS)

torture: dev
	@FTAPP_CHROMIUM=$$(sh .ci/chromium $(PY)) $(PY) -m pytest -m torture --timeout 1800 $(ARGS)

lint: dev
	@$(PY) -m ruff check .

bench: dev
	@browser=$$(sh .ci/chromium $(PY)) && export FTAPP_CHROMIUM="$$browser"; \
	for name in $(BENCH); do \
	    case $$name in bundled|profiles|files|pages|claims|search|scores) data="$(if $(DATA),--data $(DATA))";; *) data=;; esac; \
	    echo "== python -m benchmarks.$$name $$data $(ARGS)"; \
	    $(PY) -m benchmarks.$$name $$data $(ARGS) || exit 1; \
	done

# .venv is kept when its Python runs and fits, whoever made it.
venv:
	@if ! $(PY) -c '$(FITS)' >/dev/null 2>&1; then \
	    for p in $(PYTHON) python3.13 python3.12 python3.11 python3; do \
	        if "$$p" -c '$(FITS)' >/dev/null 2>&1; then found=$$p; break; fi; \
	    done; \
	    if [ -z "$$found" ]; then \
	        echo "No Python from 3.11 to 3.13 with venv was found - ftapp's packages are pinned for these - install one (Debian: apt-get install python3 python3-venv) or name it: PYTHON=/path/to/python make run." >&2; \
	        exit 1; \
	    fi; \
	    echo "Creating $(VENV) with $$($$found -V)."; \
	    $$found -m venv --clear $(VENV); \
	fi

# pip runs only when the pins differ from those installed last, so a second start needs no network.
runtime: venv
	@cmp -s requirements.txt $(VENV)/installed.txt || { \
	    echo "Installing requirements.txt into $(VENV)."; \
	    $(PY) -m pip install -q -r requirements.txt && cp requirements.txt $(VENV)/installed.txt; \
	} || { echo "The packages could not be installed (pip's own words are above) - ftapp cannot start without them - check the network, then run make again." >&2; exit 1; }

dev: venv
	@cat requirements.txt requirements-dev.txt | cmp -s - $(VENV)/installed-dev.txt || { \
	    echo "Installing requirements-dev.txt into $(VENV)."; \
	    $(PY) -m pip install -q -r requirements-dev.txt && cp requirements.txt $(VENV)/installed.txt \
	        && cat requirements.txt requirements-dev.txt > $(VENV)/installed-dev.txt; \
	} || { echo "The packages could not be installed (pip's own words are above) - the tests cannot run without them - check the network, then run make again." >&2; exit 1; }
