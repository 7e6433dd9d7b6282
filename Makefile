# Everything runs in .venv, which is made on first use: Python 3.11 or newer and make are enough.
PYTHON ?= python3
BIN := .venv/bin
# Modules are compiled when they are first imported: compiling the thousands that are never
# imported would double the set-up time.
INSTALL := $(BIN)/python -m pip install -qq --no-compile --constraint constraints.txt
unexport PYTHONDONTWRITEBYTECODE

.PHONY: demo test check docs golden families clean
.NOTPARALLEL:

demo: .venv/demo.stamp
	$(BIN)/bonas demo

test: .venv/test.stamp
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest --numprocesses=2 --dist=worksteal

check: .venv/check.stamp
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python -m pytest --quiet tests/test_packaging.py

# The site, in build/docs/index.html: every page is built, every code cell run, every link followed.
docs: .venv/docs.stamp
	OMP_NUM_THREADS=1 $(BIN)/sphinx-build -q -W --keep-going docs build/docs

# Proposals are what they were: for changes of structure, on the machine that recorded them.
golden: .venv/test.stamp
	OMP_NUM_THREADS=1 $(BIN)/python -W ignore tests/golden/searches.py

# The libraries of tests/families and nothing else; half an hour on two cores.
families: .venv-families/stamp
	FAMILIES_TABLE=docs/families.md OMP_NUM_THREADS=1 HF_HUB_OFFLINE=1 \
		.venv-families/bin/python -m pytest tests/families tests/test_docs_your_model.py

clean:
	rm -rf .venv .venv-families build dist .hypothesis .import_linter_cache .mypy_cache .pytest_cache .ruff_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

.venv/demo.stamp: EXTRA :=
.venv/test.stamp: EXTRA := [test]
.venv/check.stamp: EXTRA := [dev]
.venv/docs.stamp: EXTRA := [docs]
.venv/%.stamp: .venv/pip.stamp pyproject.toml constraints.txt
	$(INSTALL) --editable ".$(EXTRA)"
	@touch $@

.venv-families/stamp: tests/families/requirements.txt pyproject.toml constraints.txt
	$(PYTHON) -m venv .venv-families
	.venv-families/bin/python -m pip install -qq --no-compile --upgrade --constraint constraints.txt pip
	.venv-families/bin/python -m pip install -qq --no-compile --constraint constraints.txt \
		--editable . --requirement tests/families/requirements.txt
	@touch $@

.venv/pip.stamp:
	@echo "Setting up .venv; this is done once and takes a minute or two."
	@$(PYTHON) -c "import sys; sys.exit(sys.version_info < (3, 11) and 'bonas needs Python 3.11 or newer; try: make PYTHON=python3.12')"
	$(PYTHON) -m venv .venv
	$(INSTALL) --upgrade pip
	@touch $@
