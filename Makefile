# Each target first installs what it needs into .venv. Once that is done, nothing here touches the network, except that the
# first use of MNIST downloads it.

PYTHON ?= python3
VENV := .venv
# where a virtual environment keeps its programs: Windows has a name of its own
BIN := $(VENV)/$(if $(filter Windows_NT,$(OS)),Scripts,bin)
READY := $(VENV)/.installed
# and what only the tests need beyond that: whoever reads the notebooks is spared it
TESTABLE := $(VENV)/.installed-for-tests
INSTALL = $(BIN)/python -m pip install --disable-pip-version-check -c constraints.txt
FAILED = { echo "The installation failed. It needs the network the first time, and again after pyproject.toml or"; \
           echo "constraints.txt changed. If .venv is complete all the same: touch $@"; exit 1; }

.PHONY: help lab walkthrough site test notebooks lint clean

help:
	@echo "make lab          open the notebooks in JupyterLab"
	@echo "make walkthrough  run all notebooks, and leave what they computed as a site to read in build/site/"
	@echo "make site         the same site from the notebooks as they are, in a minute"
	@echo "make test         lint, tests, and every notebook in its quick profile"
	@echo "make notebooks    write notebooks/*.ipynb and their solutions from notebooks/source/, with fresh outputs"
	@echo "make lint         check code and notebooks with ruff"
	@echo "make clean        remove what the other targets made, but not .venv and not the data"

lab: $(READY)
	$(BIN)/python -m jupyterlab notebooks

walkthrough: $(READY)
	$(BIN)/python notebooks/build.py walkthrough

site: $(READY)
	$(BIN)/python notebooks/build.py site

test: lint $(TESTABLE)
	STN_PROFILE=quick $(BIN)/python -m pytest tests notebooks --nbval-lax --nbval-current-env --nbval-cell-timeout=300 --durations=10

notebooks: $(READY)
	$(BIN)/python notebooks/build.py notebooks

lint: $(READY)
	$(BIN)/python -m ruff check
	$(BIN)/python -m ruff format --check

clean:
	rm -rf build .pytest_cache .ruff_cache *.egg-info
	find . -name $(VENV) -prune -o \( -name __pycache__ -o -name .ipynb_checkpoints \) -type d -exec rm -rf {} +

$(READY): pyproject.toml constraints.txt
	@$(PYTHON) -c "import sys; sys.exit(sys.version_info < (3, 11))" \
		|| { echo "Python 3.11 or later is needed; name one with: make PYTHON=python3.11"; exit 1; }
	@$(BIN)/python -m pip --version >/dev/null 2>&1 || $(PYTHON) -m venv --clear $(VENV)
	@echo "Installing into $(VENV): PyTorch is large, this takes some minutes the first time."
	@$(INSTALL) -e ".[notebooks,site,offline,dev]" || $(FAILED)
	@touch $@

$(TESTABLE): $(READY)
	@$(INSTALL) -e ".[export]" || $(FAILED)
	@touch $@
