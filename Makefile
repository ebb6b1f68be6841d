# Two commands do it all: `make site` and `make test`. Each sets up what it needs in .venv.
.DEFAULT_GOAL := help
.PHONY: help site serve pdf links publish-check publish test lint format notebooks assignments bench rehearse-colab lower-bounds lock clean

VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.installed
SITE := _build/html
SITE_TESTS := $(addprefix tests/test_,site.py site_browser.py publishing.py course_browser.py \
    demos_browser.py demos_pictures_browser.py api_pages.py)

help:  ## Show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "%-16s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

$(READY): requirements.txt pyproject.toml package.json package-lock.json tools/make_venv.sh
	@sh tools/make_venv.sh $(VENV)
	@touch $@

site: $(READY)  ## Build the site to _build/html
	@$(BIN)/jupyter-book build book --config _config.yml --toc $(CURDIR)/_toc.yml --path-output . -W --keep-going --quiet
	@test -f _build/html/index.html
	@echo "The site is in _build/html/index.html; 'make serve' shows it on localhost."

serve: site  ## Show the site as GitHub Pages would, on http://localhost:8000
	@$(BIN)/python tools/serve.py

pdf: site  ## Print the whole course to _build/course.pdf (needs Chromium)
	@$(BIN)/python tools/make_pdf.py

links: $(READY)  ## Check the links that lead out of the course; the list is _build/links.txt
	@$(BIN)/python tools/check_links.py

publish-check: $(READY)  ## Check the built site SITE (default: _build/html) in a browser, and by Lighthouse
	@COURSE_SITE=$(SITE) $(BIN)/pytest $(SITE_TESTS) -n 2 -q
	@COURSE_SITE=$(SITE) $(BIN)/pytest tests/test_lighthouse.py -m lighthouse -q -rP

publish: site publish-check pdf  ## Push the site and the PDF to the branch gh-pages
	@cp _build/course.pdf _build/html/
	@$(BIN)/ghp-import --no-jekyll --no-history --force --push _build/html

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
