#!/usr/bin/env bash
# Write the job down as a jar, and submit it to Spark. `--help` says how.
set -euo pipefail

usage() {
  cat <<'TEXT'
usage: deploy/spark/submit.sh --input URL --output URL --tokenizer URL --task TASK [OPTION ...]

Every option goes to `python -m beam_pipeline`. The jar holds the pipeline; Spark 3.5 runs it.
Beam's Python workers are found at WORKER_POOL from each executor: start the worker image there with
--worker_pool (deploy/spark/executor-pod.yaml does on Kubernetes). Paths instead of URLs need
--shared_paths, and a disk that executors and workers share. When Spark is done, the same command
writes what only the launcher can: report and config.

environment:
  SPARK_MASTER      spark://HOST:7077, k8s://https://HOST:443 or yarn             (required)
  SPARK_JOB_SERVER  Beam's job server, which writes the jar                       (required)
                    beam-runners-spark-3-job-server-2.77.0.jar, or the HOST:PORT of one that runs
                    on this machine (deploy/local/engines.sh start spark: localhost:8199)
  SPARK_CONF        a file for spark-submit --properties-file
  SDK_WORKERS       Python workers beside each executor: as many as it has cores (default: 1)
  WORKER_POOL       where an executor finds its pool               (default: localhost:50000)
  PYTHON            the Python that has review-shards                     (default: python3)
TEXT
}

if [[ $# -eq 0 || $1 == -h || $1 == --help ]]; then
  usage
  exit
fi
: "${SPARK_MASTER:?SPARK_MASTER is not set: see --help}"
: "${SPARK_JOB_SERVER:?SPARK_JOB_SERVER is not set: see --help}"
python=${PYTHON:-python3}
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
properties=()
if [[ -n ${SPARK_CONF:-} ]]; then
  properties=(--properties-file "$SPARK_CONF")
fi
if [[ $SPARK_JOB_SERVER == *.jar ]]; then
  job_server=(--runner=SparkRunner --spark_version=3 --spark_job_server_jar="$SPARK_JOB_SERVER")
else
  job_server=(--runner=PortableRunner --job_endpoint="$SPARK_JOB_SERVER")
fi

# Workers are kept from one stage to the next: without it each starts them again.
"$python" -m beam_pipeline "$@" \
  --sdk_worker_parallelism="${SDK_WORKERS:-1}" --environment_cache_millis=2000 \
  "${job_server[@]}" --output_executable_path="$folder/review-shards.jar" \
  --environment_type=EXTERNAL --environment_config="${WORKER_POOL:-localhost:50000}"

spark-submit --master "$SPARK_MASTER" --name review-shards "${properties[@]}" \
  --class org.apache.beam.runners.spark.SparkPipelineRunner "$folder/review-shards.jar"

# The dataset is there, and is not made once more.
"$python" -m beam_pipeline "$@" --no_overwrite
