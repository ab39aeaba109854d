# syntax=docker/dockerfile:1
# The trainer: torch with its CUDA libraries, no Beam. Built from the project's root:
#   docker build -f deploy/images/trainer.Dockerfile -t IMAGE .
FROM python:3.11-slim-bookworm
ARG EXTRAS=train,s3,gcs,azure,hf
WORKDIR /opt/review-shards
COPY setup.py constraints.txt pyproject.toml ./
COPY transforms transforms
COPY training training
COPY deploy/images/trainer_requirements.py deploy/training/train.sh ./
RUN python trainer_requirements.py "${EXTRAS}" > requirements.txt \
    && pip install --no-cache-dir -c constraints.txt -r requirements.txt \
    && pip install --no-cache-dir --no-deps . \
    && install -m 755 train.sh /usr/local/bin/train \
    && python -m training --help >/dev/null \
    && useradd --uid 10001 --create-home --shell /usr/sbin/nologin trainer
ENV PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    HF_HOME=/tmp/huggingface \
    HF_HUB_DISABLE_TELEMETRY=1 \
    TORCHINDUCTOR_CACHE_DIR=/tmp/torchinductor \
    TRITON_CACHE_DIR=/tmp/triton \
    NVIDIA_DRIVER_CAPABILITIES=compute,utility
USER 10001:10001
WORKDIR /home/trainer
ENTRYPOINT ["torchrun"]
CMD ["--help"]
