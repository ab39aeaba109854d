"""A DAG for Airflow: each night adds the new reviews to one dataset, on Flink, and checks it.

Put this file into the DAGs folder. The workers of Airflow need the packages
`apache-airflow-providers-apache-beam` and `apache-airflow-providers-standard`, and this project in
a virtual environment of its own, since Airflow pins other versions: `PYTHON` is its interpreter.
Settings are Airflow Variables, credentials the machine's own; neither is in this file.
"""

from __future__ import annotations

from datetime import datetime, timedelta, timezone

from airflow.providers.apache.beam.operators.beam import BeamRunPythonPipelineOperator
from airflow.providers.standard.operators.bash import BashOperator
from airflow.sdk import DAG

PYTHON = "/opt/review-shards/bin/python"
INPUT = "{{ var.value.review_shards_bucket }}/reviews"
OUTPUT = "{{ var.value.review_shards_bucket }}/shards"

with DAG(
    dag_id="review_shards",
    description="Adds new reviews to the shards",
    schedule="30 2 * * *",
    start_date=datetime(2026, 1, 1, tzinfo=timezone.utc),
    catchup=False,
    # All nights write to one output. A rerun goes on where the last one stopped.
    max_active_runs=1,
    default_args={
        "retries": 2,
        "retry_delay": timedelta(minutes=10),
        "execution_timeout": timedelta(hours=12),
    },
    tags=["review-shards"],
) as dag:
    make_shards = BeamRunPythonPipelineOperator(
        task_id="make_shards",
        # `python -m beam_pipeline`
        py_interpreter=PYTHON,
        py_options=["-m"],
        py_file="beam_pipeline",
        runner="FlinkRunner",
        # Underscores and strings only: the operator writes each as --name=value.
        pipeline_options={
            "input": [INPUT],
            "output": OUTPUT,
            "tokenizer": "{{ var.value.review_shards_bucket }}/tokenizers/distilbert-base-uncased",
            "task": "mlm",
            "max_length": "512",
            "append": True,
            "flink_master": "{{ var.value.review_shards_flink }}",
            "flink_version": "1.20",
            "flink_submit_uber_jar": True,
            "environment_type": "EXTERNAL",
            "environment_config": "localhost:50000",
            "sdk_worker_parallelism": "2",
            "parallelism": "8",
        },
    )
    verify_shards = BashOperator(
        task_id="verify_shards",
        bash_command=f"{PYTHON} -m beam_pipeline.verify {OUTPUT}",
    )
    make_shards >> verify_shards
