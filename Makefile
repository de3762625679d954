# make lenet        train LeNet on real images; options in ARGS: make lenet ARGS="--classic --epochs 3"
# make resnet       a ResNet with augmentation and a schedule, beside LeNet: make resnet ARGS="--compare"
# make autoencoder  images through 16 numbers and back, noise taken away: make autoencoder ARGS="--noise 0.3"
# make spam         tell spam from ham with a GRU; make spam ARGS="--epochs 3"
# make tabular      a table with missing values, through a pipeline of scikit-learn
# make test         the whole test suite; options in ARGS: make test ARGS="-k conv2d"
# make test-oldest  the same on NumPy 2.0, the oldest that is supported (which has wheels for Python 3.10 to 3.12)
# make oracles      the comparisons with PyTorch, Keras and scikit-learn (a large download)
# make lint         ruff
# make bench        the benchmarks beside PyTorch, Keras and others: half an hour; make bench ARGS="--quick --only lenet,gpt"
# make clean        away with the virtual environments and everything else that was made
#
# Each sets up a virtual environment of its own, the first time and whenever setup.py has changed.

PYTHON ?= python3
ARGS ?=
PIP_ARGS ?=
VENV ?= .venv
TEST_VENV ?= .venv-test
OLDEST_VENV ?= .venv-oldest
ORACLES_VENV ?= .venv-oracles

.PHONY: help lenet resnet autoencoder spam tabular test test-oldest oracles lint bench clean

help:
	@sed -n '/^#/!q; s/^# \{0,1\}//p' Makefile

lenet resnet autoencoder spam tabular: $(VENV)/complete
	@$(VENV)/bin/python examples/$@.py $(ARGS)

# The matrices of the tests are small: on one thread BLAS is as fast, and leaves the other cores alone.
test: $(TEST_VENV)/complete
	@OPENBLAS_NUM_THREADS=1 OMP_NUM_THREADS=1 $(TEST_VENV)/bin/python -m pytest $(ARGS)

test-oldest: $(OLDEST_VENV)/complete
	@OPENBLAS_NUM_THREADS=1 OMP_NUM_THREADS=1 $(OLDEST_VENV)/bin/python -m pytest $(ARGS)

oracles: $(ORACLES_VENV)/complete
	@OPENBLAS_NUM_THREADS=1 OMP_NUM_THREADS=1 $(ORACLES_VENV)/bin/python -m pytest tests/test_*_oracle.py $(ARGS)

lint: $(TEST_VENV)/complete
	@$(TEST_VENV)/bin/python -m ruff check .

bench: $(ORACLES_VENV)/complete
	@$(ORACLES_VENV)/bin/python -m benchmarks $(ARGS)

clean:
	rm -rf .venv .venv-test .venv-oldest .venv-oracles .venv-peers build dist outputs minigrad.egg-info .pytest_cache .ruff_cache .hypothesis
	find examples benchmarks minigrad tests -name __pycache__ -type d -prune -exec rm -rf {} +

$(VENV)/complete: setup.py
	$(call environment,$(VENV),plot$(comma)sklearn)

$(TEST_VENV)/complete: setup.py
	$(call environment,$(TEST_VENV),test)

$(OLDEST_VENV)/complete: setup.py
	$(call environment,$(OLDEST_VENV),test,'numpy==2.0.*')

$(ORACLES_VENV)/complete: setup.py
	$(call environment,$(ORACLES_VENV),test$(comma)oracles)

comma := ,

# $(call environment,folder,extras,versions): a virtual environment with minigrad (editable: it follows the source) and its
# extras, at these versions of what it needs.
# `by-make` is written first and `complete` last: an interrupted one is made anew, and one that is not ours is left alone.
define environment
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 10))' || { \
		echo "minigrad needs Python 3.10 or newer, and '$(PYTHON)' is: $$($(PYTHON) --version 2>&1)" >&2; \
		echo "Name another one: make PYTHON=python3.12 ..." >&2; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || { \
		echo "'$(PYTHON)' cannot make virtual environments: it lacks venv or ensurepip." >&2; \
		echo "On Debian and Ubuntu: sudo apt install python3-venv. Or name another one: make PYTHON=..." >&2; exit 1; }
	@test ! -e $(1) || test -e $(1)/by-make || { \
		echo "$(1) is there already, and was not made by this Makefile: move it away." >&2; exit 1; }
	@echo "Setting up $(1) (only the first time; some minutes on a slow network) ..."
	@rm -rf $(1) && mkdir -p $(1) && touch $(1)/by-make
	@$(PYTHON) -m venv $(1)
	@$(1)/bin/python -m pip install --quiet --disable-pip-version-check $(PIP_ARGS) --editable '.[$(2)]' $(3)
	@touch $(1)/complete
endef
