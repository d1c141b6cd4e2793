# The two commands: `make course` builds the course, `make test` runs every check. `make help` lists the rest.
#
#   PYTHON=python3.12 make course       another interpreter (3.11 or newer) for the environment
#   PIP_FLAGS="..." make course         more options for pip, e.g. where to find CPU-only wheels of torch

PYTHON    ?= python3
VENV      ?= .venv
PIP_FLAGS ?=
BIN       := $(VENV)/bin
OUT       := _build
LABS      := $(basename $(notdir $(wildcard solutions/*.ipynb)))
SAMPLES   := $(wildcard tests/submissions/$(firstword $(LABS))/whole/*.ipynb) labs/$(firstword $(LABS)).ipynb

# nproc counts the threads of OMP_NUM_THREADS, where that is set
CORES   := $(shell env -u OMP_NUM_THREADS nproc)
LIBRARY := $(shell find cnncourse -name '*.py' -o -name '*.html' -o -name '*.json' -o -name '*.png')
GRADED  := $(wildcard tests/labs/*/*.py)
BOOK    := $(shell find book -type f -not -path '*/__pycache__/*') _config.yml _toc.yml

.PHONY: help setup data course book lab test lint notebooks units grade-solutions selftest nbval chapters site browser \
	portable gpu results results-scenes bench clean
.DELETE_ON_ERROR:

help:
	@echo "make course   set everything up, compose the data, grade three sample submissions, build the book"
	@echo "make test     every check there is: lint, tests, notebooks, labs against the library, book, browser"
	@echo "make lab      open JupyterLab on labs/"
	@echo "make portable all that computes, under every arithmetic that this machine can be put into (an hour and a half)"
	@echo "make bench    speed, as ratios to named peers in the same run"
	@echo "make results  train every stored network and measure every result anew (hours; goes on where it was cut off);"
	@echo "              make results-scenes: those of detection and segmentation alone"
	@echo "make clean    remove what was built (the environment and the data cache stay)"

# ---------------------------------------------------------------------------------------------- setting up
setup: $(VENV)/.ready

$(VENV)/.ready: requirements.txt pyproject.toml
	@$(PYTHON) -c 'import sys; v = sys.version_info; sys.exit(v < (3, 11) and f"Python 3.11 or newer is needed, this is {v[0]}.{v[1]}. Try PYTHON=python3.12 make $(MAKECMDGOALS).")'
	@$(PYTHON) -c 'import ensurepip, venv' || { echo "Python's venv module is missing: on Debian and Ubuntu, install the package python3-venv."; exit 1; }
	@echo "── Setting up $(VENV) (about 7 GB with the CUDA build of torch; once)"
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --upgrade pip
	$(BIN)/python -m pip install --disable-pip-version-check $(PIP_FLAGS) -r requirements.txt
	$(BIN)/python -m pip install --disable-pip-version-check --quiet --no-deps -e .
	@touch $@

data: $(VENV)/.ready
	@echo "── Composing the embedded data (kept in a cache)"
	@$(BIN)/cnncourse data compose

# ------------------------------------------------------------------------------------------------ the course
course: $(VENV)/.ready data $(OUT)/reports/.done $(OUT)/.book
	@printf '%s\n' "" \
		"The book      file://$(CURDIR)/$(OUT)/html/index.html" \
		"The reports   file://$(CURDIR)/$(OUT)/reports/ (one page for each submission)" \
		"Next          make lab      work on lab 01 in JupyterLab" \
		"              make test     run every check" \
		"              $(BIN)/cnncourse --help"

$(OUT)/reports/.done: $(VENV)/.ready $(SAMPLES) $(LIBRARY) $(GRADED)
	@echo "── Grading three sample submissions of lab 01"
	@mkdir -p $(@D)
	@$(BIN)/cnncourse grade $(SAMPLES) --out $(@D)
	@touch $@

# -W makes warnings errors; --keep-going shows all of them.
$(OUT)/.book: $(VENV)/.ready $(BOOK) $(LIBRARY) $(wildcard labs/*.ipynb) | data
	@echo "── Building the book"
	@$(BIN)/jupyter-book build . -W -n --keep-going
	@touch $@

book: $(OUT)/.book

lab: $(VENV)/.ready
	$(BIN)/jupyter lab labs

# ------------------------------------------------------------------------------------------------ the checks
test: lint notebooks units grade-solutions selftest nbval site browser
	@echo "Every check passed."

lint: $(VENV)/.ready
	@echo "── Lint"
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check --quiet . || { $(BIN)/ruff format --diff .; exit 1; }

notebooks: $(VENV)/.ready
	@echo "── Solutions, labs and library say the same"
	@$(BIN)/cnncourse release --check

units: $(VENV)/.ready
	@echo "── Library and grader"
	@$(BIN)/pytest tests --ignore=tests/labs --ignore=tests/test_book.py -q -n $(CORES) --dist loadfile

grade-solutions: $(VENV)/.ready
	@echo "── The graded tests on the solutions"
	@$(MAKE) --no-print-directory -j $(CORES) -O $(LABS:%=grade-%)

grade-%:
	@$(BIN)/pytest tests/labs/$* --submission solutions/$*.ipynb -q

selftest: $(VENV)/.ready
	@echo "── The grader, graded: known-right and known-wrong submissions"
	@$(MAKE) --no-print-directory -j $(CORES) -O $(LABS:%=selftest-%)

selftest-%:
	@$(BIN)/cnncourse selftest $*

nbval: $(VENV)/.ready | data
	@echo "── The solutions' stored outputs"
	@$(BIN)/pytest --nbval --nbval-sanitize-with solutions/nbval_sanitize.cfg -q -p no:cacheprovider -n $(CORES) --dist loadfile solutions/

# Every chapter runs through; pages are made by the way.
chapters: $(VENV)/.ready | data
	@echo "── The chapters, run anew"
	@rm -rf $(OUT)/chapters
	@$(BIN)/jupyter-book build . --path-output $(OUT)/chapters -W -n --keep-going --all

# What is stored and compared holds on any processor: PORTABLE="--setting default-1 --check nbval" runs a part.
PORTABLE ?=
portable: $(VENV)/.ready
	@$(BIN)/python tools/portable.py $(PORTABLE)

# From nothing: on an incremental build Sphinx repeats no warning of a page that it does not read again.
site: $(VENV)/.ready | data
	@echo "── The book, warnings as errors"
	@$(BIN)/jupyter-book build . -W -n --keep-going --all
	@touch $(OUT)/.book

browser: site
	@echo "── The book in a browser"
	@$(BIN)/pytest tests/test_book.py -q

# On a machine with a GPU: the library's tests and the graded tests on it.
gpu: $(VENV)/.ready data
	@$(BIN)/pytest tests --ignore=tests/labs --ignore=tests/test_book.py -q --device cuda
	@for lab in $(LABS); do \
		$(BIN)/pytest tests/labs/$$lab --submission solutions/$$lab.ipynb --device cuda -q || exit 1; done

# Every trained network and every measured result anew, from nothing. Called again after it was cut off, it goes on:
# both commands do, and the file says that the networks are done.
RUNS := book/results/.runs

results: $(RUNS)/networks
	@$(BIN)/cnncourse reproduce --all
	@rm $<

$(RUNS)/networks: | $(VENV)/.ready data
	@$(BIN)/cnncourse weights
	@mkdir -p $(@D) && touch $@

# Of these, what is trained and measured on scenes.
results-scenes: $(RUNS)/scene-networks
	@$(BIN)/cnncourse reproduce line_of_descent roi_training hierarchical_sampling ssd_augmentation detector_errors \
		proposals hog_detector fcn upsampling
	@rm $<

$(RUNS)/scene-networks: | $(VENV)/.ready data
	@$(BIN)/cnncourse weights trunk faster_rcnn yolo ssd fcn32s fcn16s fcn8s
	@mkdir -p $(@D) && touch $@

bench: $(VENV)/.ready data
	@$(BIN)/python -m benchmarks

clean:
	rm -rf $(OUT) .pytest_cache .ruff_cache .hypothesis
