# make dev     .venv with the muster command in it
# make demo    the example organisation, from nothing to synchronised
# make test    everything that must hold: lint, types, layers, tests on real servers
.PHONY: dev demo test lint format bench docs clean servers
.DEFAULT_GOAL := dev

# Bytecode is kept, whatever the environment says: without it every `muster` that is started compiles itself anew.
export PYTHONDONTWRITEBYTECODE :=

bin := .venv/bin
stamp := .venv/.synced

dev: $(stamp)

$(stamp): pyproject.toml uv.lock $(wildcard scripts/*.sh)
	@sh scripts/setup-system.sh build
	@sh scripts/setup-python.sh
	@touch $@

demo: dev
	@$(bin)/python examples/acme/demo.py

servers:
	@sh scripts/setup-system.sh test

test: dev servers lint
	$(bin)/pytest -n 2 --dist worksteal

# Folders that hold Python, of those the project has.
code := $(wildcard src tests bench examples scripts)

lint: dev
	$(bin)/ruff check --quiet
	$(bin)/ruff format --check --quiet
	$(bin)/mypy $(code)
	$(bin)/lint-imports --no-logo

format: dev
	$(bin)/ruff check --fix --quiet
	$(bin)/ruff format --quiet

bench: dev
	@$(bin)/python -m bench

# Pages that follow from the code are written first, to docs/reference/generated.
docs: dev
	@$(bin)/python scripts/make_reference.py
	@NO_MKDOCS_2_WARNING=1 $(bin)/mkdocs build --quiet --strict

clean:
	rm -rf .venv .uv dist site .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis
