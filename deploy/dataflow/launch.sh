#!/usr/bin/env bash
# Build the Dataflow template, or run a job from it. `--help` says how.
set -euo pipefail

usage() {
  cat <<'TEXT'
usage: deploy/dataflow/launch.sh build
       deploy/dataflow/launch.sh run NAME=VALUE ...

build writes the template to TEMPLATE; run starts a job: each NAME is an option of the job, as
  run input='gs://bucket/reviews/*.parquet' output=gs://bucket/shards \
      tokenizer=gs://bucket/tokenizers/distilbert-base-uncased task=mlm

environment:
  IMAGE            the image built with --target dataflow-template           (required)
  TEMPLATE         gs://bucket/templates/review-shards.json                  (required)
  REGION           as europe-west4                                     (required to run)
  SERVICE_ACCOUNT  e-mail address of the workers' account              (required to run)
  TEMP_LOCATION    gs://bucket/tmp                                     (required to run)
  MACHINE_TYPE     of a worker                                (default: n2-standard-4)
  MAX_WORKERS      most workers                                           (default: 16)
  PYTHON           the Python that has review-shards                 (default: python3)
TEXT
}

build() {
  local metadata
  metadata=$(mktemp --suffix=.json)
  # shellcheck disable=SC2064  # The name is known now.
  trap "rm -f '$metadata'" EXIT
  "${PYTHON:-python3}" "$(dirname "$0")/metadata.py" >"$metadata"
  gcloud dataflow flex-template build "$TEMPLATE" \
    --image "$IMAGE" --sdk-language PYTHON --metadata-file "$metadata"
}

run() {
  : "${REGION:?REGION is not set: see --help}"
  : "${SERVICE_ACCOUNT:?SERVICE_ACCOUNT is not set: see --help}"
  : "${TEMP_LOCATION:?TEMP_LOCATION is not set: see --help}"
  # gcloud's own syntax for another separator than the comma, which globs may hold.
  local parameters="^~^sdk_container_image=$IMAGE" parameter
  for parameter in "$@"; do
    if [[ $parameter != ?*=?* || $parameter == *~* ]]; then
      echo "error: $parameter is not NAME=VALUE, or holds a ~: see --help" >&2
      exit 2
    fi
    parameters+="~$parameter"
  done
  gcloud dataflow flex-template run "review-shards-$(date -u +%Y%m%d-%H%M%S)" \
    --template-file-gcs-location "$TEMPLATE" --region "$REGION" \
    --service-account-email "$SERVICE_ACCOUNT" --disable-public-ips \
    --temp-location "$TEMP_LOCATION" --staging-location "$TEMP_LOCATION/staging" \
    --worker-machine-type "${MACHINE_TYPE:-n2-standard-4}" --max-workers "${MAX_WORKERS:-16}" \
    --parameters "$parameters"
}

action=${1:---help}
case $action in
  -h | --help)
    usage
    exit
    ;;
  build | run) ;;
  *)
    echo "error: $action is neither build nor run: see --help" >&2
    exit 2
    ;;
esac
: "${IMAGE:?IMAGE is not set: see --help}"
: "${TEMPLATE:?TEMPLATE is not set: see --help}"
shift
"$action" "$@"
