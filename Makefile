# make run         shards from the reviews that come with the project
# make lint        ruff and mypy
# make test        every test
# make check       lint, types and every test
# make check-fast  lint, types and the tests of pure functions, in two minutes
# make engines     Prism, Flink, Spark, an S3 server and Airflow, for tests/engines
# make wheel       build the wheel, and make the sample with it in an empty environment
# make bench       the tables of docs/performance.md
# Tests run in two processes (JOBS=n for another number), the tests of a file in one of them.
# The first call of each installs what it needs; later ones install nothing.

PYTHON ?= python3
OUTPUT ?= output/sample
JOB := .venv
TEST := .venv-test
WHEEL := .venv-wheel
BENCH := .venv-bench
MEASURED := .venv-bench-job
# What is measured: Parquet files with a `text` column, and folders with a tokenizer.json.
REVIEWS ?= ../shared/data/imdb/train.parquet ../shared/data/imdb/test.parquet
TOKENIZERS ?= ../shared/data/tokenizers/distilbert-base-uncased ../shared/data/tokenizers/gpt2
ROUNDS ?= 3
JOBS ?= 2

AZURITE := .azurite

# Programs that tests and benchmarks start load compiled modules, as they do for users.
unexport PYTHONDONTWRITEBYTECODE

# Tests that start no process, no server and no pipeline.
PURE := tests/transforms/functional tests/transforms/storage tests/training/sampling \
  tests/training/reading tests/training/model tests/beam_pipeline/options \
  tests/beam_pipeline/report/test_sentences.py tests/docs tests/test_architecture.py

.PHONY: run test lint check check-fast wheel bench clean azurite engines

run: $(JOB)/.installed
	$(JOB)/bin/python -m beam_pipeline --input tests/sample/reviews.jsonl --output $(OUTPUT) \
	  --tokenizer tests/sample/tokenizer --task mlm --max_length 128 --overwrite

test: $(TEST)/.installed azurite
	$(TEST)/bin/python -m pytest -n $(JOBS) --dist loadfile

lint: $(TEST)/.installed
	$(TEST)/bin/ruff check .
	$(TEST)/bin/ruff format --check .
	$(TEST)/bin/mypy

check: lint test

check-fast: lint
	$(TEST)/bin/python -m pytest -n $(JOBS) --dist loadfile -m 'not slow' $(PURE)

# The job alone: no torch, no transformers.
$(JOB)/.installed: setup.py constraints.txt
	$(PYTHON) -m venv $(JOB)
	$(JOB)/bin/python -m pip install --quiet --disable-pip-version-check -c constraints.txt \
	  -e '.[report]'
	touch $@

# The job, the trainer, and what tests compare them with. torch goes first and by itself: an
# installer that finds it there takes no other build.
$(TEST)/.installed: setup.py constraints.txt
	$(PYTHON) -m venv $(TEST)
	$(TEST)/bin/python -m pip install --quiet --disable-pip-version-check torch==2.13.0
	$(TEST)/bin/python -m pip install --quiet --disable-pip-version-check \
	  -c constraints.txt -e '.[train,lora,s3,gcs,azure,hf,report,views,lineage,test]'
# By itself: it asks for torchvision, which nothing here needs.
	$(TEST)/bin/python -m pip install --quiet --disable-pip-version-check --no-deps litdata==0.2.76
	touch $@

# In a folder of its own: what is imported is what was installed.
wheel:
	rm -rf $(WHEEL) build dist && $(PYTHON) -m venv $(WHEEL) && mkdir $(WHEEL)/empty
	$(WHEEL)/bin/python -m pip wheel --quiet --disable-pip-version-check --no-deps -w dist .
	$(WHEEL)/bin/python -m pip install --quiet --disable-pip-version-check -c constraints.txt \
	  "$$(echo dist/review_shards-*.whl)[report]"
	cd $(WHEEL)/empty && ../bin/review-shards make --input $(CURDIR)/tests/sample/reviews.jsonl \
	  --output made --tokenizer $(CURDIR)/tests/sample/tokenizer --task mlm --max_length 128 && \
	  ../bin/review-shards verify made && ../bin/review-shards inspect made --row 0

# Azure's own emulator, for tests/stores. Without npm its tests are skipped, and say so.
azurite: $(AZURITE)/.installed
$(AZURITE)/.installed: Makefile
	@mkdir -p $(AZURITE)
	@if command -v npm >/dev/null; then \
	  npm install --silent --no-progress --ignore-scripts --prefix $(AZURITE) azurite@3.37.0 && \
	  touch $@; \
	else echo "no npm: the tests on Azure's emulator will be skipped; install Node.js"; fi

# The engines that tests run jobs on, in a cache folder (ENGINES_FOLDER). Without one its tests are
# skipped, and name the command that installs it.
engines:
	PYTHON=$(PYTHON) deploy/local/engines.sh install all

# The tables of docs/performance.md: the kernel against the library, the job against its peers.
bench: $(MEASURED)/.installed $(BENCH)/.installed
	$(MEASURED)/bin/python -m benchmarks.kernel --reviews $(REVIEWS) --repetitions $(ROUNDS) \
	  $(foreach folder,$(TOKENIZERS),--tokenizer $(folder)/tokenizer.json)
	$(MEASURED)/bin/python -m benchmarks.job --input $(REVIEWS) --tokenizer $(firstword $(TOKENIZERS)) \
	  --rounds $(ROUNDS) --peers_python $(BENCH)/bin/python

# The job without the extra that draws its report: the peers draw none.
$(MEASURED)/.installed: setup.py constraints.txt
	$(PYTHON) -m venv $(MEASURED)
	$(MEASURED)/bin/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e .
	touch $@

$(BENCH)/.installed: benchmarks/peers/requirements.txt
	$(PYTHON) -m venv $(BENCH)
	$(BENCH)/bin/python -m pip install --quiet --disable-pip-version-check torch==2.13.0
	$(BENCH)/bin/python -m pip install --quiet --disable-pip-version-check \
	  -r benchmarks/peers/requirements.txt
	touch $@

clean:
	rm -rf $(JOB) $(TEST) $(WHEEL) $(BENCH) $(MEASURED) $(AZURITE) build dist *.egg-info output
