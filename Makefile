# make quickstart   install, train on built-in clips, evaluate, sample: 4 to 9 minutes on two cores
# make test         the whole test suite: about 12 minutes on two idle cores
# make test-other   what is to be equal under both TensorFlows, with a second environment for the other one
# make test-web     the web page in Chromium, which has to be installed
# make docs         the pages of the Python interface, in build/docs
# make notebook     docs/quickstart.ipynb with what it shows, made anew
# make lint
# make onnx         the converter of ONNX in an environment of its own, for bin/export --format=onnx: 1.8 GB
#
# VENV=DIR uses another environment, PYTHON=COMMAND another interpreter to make it with.

VENV := .venv
PYTHON :=
OTHER := .venv-other
RUN := runs/quickstart
BIN := $(VENV)/bin
# What holds under either TensorFlow, besides the runs of tests/test_two_versions.py.
SHARED := versions spectral_norm normalization conv_gru residual deep_residual attention losses step scores statistics checkpoint
OTHERS_PYTHON := import sys; print('python3.12 python3.13' if sys.version_info < (3, 12) else 'python3.11 python3.10 python3.9')

.PHONY: quickstart test test-other test-web docs notebook lint install onnx

quickstart: install
	$(BIN)/python bin/train --gin_file=gin/quickstart.gin --work_dir=$(RUN)
	$(BIN)/python bin/evaluate --work_dir=$(RUN)
	$(BIN)/python bin/sample --work_dir=$(RUN) --output=$(RUN)/samples
	@echo 'The moving shapes that it learned: $(RUN)/samples/clips.gif'

test: install
	@echo 'some 1,970 tests: about 12 minutes on two idle cores, longer on a busy machine'
	$(BIN)/python -m pytest --numprocesses=auto --maxprocesses=4 --dist=loadfile --no-loadscope-reorder

test-other: install $(OTHER)/installed
	$(OTHER)/bin/python -m pytest --numprocesses=2 --dist=loadfile $(SHARED:%=tests/test_%.py)
	OTHER_PYTHON=$(abspath $(OTHER))/bin/python $(BIN)/python -m pytest tests/test_two_versions.py

test-web: install
	$(BIN)/python -m pip install --quiet --no-compile --editable '.[test,web]'
	$(BIN)/python -m pytest tests/web

docs: install
	$(BIN)/python -m pip install --quiet --no-compile --editable '.[test,docs]'
	$(BIN)/python -W error::UserWarning -m pdoc --docformat=google --output-directory=build/docs dvdgan_tf '!dvdgan_tf.'
	@echo 'The pages: build/docs/dvdgan_tf.html'

notebook: install
	$(BIN)/python -m jupyter execute --inplace docs/quickstart.ipynb

lint: install
	$(BIN)/python -m ruff check .

install: $(VENV)/installed

$(VENV)/installed: setup.py | $(BIN)/python
	@echo 'installing into $(VENV), which takes a few minutes'
	$(BIN)/python -m pip install --quiet --no-compile --editable '.[test]'
	touch $@

$(OTHER)/installed: setup.py | $(OTHER)/bin/python
	$(OTHER)/bin/python -m pip install --quiet --no-compile --editable '.[test]'
	touch $@

$(BIN)/python:
	@.ci/venv $(VENV) $(PYTHON)

$(OTHER)/bin/python: | $(BIN)/python
	@.ci/venv $(OTHER) $$($(BIN)/python -c "$(OTHERS_PYTHON)")

onnx: .onnx/installed

.onnx/installed: export/onnx/requirements.txt
	@.ci/venv .onnx $(PYTHON)
	.onnx/bin/python -m pip install --quiet --no-compile --requirement $<
	touch $@
