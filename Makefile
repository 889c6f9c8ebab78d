# make install   the environment in .venv, from pinned constraints
# make run       the main job: search_spaces/bifpn_width.yaml on the laptop profile
# make test      format, lint, types and tests
# make chaos     a study whose driver, workers and nodes are killed at random; ten minutes
# make shipped   the studies in results/shipped and reports/shipped again: an hour and a half
# make browser  what the tests of the page in Chromium need (playwright, axe), and these tests
# make test-slow the rest of the tests: the whole zoo exported, compiled; half an hour
PYTHON ?= python3
BIN := .venv/bin
READY := .venv/.installed

.PHONY: install run shipped test test-slow browser chaos format clean

install: $(READY)

$(READY): pyproject.toml constraints.txt
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[dev]'
	touch $@

run: $(READY)
	$(BIN)/harness run search_spaces/bifpn_width.yaml $(ARGS)

shipped: $(READY)
	$(BIN)/python benchmarks/shipped.py $(ARGS)

test: $(READY)
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	OMP_NUM_THREADS=1 $(BIN)/pytest -n 2 --dist loadgroup -q $(ARGS)

test-slow: $(READY)
	OMP_NUM_THREADS=1 $(BIN)/pytest -n 2 --dist loadgroup -q -m slow $(ARGS)

browser: $(READY)
	command -v chromium || apt-get install -y chromium
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -e '.[browser]'
	OMP_NUM_THREADS=1 $(BIN)/pytest -q tests/report/test_browser.py $(ARGS)

chaos: $(READY)
	OMP_NUM_THREADS=1 PYTHONPATH=. $(BIN)/python tests/chaos/chaos.py $(ARGS)

format: $(READY)
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

clean:
	rm -rf .venv build *.egg-info .pytest_cache .mypy_cache .ruff_cache
