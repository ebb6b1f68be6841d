# Two commands do it all: `make site` and `make test`. Each sets up what it needs in .venv.
.DEFAULT_GOAL := help
.PHONY: help site serve test lint format notebooks assignments bench rehearse-colab lower-bounds lock clean

VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.installed

help:  ## Show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "%-16s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

$(READY): requirements.txt pyproject.toml tools/make_venv.sh
	@sh tools/make_venv.sh $(VENV)
	@touch $@

site: $(READY)  ## Build the site to _build/html
	@$(BIN)/jupyter-book build book --config _config.yml --toc $(CURDIR)/_toc.yml --path-output . -W --keep-going --quiet
	@test -f _build/html/index.html
	@echo "The site is in _build/html/index.html; 'make serve' shows it on localhost."

serve: site  ## Show the site on http://localhost:8000
	@$(BIN)/python -m http.server --bind 127.0.0.1 --directory _build/html 8000

test: $(READY) lint site  ## Run the unit tests, then every notebook under nbval
	@$(BIN)/pytest tests -n 2 -q
	@TF_NUM_INTRAOP_THREADS=1 $(BIN)/pytest --nbval --nbval-sanitize-with tests/nbval_sanitize.cfg book -n 2 --dist loadfile -q

lint: $(READY)  ## Check style and spelling
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/codespell

format: $(READY)  ## Put code and notebooks in the course's style
	@$(BIN)/ruff check --fix .
	@$(BIN)/ruff format .

notebooks: $(READY)  ## Execute the notebooks whose code changed, and store their outputs
	@$(BIN)/python tools/execute_notebooks.py

assignments: $(READY)  ## Make the students' assignments, without solutions, and a zip
	@$(BIN)/python tools/make_assignments.py

bench: $(READY)  ## Measure the results table (three seeds) and the training speed
	@$(BIN)/python benchmarks/results.py
	@$(BIN)/python benchmarks/speed.py
	@$(BIN)/python tools/make_results_page.py

rehearse-colab: $(READY)  ## Run NOTEBOOKS (default: the code chapters) as Colab would, in its versions
	@$(BIN)/python tools/rehearse_colab.py --venv _build/venv-colab $(NOTEBOOKS)

lower-bounds: $(READY)  ## Run the unit tests with the oldest TensorFlow and Keras supported
	@sh tools/test_lower_bounds.sh

lock:  ## Compile requirements.txt from pyproject.toml
	@$(BIN)/uv pip compile pyproject.toml --extra site --extra dev --extra cluster --extra control --extra deploy --extra grading --extra hub --universal --python-version 3.11 --no-annotate --no-header --quiet -o requirements.txt

clean:  ## Remove what was built and installed
	@rm -rf $(VENV) _build dist
