# make run    shards from the reviews that come with the project, in a minute
# make test   everything that is tested, with lint and types
# Both are safe to repeat; the second time they install nothing.

PYTHON ?= python3
OUTPUT ?= output/sample
JOB := .venv
TEST := .venv-test

.PHONY: run test lint check bench clean

run: $(JOB)/.installed
	$(JOB)/bin/python -m beam_pipeline --input tests/sample/reviews.jsonl --output $(OUTPUT) \
	  --tokenizer tests/sample/tokenizer --task mlm --max_length 128 --overwrite

test: $(TEST)/.installed
	$(TEST)/bin/python -m pytest

lint: $(TEST)/.installed
	$(TEST)/bin/ruff check .
	$(TEST)/bin/ruff format --check .
	$(TEST)/bin/mypy

check: lint test

# The job alone: no torch, no transformers.
$(JOB)/.installed: setup.py constraints.txt
	$(PYTHON) -m venv $(JOB)
	$(JOB)/bin/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e .
	touch $@

# The job, the trainer, and what tests compare them with. torch goes first and by itself: an
# installer that finds it there takes no other build.
$(TEST)/.installed: setup.py constraints.txt
	$(PYTHON) -m venv $(TEST)
	$(TEST)/bin/python -m pip install --quiet --disable-pip-version-check torch==2.13.0
	$(TEST)/bin/python -m pip install --quiet --disable-pip-version-check \
	  -c constraints.txt -e '.[train,test]'
	touch $@

clean:
	rm -rf $(JOB) $(TEST) output
