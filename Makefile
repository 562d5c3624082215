# Copyright (c) 2026 The vpro.fleet developers
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# The developers' commands: "make" lists them. ARGS is passed on: make unit ARGS="-k csme -x"

SHELL := bash
.SHELLFLAGS := -eu -o pipefail -c
MAKEFLAGS += --no-builtin-rules

PYTHON ?= python3
ARGS ?=
# The gates that "make test" runs. Gates with "beside" get the processor time that the others leave (tools/gates.py).
# The lab's gates are its tests with wpa_supplicant, and some of them again with NetworkManager.
GATES ?= importer:beside molecule:beside artifact:beside units-ci:beside matrix:beside sanity:beside coverage:beside \
  lab-snapshots lint docs lab-ci lab-ci-networkmanager

bin := .venv/bin
collection := build/collections/ansible_collections/vpro/fleet
# This is a link of the tree to itself. No tool may walk through it by accident, so every tool is told where to look.
export ANSIBLE_COLLECTIONS_PATH := $(CURDIR)/build/collections
# The tools call each other by name.
export PATH := $(CURDIR)/$(bin):$(PATH)

.DEFAULT_GOAL := help

.PHONY: help
help: ## List the commands
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "make %-18s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

.PHONY: setup
setup: packages venv ## Install what all other commands need: system packages, and .venv

.PHONY: packages
packages:
	@tools/system-packages

.PHONY: venv
venv:
	@$(PYTHON) tools/venv.py

.PHONY: unit
unit: venv ## Run the unit tests: a minute, no root, no laptop
	$(bin)/pytest tests/unit $(ARGS)

.PHONY: unit-stutter
unit-stutter: venv ## Run the unit tests on a machine that stops them again and again, for up to 2.6 s: 15 minutes
	$(bin)/python tools/stutter.py $(bin)/pytest tests/unit --numprocesses 6 $(ARGS)

.PHONY: unit-sluggish
unit-sluggish: venv ## Run the unit tests with stand-ins that take 0.3 s to read what they are asked: 20 minutes
	PYTHONPATH=tools $(bin)/pytest -p sluggish tests/unit/plugins --numprocesses 12 $(ARGS)

.PHONY: coverage
coverage: venv ## Run the unit tests, and show the code that they do not reach; fail below 95 % of plugins/module_utils
	$(bin)/pytest tests/unit --cov --cov-report=term --cov-report=html --cov-report=json $(ARGS)
	$(if $(ARGS),@echo "coverage: no verdict about a part of the tests",$(bin)/python tools/coverage_gate.py build/coverage/report.json)

.PHONY: mutation
mutation: venv ## Change the code in small ways, and check whether a unit test notices: hours (docs/mutation.md)
	$(bin)/tox run -e mutation -- $(ARGS)

.PHONY: lint
lint: lint-code lint-format lint-types lint-test-types lint-yaml lint-shell lint-ansible lint-collection lint-reuse lint-changelog lint-build ## Check style, types, licences, changelog, artifact

.PHONY: lint-code
lint-code: venv
	$(bin)/ruff check

.PHONY: lint-format
lint-format: venv
	$(bin)/ruff format --check

# The link gives the plugins the names by which they are imported.
.PHONY: lint-types
lint-types: venv
	$(bin)/mypy --python-version 3.9 $(collection)/plugins

# Code for the controller may use a newer Python.
.PHONY: lint-test-types
lint-test-types: venv
	$(bin)/mypy --python-version 3.11 docs tests tools

.PHONY: lint-yaml
lint-yaml: venv
	$(bin)/yamllint --strict .

.PHONY: lint-shell
lint-shell: venv
	git grep --untracked -lE '^#!.*\<(ba)?sh\>' | xargs $(bin)/shellcheck

.PHONY: lint-ansible
lint-ansible: venv
	$(bin)/ansible-lint

# These are the checks that only antsibull-nox has. antsibull-nox.toml says which they are, and why it runs no others.
.PHONY: lint-collection
lint-collection: venv
	$(bin)/nox --no-venv --envdir build/nox --session extra-checks yamllint

