# make quickstart   install, train on built-in clips, evaluate, sample: 7.5 minutes on two cores
# make test         the whole test suite
# make test-web     the web page in Chromium, which has to be installed
# make lint
# make onnx         the converter of ONNX in an environment of its own, for bin/export --format=onnx: 1.8 GB
#
# VENV=DIR uses another environment, PYTHON=COMMAND another interpreter to make it with.

VENV := .venv
PYTHON :=
RUN := runs/quickstart
BIN := $(VENV)/bin
SUITABLE := import sys, venv, ensurepip; sys.exit(not (3, 9) <= sys.version_info[:2] <= (3, 11))

.PHONY: quickstart test test-web lint install onnx

quickstart: install
	$(BIN)/python bin/train --gin_file=gin/quickstart.gin --work_dir=$(RUN)
	$(BIN)/python bin/evaluate --work_dir=$(RUN)
	$(BIN)/python bin/sample --work_dir=$(RUN) --output=$(RUN)/samples
	@echo 'The moving shapes that it learned: $(RUN)/samples/clips.gif'

test: install
	$(BIN)/python -m pytest --numprocesses=auto --maxprocesses=4 --dist=loadfile --no-loadscope-reorder

test-web: install
	$(BIN)/python -m pip install --quiet --no-compile --editable '.[test,web]'
	$(BIN)/python -m pytest tests/web

lint: install
	$(BIN)/python -m ruff check .

onnx: .onnx/installed

.onnx/installed: export/onnx/requirements.txt | $(BIN)/python
	$(BIN)/python -m venv .onnx
	.onnx/bin/python -m pip install --quiet --no-compile --requirement $<
	touch $@

install: $(VENV)/installed

$(VENV)/installed: setup.py | $(BIN)/python
	$(BIN)/python -m pip install --quiet --no-compile --editable '.[test]'
	touch $@

$(BIN)/python:
	@for python in $(PYTHON) python3.11 python3.10 python3.9 python3 python; do \
	  if $$python -c '$(SUITABLE)' 2>/dev/null; then echo "making $(VENV) with $$python"; exec $$python -m venv $(VENV); fi; \
	done; \
	echo 'TensorFlow 2.15 needs Python 3.9 to 3.11 with venv, and there is none here. This brings one (uv is at docs.astral.sh/uv):' >&2; \
	echo '  uv venv --seed --python 3.11 $(VENV)' >&2; \
	exit 1
