# The development loop. Needs Python ≥ 3.11 and make; everything else goes into .venv.
PYTHON ?= python3
PORT ?= 8000
VENV := .venv
BIN := $(VENV)/bin
DAYS ?= tests/data/days

.PHONY: demo run test check format bench snapshots fuzz-wording fuzz-api lock clean crash races walk

demo: $(VENV)/ready
	$(BIN)/mamonaku demo --port $(PORT)

run: $(VENV)/ready
	$(BIN)/mamonaku serve --port $(PORT)

test: $(VENV)/ready-dev
	$(BIN)/pytest -n 3 --dist loadgroup -rs

check: $(VENV)/ready-dev
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy

format: $(VENV)/ready-dev
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

# Goes the whole way from a booking at night to the printed invoice in a browser: both languages, both databases.
walk: $(VENV)/ready-dev
	WALK=all $(BIN)/pytest tests/browser/test_walk.py

# Prints tables, asserts nothing. DAYS=folder replays other day logs.
bench: $(VENV)/ready-dev
	$(BIN)/python -m tests.bench --days $(DAYS)

# Writes the snapshots of every notice anew: read what changed (git diff) before you commit it.
snapshots: $(VENV)/ready-dev
	UPDATE_SNAPSHOTS=1 $(BIN)/pytest -q tests/notices/test_snapshots.py

# Renders 100,000 notices from broken texts and facts: none may leave with a hole. RENDERS=, SEED= for others.
fuzz-wording: $(VENV)/ready-dev
	$(BIN)/python -m tests.notices.fuzz --renders $(or $(RENDERS),100000) --seed $(or $(SEED),1)

# Asks the REST API everything that its description allows, and what it does not, on both databases. Takes ten minutes;
# Schemathesis comes into a folder of its own.
EXAMPLES ?= 100
fuzz-api: $(VENV)/ready-dev
	$(PYTHON) -m venv $(VENV)/fuzz
	$(VENV)/fuzz/bin/pip install -q --disable-pip-version-check "schemathesis>=4.32,<5"
	$(BIN)/python -m tests.fuzz_api --schemathesis $(VENV)/fuzz/bin/schemathesis --examples $(EXAMPLES)

# Kills the jobs at every named point, SEEDS times each, on both databases; prints the table. Takes an hour with 50.
SEEDS ?= 10
crash: $(VENV)/ready-dev
	$(BIN)/python -m tests.crash --seeds $(SEEDS)

# Has fifty people book, move, hand over, hold and cancel at once, ROUNDS times on each database; prints what went wrong.
ROUNDS ?= 200
races: $(VENV)/ready-dev
	$(BIN)/python -m tests.bench races --rounds $(ROUNDS) --seed $(or $(SEED),1)

# requirements*.txt hold exact versions with hashes and name no host.
lock: $(VENV)/ready-dev
	$(BIN)/pip install -q uv
	$(BIN)/uv pip compile -q --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-emit-find-links --no-header pyproject.toml -o requirements.txt
	$(BIN)/uv pip compile -q --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-emit-find-links --no-header --extra dev pyproject.toml -o requirements-dev.txt

clean:
	rm -rf $(VENV) build *.egg-info .pytest_cache .mypy_cache .ruff_cache

$(VENV)/bin/python:
	$(PYTHON) -c 'import sys; sys.exit(0 if sys.version_info >= (3, 11) else "Mamonaku needs Python 3.11 or newer")'
	$(PYTHON) -m venv $(VENV)

$(VENV)/ready: requirements.txt pyproject.toml | $(VENV)/bin/python
	$(BIN)/pip install -q --disable-pip-version-check --require-hashes -r requirements.txt
	$(BIN)/pip install -q --disable-pip-version-check --no-deps -e .
	touch $@

$(VENV)/ready-dev: requirements-dev.txt $(VENV)/ready
	$(BIN)/pip install -q --disable-pip-version-check --require-hashes -r requirements-dev.txt
	touch $@
