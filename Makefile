# A thin front: behind each target are ordinary commands, which can be typed as well.
# Every environment is made on demand in .venv/, and brought up to date when pyproject.toml or constraints.txt change.

PYTHON ?= python3
EXTRA  ?= cpu
PORT   ?= 3000
LISTEN ?= 127.0.0.1

# The libraries that report home by default do not do so from here.
export ORT_DISABLE_TELEMETRY = 1
export BENTOML_DO_NOT_TRACK = True
# `make serve EXTRA=gpu` asks for CUDA, and the service is not ready where there is none.
export ZOETROPE_DEVICE ?= $(if $(findstring gpu,$(EXTRA)),cuda,cpu)

SERVE := .venv/serve-$(EXTRA)
DEV   := .venv/dev
# The install of a development environment: by pip from PyPI alone, or by uv where TORCH_BACKEND chooses a build of
# torch (cpu, cu130, auto, ...), which comes from PyTorch's own index.
EXTRAS  := --constraint constraints.txt --editable '.[cpu,mcp,postgres,c2pa,hub,s3,ray,otel,train,load,dev,imagenet]'
PIP     := $(DEV)/bin/pip install
INSTALL := $(if $(TORCH_BACKEND),$(DEV)/bin/uv pip install --python $(DEV)/bin/python --torch-backend=$(TORCH_BACKEND),$(PIP)) $(EXTRAS)
FAILED  := $(if $(TORCH_BACKEND),That build of torch did not install: is PyTorch's own package index within reach? 'make env' alone takes torch from PyPI.,Not installed; the lines above say why. Repeated it goes on with what was downloaded.)
# One thread of arithmetic in each process, or they would wait for one another.
PYTEST  := OMP_NUM_THREADS=1 $(DEV)/bin/python -m pytest --dist loadgroup --no-loadscope-reorder

.PHONY: serve check test tests campaign lint types env load bench gate image image-test clean
.DEFAULT_GOAL := serve

serve: $(SERVE)/.made                ## Draw with every bundle in models/, on http://localhost:3000; LISTEN=0.0.0.0 opens it to others
	$(SERVE)/bin/zoetrope serve --host $(LISTEN) --port $(PORT)

check: lint types                    ## Lint, types and the fast tests: in a minute and a half, while you work
	$(PYTEST) -n 2 -m "not slow"

test: lint                           ## Everything that must hold, in a quarter of an hour
	$(MAKE) --no-print-directory -j2 types tests # types are checked while the first tests wait for the package index

tests: $(DEV)/.made
	$(PYTEST) -n 4 --durations=30 # on two cores: half of the time a test waits, for a browser, a server or the package index

campaign: $(DEV)/.made               ## Hours: 20,000 cases of each property and fuzz test, every stress test in full length
	CAMPAIGN_CASES=20000 $(DEV)/bin/python -m pytest -m hypothesis
	CAMPAIGN_CASES=1000 $(DEV)/bin/python -m pytest -s tests/test_verify_figures.py tests/test_shipped.py
	$(DEV)/bin/python -m pytest -s .ci/studio
	$(DEV)/bin/python -m load.stress all

lint: $(DEV)/.made
	$(DEV)/bin/ruff check
	$(DEV)/bin/ruff format --check

types: $(DEV)/.made
	$(DEV)/bin/mypy

env: $(DEV)/.made                    ## An environment to train and to develop in; TORCH_BACKEND=cpu takes the small torch
	@echo "Now: . $(DEV)/bin/activate"

load: $(DEV)/.made                   ## Many people at once, against the goals
	$(DEV)/bin/python -m load

bench: $(DEV)/.made                  ## The service, the engine without it and four peers, 25 minutes; WRITE=--write keeps it
	$(DEV)/bin/python -m load.bench $(WRITE)

gate: $(DEV)/.made                   ## Whether serving has become slower than what is committed, 90 seconds
	$(DEV)/bin/python -m load.bench gate

image: $(DEV)/.made                  ## A container image, with docker or podman
	PATH="$(CURDIR)/$(DEV)/bin:$$PATH" EXTRA=$(EXTRA) sh .ci/image/image.sh build

image-test: $(DEV)/.made             ## Build it, run it without any right, and request pictures from it
	PATH="$(CURDIR)/$(DEV)/bin:$$PATH" EXTRA=$(EXTRA) sh .ci/image/image.sh test

clean:                               ## Delete the environments; models and runs stay
	rm -rf .venv

.venv/serve-%/.made: pyproject.toml constraints.txt
	@echo "Installing what serving needs into .venv/serve-$*: about 250 MB to download (gpu: 2.5 GB), a minute or a few."
	$(PYTHON) -m venv .venv/serve-$*
	.venv/serve-$*/bin/pip install --constraint constraints.txt --editable '.[$*]'
	touch $@

# An environment with another build of torch is made again from nothing.
ifneq ($(TORCH_BACKEND),)
ifneq ($(TORCH_BACKEND),$(shell cat $(DEV)/.made 2>/dev/null))
.PHONY: $(DEV)/.made
endif
endif

$(DEV)/.made: pyproject.toml constraints.txt
	@echo "Installing what training, serving and the tests need into $(DEV)."
ifeq ($(TORCH_BACKEND),)
	@echo "PyPI's torch for Linux x86-64 brings CUDA: about 3.5 GB to download there, 0.8 GB elsewhere; 3 to 15 minutes."
	@echo "TORCH_BACKEND=cpu make env takes the build for CPUs instead."
	$(PYTHON) -m venv $(DEV)
else
	@echo "The build of torch is $(TORCH_BACKEND), from PyTorch's own package index, which must be reachable."
	@echo "About 0.8 GB to download with cpu, 3.5 GB with CUDA; 2 to 15 minutes."
	$(PYTHON) -m venv --clear $(DEV)
	$(PIP) --constraint constraints.txt uv
endif
	$(INSTALL) || { echo "$(FAILED)" >&2; exit 1; }
	echo "$(TORCH_BACKEND)" > $@
