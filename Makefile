# make help lists what can be done. Needed: git, make, python3 (3.11 or later), python3-venv.

PYTHON ?= python3

# Share of the random examples that the tests try, above 0 and at most 1.
LIBREX_EXAMPLES ?= 0.02
export LIBREX_EXAMPLES

# What the tests factorise is small: where other programs run, threads only wait for each other.
OPENBLAS_NUM_THREADS ?= 1
export OPENBLAS_NUM_THREADS

# The CI installs the versions that are written down; everybody else the newest in range.
ifneq ($(CI),)
constraints := .ci/constraints.txt
endif

# Always these: another version of torch is a download of gigabytes. From PyPI this one is as well;
# PIP_EXTRA_INDEX_URL=https://download.pytorch.org/whl/cpu has it without CUDA.
torch_constraints := .ci/constraints-torch.txt

venv := .venv
run := $(venv)/bin/python
install := $(run) -m pip install --quiet $(addprefix --constraint ,$(constraints))

# Stamps: the last thing that an install writes. With the test tools comes all that the demo needs.
demo_ready := $(venv)/.installed
test_ready := $(venv)/.installed-test
torch_ready := $(venv)/.installed-torch
bench_ready := $(venv)/.installed-bench

# DeDe needs older packages than Librex, and so an environment of its own.
dede_venv := .venv-dede
dede_ready := $(dede_venv)/.installed
dede_requirements := tests/benchmarks/peers/dede.txt

.DEFAULT_GOAL := help
# Two targets share one environment: never two at a time.
.NOTPARALLEL:
.PHONY: help demo test test-long test-torch bench matrix format clean

help:  ## list the targets
	@sed -n 's/^\([a-z-]*\):[^#]*## \(.*\)/make \1|\2/p' Makefile | \
		while IFS='|' read -r target does; do printf '%-16s%s\n' "$$target" "$$does"; done

demo: $(demo_ready)  ## solve a small problem and print the answer with its proof
	$(run) docs/examples/demo.py

test: $(test_ready)  ## format, lint, types and tests; random tests with few examples
	$(check)

test-long: LIBREX_EXAMPLES = 1.0
test-long: $(test_ready)  ## the same with all random examples
	$(check)

test-torch: $(torch_ready)  ## test the layer for PyTorch, which is installed for that
	$(run) -m pytest tests/with_torch librex_models/torch.py

bench: $(bench_ready) $(dede_ready)  ## run the benchmarks beside peers and write their table
	$(run) -m tests.benchmarks --json docs/reference/benchmarks.json --page docs/reference/benchmarks.md

matrix: $(test_ready)  ## solve random problems of every family by every solver and compare
	$(run) -m tests.coverage

format: $(test_ready)  ## format the code and mend what the linter can
	$(run) -m ruff format
	$(run) -m ruff check --fix

clean:  ## remove the environment, builds and caches
	rm -rf $(venv) $(dede_venv) build dist *.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis .coverage
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# As many processes as there are processors; more than four gain little.
parallel := --numprocesses=auto --maxprocesses=4 --dist=worksteal

# pytest comes last: its summary is the end of the output.
define check
$(run) -m ruff format --check
$(run) -m ruff check
$(run) -m mypy
$(run) -m pytest $(parallel)
endef

$(demo_ready): pyproject.toml $(constraints)
	$(new_environment_unless_ready)
	@echo 'Installing Librex into $(venv); this takes a minute or two.'
	$(install) --editable .
	@touch $(demo_ready)

$(test_ready): pyproject.toml $(constraints)
	$(new_environment_unless_ready)
	@echo 'Installing Librex and its test tools into $(venv); this takes a few minutes.'
	$(install) --editable '.[test]'
	@touch $(demo_ready) $(test_ready)

$(torch_ready): pyproject.toml $(constraints) $(torch_constraints)
	$(new_environment_unless_ready)
	@echo 'Installing Librex, its test tools and PyTorch into $(venv); this takes a few minutes.'
	$(install) --constraint $(torch_constraints) --editable '.[test-torch]'
	@touch $(demo_ready) $(test_ready) $(torch_ready)

$(bench_ready): pyproject.toml $(constraints)
	$(new_environment_unless_ready)
	@echo 'Installing Librex, its test tools and its peers into $(venv); this takes a few minutes.'
	$(install) --editable '.[bench]'
	@touch $(demo_ready) $(test_ready) $(bench_ready)

# Where that fails, the table says that DeDe is not installed.
$(dede_ready): $(dede_requirements)
	@echo 'Installing DeDe, a peer, into $(dede_venv); this takes a minute or two.'
	-$(PYTHON) -m venv --clear $(dede_venv) && \
		$(dede_venv)/bin/python -m pip install --quiet --requirement $(dede_requirements) && \
		touch $(dede_ready)

# Without a stamp the environment may be half made: it is emptied and made anew. With one, the
# install only adds to it.
define new_environment_unless_ready
@if ! test -e $(demo_ready) && ! test -e $(test_ready); then \
	$(PYTHON) -c 'import sys, ensurepip; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || { \
		echo 'Librex needs Python 3.11 or later with venv, which "$(PYTHON)" is not. On Debian, type:' >&2; \
		echo '    sudo apt-get install git make python3 python3-venv' >&2; \
		exit 1; \
	}; \
	$(PYTHON) -m venv --clear $(venv); \
fi
endef
