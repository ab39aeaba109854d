"""A DAG for Airflow 3: each night adds the reviews of the day that is over, and checks the dataset.

Put this file into the DAGs folder. Airflow needs `apache-airflow-providers-standard` alone: the job
runs as a command, in a virtual environment of its own, which is where this project and Beam are.
Settings are Airflow Variables (deploy/README.md), credentials the machine's own.
"""

from __future__ import annotations

from datetime import datetime, timedelta, timezone

from airflow.providers.standard.operators.bash import BashOperator
from airflow.sdk import DAG, CronDataIntervalTimetable

# exec: what Airflow sends SIGTERM to is the job itself, which then ends its workers.
#
# The run that starts on the 4th at 02:30 is for the interval from the 3rd, 02:30, to that moment:
# it reads the folder of the 3rd, a day that is over. A trigger with a logical date is for the last
# interval that had ended by then; one without has no interval, and reads yesterday's folder.
#
# --append: clear the run of a day to which files came late, and it adds them. It also keeps what a
# failed or killed run had finished.
MAKE_SHARDS = r"""
exec '{{ var.value.review_shards_python }}' -m beam_pipeline --append \
  --input '{{ var.value.review_shards_input }}'/{{
    (data_interval_start | default(none) or dag_run.run_after - macros.timedelta(days=1)) | ds
  }} \
  --output '{{ var.value.review_shards_output }}' {{ var.value.review_shards_options }}
"""
VERIFY_SHARDS = (
    "exec '{{ var.value.review_shards_python }}' -m beam_pipeline.verify "
    "'{{ var.value.review_shards_output }}'"
)

with DAG(
    dag_id="review_shards",
    description="Adds the reviews of the day that is over to the shards",
    # Not a cron expression alone: that would be the day that has just begun.
    schedule=CronDataIntervalTimetable("30 2 * * *", timezone="UTC"),
    start_date=datetime(2026, 1, 1, tzinfo=timezone.utc),
    catchup=False,
    # All nights write to one output.
    max_active_runs=1,
    default_args={
        "retries": 2,
        "retry_delay": timedelta(minutes=10),
        "execution_timeout": timedelta(hours=12),
    },
    tags=["review-shards"],
) as dag:
    make_shards = BashOperator(task_id="make_shards", bash_command=MAKE_SHARDS)
    verify_shards = BashOperator(task_id="verify_shards", bash_command=VERIFY_SHARDS)
    make_shards >> verify_shards
