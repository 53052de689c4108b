# `make demo` and `make test` are all that a fresh machine needs; both make .venv themselves.
PYTHON ?= python3
BIN := .venv/bin
JOBS ?= 2

.PHONY: setup demo test test-all lint types docs bench clean

demo: .venv/.plain
	$(BIN)/byoc partition --vendor npu zoo:inception_v1
	mkdir -p build
	$(BIN)/byoc compile --vendor onnxruntime zoo:inception_v1 -o build/inception_v1.so --force
	$(BIN)/byoc run build/inception_v1.so --compare zoo:inception_v1 --max-rel 1e-4
	$(BIN)/byoc profile build/inception_v1.so

setup: .venv/.full

.venv/.plain: setup.cfg pyproject.toml
	test -x $(BIN)/python || $(PYTHON) -m venv .venv
	$(BIN)/pip install -q -e '.[onnxruntime]'
	touch $@

# The last two packages are wanted for the models inside them, not for what they depend on.
.venv/.full: setup.cfg pyproject.toml
	test -x $(BIN)/python || $(PYTHON) -m venv .venv
	$(BIN)/pip install -q -e '.[test,docs]'
	$(BIN)/pip install -q --no-deps rapidocr-onnxruntime==1.4.4 silero-vad==6.2.3
	touch $@ .venv/.plain

lint: .venv/.full
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: .venv/.full
	$(BIN)/mypy

docs: .venv/.full
	$(BIN)/mkdocs build --strict --quiet

test: lint types docs
	$(BIN)/pytest -n $(JOBS) -m 'not slow'

test-all: lint types docs
	$(BIN)/pytest -n $(JOBS)

bench: .venv/.full
	$(BIN)/python -m bench

clean:
	rm -rf .venv build dist site *.egg-info