.PHONY: lint-reuse
lint-reuse: venv
	$(bin)/reuse lint --lines

.PHONY: lint-changelog
lint-changelog: venv
	$(bin)/antsibull-changelog lint

.PHONY: lint-build
lint-build: venv
	$(bin)/ansible-galaxy collection build --force --output-path build/galaxy

.PHONY: docs
docs: docs-lint docs-diagram docs-site ## Check the documentation, and build its site

.PHONY: docs-lint
docs-lint: venv
	$(bin)/antsibull-docs lint-collection-docs --plugin-docs .

.PHONY: docs-diagram
docs-diagram: venv
	PYTHONPATH=build/collections $(bin)/python tools/import_diagram.py --check
	PYTHONPATH=build/collections $(bin)/python tools/handover_diagram.py --check

# The site is built from scratch each time, because Sphinx shows the warnings of a page only when it reads the page.
.PHONY: docs-site
docs-site: venv
	rm -rf build/docs
	$(bin)/python tools/docs_pages.py build/docs/source
	$(bin)/antsibull-docs collection --use-current --squash-hierarchy --fail-on-error --no-add-antsibull-docs-version \
	  --dest-dir build/docs/source/reference vpro.fleet
	PYTHONPATH=. $(bin)/sphinx-build --quiet --nitpicky --fail-on-warning --keep-going --conf-dir docs \
	  --doctree-dir build/docs/doctrees build/docs/source build/docs/html
	@echo "The site is in build/docs/html"

.PHONY: diagram
diagram: venv ## Draw the pictures of the rooms and of the handover again, when they changed
	PYTHONPATH=build/collections $(bin)/python tools/import_diagram.py
	PYTHONPATH=build/collections $(bin)/python tools/handover_diagram.py

# With this PATH, tox finds each Python of this machine.
tox := PATH="$$($(bin)/python tools/pythons.py)" $(bin)/tox

.PHONY: importer
importer: venv ## Run Galaxy's importer on the artifact; a warning fails
	$(tox) run -e importer -- $(ARGS)

.PHONY: artifact
artifact: venv ## Install the artifact in an empty place with each supported core, and run it from there
	$(tox) run-parallel --parallel 2 --parallel-no-spinner -e artifact-core219,artifact-core220,artifact-core221 -- $(ARGS)

.PHONY: units
units: venv ## Run the unit tests under ansible-test, with the newest core
	$(tox) run -e units -- $(ARGS)

.PHONY: sanity
sanity: venv ## Run ansible-test sanity with each supported core, on every Python of this machine
	$(tox) run-parallel --parallel 2 --parallel-no-spinner -e sanity-core219,sanity-core220,sanity-core221 -- $(ARGS)

# These are the tests of the modules, the roles and the docs. ansible-test runs each test in a process of its own, which
# takes long. The matrix runs the tests of module_utils with the newest Python.
.PHONY: units-ci
units-ci: venv
	$(tox) run -e units -- tests/unit/docs/ tests/unit/plugins/filter/ tests/unit/plugins/modules/ tests/unit/roles/ $(ARGS)

# Two run at once, because each is small.
.PHONY: matrix
matrix: venv ## Run the unit tests on each supported Python of this machine, with each supported pyroute2
	$(tox) run-parallel --parallel 2 --parallel-no-spinner $(ARGS)

# As many laptops run at a time as there are processors. Each has a clock of its own, so they do not disturb each other.
LAB_WORKERS ?= $(shell nproc)
lab := $(bin)/pytest tests/lab --numprocesses $(LAB_WORKERS)
# The Debian release of the laptops, and the program that runs their radios, unless the command says otherwise.
SUITE ?= bookworm
MANAGER ?= wpa_supplicant
# What plays CSME: the real iwlmei over the engine, or the stand-in, which takes less time (docs/lab.md).
CSME ?= engine

.PHONY: lab
lab: setup ## Run the tests that need a laptop; SUITE=bookworm|trixie, MANAGER=wpa_supplicant|networkmanager
	$(lab) --suite $(SUITE) --manager $(MANAGER) --csme $(CSME) $(ARGS)

