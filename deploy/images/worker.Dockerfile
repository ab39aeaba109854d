# syntax=docker/dockerfile:1
# The job on a cluster: `worker` runs beside the engine's own workers, `launcher` starts jobs,
# `dataflow-template` is both for Dataflow. Built from the project's root:
#   docker build -f deploy/images/worker.Dockerfile --target worker -t IMAGE .

# Python and Beam must be those of whoever starts the job: what Beam sends is pickled.
FROM apache/beam_python3.11_sdk:2.77.0 AS worker
ARG EXTRAS=s3,gcs,azure,hf
WORKDIR /opt/review-shards
COPY setup.py constraints.txt pyproject.toml ./
COPY transforms transforms
COPY beam_pipeline beam_pipeline
RUN pip install --no-cache-dir -c constraints.txt ".[${EXTRAS}]" \
    && python -m beam_pipeline --help >/dev/null \
    && useradd --uid 10001 --create-home --shell /usr/sbin/nologin worker
# Beam's boot program makes a virtual environment for each worker unless told otherwise, and
# cannot on a read-only file system. Everything is installed here already.
ENV RUN_PYTHON_SDK_IN_DEFAULT_ENVIRONMENT=1 \
    PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    HF_HOME=/tmp/huggingface \
    HF_HUB_DISABLE_TELEMETRY=1
USER 10001:10001
WORKDIR /home/worker
# The entry point stays Beam's: /opt/apache/beam/boot, with --worker_pool or an engine's arguments.

FROM apache/beam_flink1.20_job_server:2.77.0 AS flink-job-server

# With the jar here a job starts without reaching Maven.
FROM worker AS launcher
COPY --from=flink-job-server /opt/apache/beam/jars/ /opt/apache/beam/jars/
ENTRYPOINT ["python", "-m", "beam_pipeline"]

FROM gcr.io/dataflow-templates-base/python311-template-launcher-base:flex_templates_base_image_release_20240628_RC00 AS template-launcher

FROM worker AS dataflow-template
COPY --from=template-launcher /opt/google/dataflow/python_template_launcher /opt/google/dataflow/python_template_launcher
COPY deploy/dataflow/main.py /opt/review-shards/main.py
ENV FLEX_TEMPLATE_PYTHON_PY_FILE=/opt/review-shards/main.py
# Dataflow's launcher and workers write below /var, on a machine that is this job's alone.
# hadolint ignore=DL3002
USER 0
