# make demo    sets everything up, then runs the demo: an agent that finds what it can control, and its report
# make install only sets everything up
# make test    sets everything up, then runs the unit tests (make slow: those that take minutes)

ROOT   := $(patsubst %/,%,$(dir $(abspath $(lastword $(MAKEFILE_LIST)))))
PYTHON ?= python3
VENV   ?= $(ROOT)/.venv
INPUTS := $(ROOT)/setup.cfg $(ROOT)/constraints.txt $(ROOT)/pyproject.toml $(ROOT)/tools/make_venv.py

.PHONY: demo install test slow docs clean
.DELETE_ON_ERROR:

install: $(VENV)/.ready-run

demo: $(VENV)/.ready-run
	cd "$(ROOT)" && "$(VENV)/bin/unbraid" demo $(if $(findstring --overwrite,$(ARGS)),,--resume) $(ARGS)

test: $(VENV)/.ready-dev
	cd "$(ROOT)" && "$(VENV)/bin/pytest" $(ARGS)

slow: $(VENV)/.ready-dev
	cd "$(ROOT)" && "$(VENV)/bin/pytest" -m "slow and not gpu" $(ARGS)

docs: $(VENV)/.ready-docs
	cd "$(ROOT)" && "$(VENV)/bin/mkdocs" build --strict

$(VENV)/.ready-run: $(INPUTS)
	@"$(PYTHON)" "$(ROOT)/tools/make_venv.py" "$(VENV)" "$@" "grasp"

$(VENV)/.ready-dev: $(INPUTS)
	@"$(PYTHON)" "$(ROOT)/tools/make_venv.py" "$(VENV)" "$@" "dev"

$(VENV)/.ready-docs: $(INPUTS)
	@"$(PYTHON)" "$(ROOT)/tools/make_venv.py" "$(VENV)" "$@" "docs"

clean:
	rm -rf "$(VENV)" "$(ROOT)/build" "$(ROOT)/dist" "$(ROOT)/site" "$(ROOT)"/*.egg-info
