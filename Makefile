# Everything runs in .venv, which the first target that needs it makes; nothing else is touched.
PYTHON ?= python3
BIN := .venv/bin
UV := $(BIN)/uv
INSTALL := $(UV) pip install --quiet --python $(BIN)/python

# Compiled once, and kept there too: else each of the many processes that the tests start compiles all that it imports.
unexport PYTHONDONTWRITEBYTECODE
export PYTHONPYCACHEPREFIX := $(CURDIR)/.venv/bytecode

DATA ?=
DB ?=
CUSTSTATUS_LARGE ?= 10_000_000

.PHONY: demo test faces check bench bench-large soak clean

demo: .venv/.demo  ## replay real shopping; DATA=examples/data DB=year.db for the full year
	$(BIN)/python -m examples.demo $(if $(DATA),--data $(DATA)) $(if $(DB),--db $(DB))

test: .venv/.test  ## every test, in minutes
	$(BIN)/python -m pytest -n 3 --dist worksteal

faces: .venv/.uv  ## write the faces that are made of others anew, after their sources have changed
	$(BIN)/python tools/faces.py

check: .venv/.check  ## lint, format, types
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/mypy tests/typing/ok.py tests/typing/wrong.py

bench: .venv/.test  ## speed, as ratios against a peer or a floor
	PYTHONPATH=tests $(BIN)/python -m benchmarks

bench-large: .venv/.test  ## PostgreSQL with ten million customers; CUSTSTATUS_LARGE=100_000 for fewer
	PYTHONPATH=tests $(BIN)/python -m benchmarks --customers=$(CUSTSTATUS_LARGE) sets large

soak: .venv/.test  ## the failure tests at full length
	$(BIN)/python -m pytest -n 0 -m soak --soak

clean:
	rm -rf .venv .mypy_cache .ruff_cache .pytest_cache .hypothesis

.venv/.uv:
	$(PYTHON) -m venv --clear .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check uv==0.13.9
	@touch $@

.venv/.demo: .venv/.uv pyproject.toml
	$(INSTALL) --editable '.[cli]'
	@touch $@

.venv/.test: .venv/.uv pyproject.toml
	$(INSTALL) --editable '.[cli,postgres,testing]' --group test
	@touch $@

.venv/.check: .venv/.uv pyproject.toml
	$(INSTALL) --editable '.[cli,postgres,testing]' --group test --group check
	@touch $@
