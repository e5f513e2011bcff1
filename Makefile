# A thin front: behind each target are ordinary commands, which can be typed as well.
# Every environment is made on demand in .venv/, and made anew when pyproject.toml or constraints.txt change.

PYTHON ?= python3
EXTRA  ?= cpu
PORT   ?= 3000

# The libraries that report home by default do not do so from here.
export ORT_DISABLE_TELEMETRY = 1
export BENTOML_DO_NOT_TRACK = True
# `make serve EXTRA=gpu` asks for CUDA, and the service is not ready where there is none.
export ZOETROPE_DEVICE ?= $(if $(filter gpu,$(EXTRA)),cuda,cpu)

SERVE := .venv/serve-$(EXTRA)
DEV   := .venv/dev

.PHONY: serve test lint types env load bench gate image image-test clean
.DEFAULT_GOAL := serve

serve: $(SERVE)/.made                ## Draw with every bundle in models/, on http://localhost:3000
	$(SERVE)/bin/bentoml serve --port $(PORT)

test: lint types                     ## Everything that must hold
	$(DEV)/bin/python -m pytest

lint: $(DEV)/.made
	$(DEV)/bin/ruff check
	$(DEV)/bin/ruff format --check

types: $(DEV)/.made
	$(DEV)/bin/mypy

env: $(DEV)/.made                    ## An environment to train and to develop in
	@echo "Now: . $(DEV)/bin/activate"

load: $(DEV)/.made                   ## Many people at once, against the goals
	$(DEV)/bin/python -m load

bench: $(DEV)/.made                  ## The service beside the engine alone and four peers, 25 minutes; WRITE=--write keeps it
	$(DEV)/bin/python -m load.bench $(WRITE)

gate: $(DEV)/.made                   ## Whether serving has become slower than what is committed, 90 seconds
	$(DEV)/bin/python -m load.bench gate

image: $(DEV)/.made                  ## A container image, with docker or podman
	PATH="$(CURDIR)/$(DEV)/bin:$$PATH" EXTRA=$(EXTRA) sh service/image.sh build

image-test: $(DEV)/.made             ## Build it, run it without any right, and ask it for pictures
	PATH="$(CURDIR)/$(DEV)/bin:$$PATH" EXTRA=$(EXTRA) sh service/image.sh test

clean:                               ## Forget the environments; models and runs stay
	rm -rf .venv

.venv/serve-%/.made: pyproject.toml constraints.txt
	$(PYTHON) -m venv .venv/serve-$*
	.venv/serve-$*/bin/pip install --quiet --constraint constraints.txt --editable '.[$*]'
	touch $@

$(DEV)/.made: pyproject.toml constraints.txt
	$(PYTHON) -m venv $(DEV)
	$(DEV)/bin/pip install --quiet --constraint constraints.txt --editable '.[cpu,postgres,train,load,dev]'
	touch $@