.PHONY: lab-all
lab-all: setup ## Run the tests that need a laptop, with both managers on both releases: two hours
	for suite in bookworm trixie; do for manager in wpa_supplicant networkmanager; do \
	  $(lab) --suite $$suite --manager $$manager --csme $(CSME) $(ARGS) || failed=1; done; done; exit $${failed:-0}

# Make the snapshots that CI restores its laptops from. The scenes around the laptops are saved when a test first asks
# for them. On a new machine this takes a while, mostly for downloads.
.PHONY: lab-snapshots
lab-snapshots: setup
	PYTHONPATH=tests/lab $(bin)/python -m vpro_lab build --suite bookworm --roles
	PYTHONPATH=tests/lab $(bin)/python -m vpro_lab build --suite trixie --roles
	PYTHONPATH=tests/lab $(bin)/python -m vpro_lab build --suite trixie --manager networkmanager --roles

.PHONY: lab-ci
lab-ci: setup
	$(lab) --suite bookworm --manager wpa_supplicant --csme standin -m "not release" $(ARGS)

.PHONY: lab-ci-networkmanager
lab-ci-networkmanager: setup
	$(lab) --suite trixie --manager networkmanager --csme standin -m "with_networkmanager and not release" $(ARGS)

.PHONY: molecule
molecule: setup ## Apply, upgrade and remove roles on a laptop of the lab, and let the role driver refuse it
	cd extensions && PATH="$(abspath $(bin)):$$PATH" PYTHONPATH="$(CURDIR)/tests/lab" \
	  VPRO_LAB_PYTHON="$(abspath $(bin))/python" VPRO_LAB_COLLECTIONS="$(CURDIR)/build/collections" \
	  VPRO_LAB_INVENTORY="$(CURDIR)/build/lab/molecule/inventory.json" molecule --base-config molecule/config.yml test --all

.PHONY: bench
bench: bench-handover bench-facts bench-watcher ## Measure the handover and stock Linux, the facts, the watcher

.PHONY: bench-handover
bench-handover: setup
	PYTHONPATH=tests/lab $(bin)/python tests/bench/handover.py $(ARGS)

.PHONY: bench-facts
bench-facts: setup
	PYTHONPATH=tests/lab $(bin)/python tests/bench/facts.py $(ARGS)

.PHONY: bench-watcher
bench-watcher: setup
	PYTHONPATH=tests/lab $(bin)/python tests/bench/watcher.py $(ARGS)

# This needs no laptop, but wpa_supplicant on this machine: ARGS="--program PATH" if it is not installed.
.PHONY: bench-parser
bench-parser: venv
	PYTHONPATH=build/collections $(bin)/python tests/bench/parser.py $(ARGS)

.PHONY: soak
soak: soak-boots soak-faults soak-engine ## Boot or reset 50 times with a session, make 300 faults: two hours

.PHONY: soak-boots
soak-boots: setup
	PYTHONPATH=tests/lab $(bin)/python tests/soak/boots.py $(ARGS)

.PHONY: soak-faults
soak-faults: setup
	PYTHONPATH=tests/lab $(bin)/python tests/soak/faults.py $(ARGS)

.PHONY: soak-engine
soak-engine: setup
	PYTHONPATH=tests/lab $(bin)/python tests/soak/engine.py $(ARGS)

.PHONY: demo
demo: setup ## See how stock Linux loses a session and the collection keeps it; BACKEND=networkmanager
	PYTHONPATH=tests/lab $(bin)/python -m vpro_lab demo $(if $(BACKEND),--manager $(BACKEND)) $(ARGS)

.PHONY: test
test: setup ## Run every gate that CI runs, with a summary at the end
	@$(bin)/python tools/gates.py $(GATES)

.PHONY: clean
clean: ## Remove everything that make made in the tree (the lab's images are elsewhere)
	rm -rf build .venv .ansible .coverage .hypothesis .mypy_cache .pytest_cache .ruff_cache tests/output
	find . -name .git -prune -o -name __pycache__ -type d -exec rm -rf {} +
