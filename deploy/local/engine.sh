#!/usr/bin/env bash
# Engines and a store on this machine, to try a job on them. `--help` says how.
set -euo pipefail

usage() {
  cat <<'TEXT'
usage: deploy/local/engine.sh fetch|start|stop|status prism|flink|minio|workers

prism    Beam's portable runner in Go                     job endpoint localhost:8073
flink    a session cluster and Beam's job server          job endpoint localhost:8099, web 8081
minio    a store that speaks S3                           http://127.0.0.1:9000
workers  a pool of Beam's Python workers, for             localhost:50000
         --environment_type=EXTERNAL

start fetches what is missing, waits until all of it answers, and says what to pass to
`python -m beam_pipeline`. What is fetched is listed in artifacts.txt, with its sha256.

environment:
  ENGINES_FOLDER  files, logs and data         (default: ~/.cache/review-shards/engines)
  FLINK_JOB_SERVER
                  beam-runners-flink-1.20-job-server-2.77.0.jar, from Maven; flink needs it
  SLOTS           task slots of Flink                              (default: all cores)
  PYTHON          the Python of the workers                        (default: python3)
  PIN=1           write the sha256 of a file that has none yet into artifacts.txt
  START_SECONDS   how long to wait for an answer                            (default: 90)
TEXT
}

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
artifacts=${ARTIFACTS:-$here/artifacts.txt}
folder=${ENGINES_FOLDER:-$HOME/.cache/review-shards/engines}
downloads=$folder/downloads
state=$folder/run
# shellcheck source=deploy/local/processes.sh
source "$here/processes.sh"

# The processes of an engine, in the order in which they start.
declare -A processes=(
  [prism]=prism
  [flink]="flink-job-manager flink-task-manager flink-job-server"
  [minio]=minio
  [workers]=workers
)

fetch_prism() {
  fetch prism
  "${PYTHON:-python3}" -m zipfile -e "$(file_of prism)" "$folder/prism"
  chmod +x "$folder/prism/"*
}

start_prism() {
  start prism "$folder/prism/$(basename "$(file_of prism)" .zip)" \
    --job_port=8073 --serve_http=false
  await prism 8073
  echo "pass: --runner PortableRunner --job_endpoint localhost:8073 --environment_type LOOPBACK"
}

fetch_flink() {
  [[ -f ${FLINK_JOB_SERVER:-} ]] || fail "FLINK_JOB_SERVER is no file: see --help"
  fetch flink
  mkdir -p "$folder/flink"
  tar -xzf "$(file_of flink)" -C "$folder/flink" --strip-components=1
}

start_flink() {
  local flink=$folder/flink
  local common=(-D jobmanager.rpc.address=localhost -D jobmanager.bind-host=localhost
    -D rest.address=localhost -D rest.bind-address=localhost)
  start flink-job-manager "$flink/bin/jobmanager.sh" start-foreground "${common[@]}"
  await flink-job-manager 8081
  start flink-task-manager "$flink/bin/taskmanager.sh" start-foreground "${common[@]}" \
    -D taskmanager.host=localhost -D taskmanager.bind-host=localhost \
    -D taskmanager.numberOfTaskSlots="${SLOTS:-$(nproc)}"
  # Task managers see its artifacts, since all are on this machine.
  start flink-job-server java -jar "$FLINK_JOB_SERVER" \
    --flink-master=localhost:8081 --job-host=localhost --job-port=8099 \
    --artifact-port=8098 --expansion-port=8097 --artifacts-dir="$folder/artifacts"
  await flink-job-server 8099
  echo "pass: --runner PortableRunner --job_endpoint localhost:8099 --environment_type LOOPBACK"
}

fetch_minio() {
  fetch minio
  chmod +x "$(file_of minio)"
}

start_minio() {
  local variables=$folder/minio.env
  if [[ ! -f $variables ]]; then
    (
      umask 077
      printf 'export AWS_ACCESS_KEY_ID=review-shards AWS_SECRET_ACCESS_KEY=%s %s\n' \
        "$(od -An -N16 -tx1 /dev/urandom | tr -d ' \n')" \
        "AWS_ENDPOINT_URL=http://127.0.0.1:9000" >"$variables"
    )
  fi
  # shellcheck disable=SC1090  # Written above.
  source "$variables"
  MINIO_ROOT_USER=$AWS_ACCESS_KEY_ID MINIO_ROOT_PASSWORD=$AWS_SECRET_ACCESS_KEY \
    start minio "$(file_of minio)" server --quiet --address 127.0.0.1:9000 "$folder/minio"
  await minio 9000
  echo "source $variables"
}

fetch_workers() {
  "${PYTHON:-python3}" -c 'import beam_pipeline' || fail "${PYTHON:-python3} has no review-shards"
}

start_workers() {
  local python
  python=$(command -v "${PYTHON:-python3}")
  # The pool calls its workers' interpreter `python`.
  PATH="$(dirname "$python"):$PATH" start workers "$python" \
    -m apache_beam.runners.worker.worker_pool_main --service_port=50000
  await workers 50000
  echo "pass: --environment_type EXTERNAL --environment_config localhost:50000"
}

action=${1:---help} engine=${2:-}
if [[ $action == -h || $action == --help ]]; then
  usage
  exit
fi
if [[ ! -v processes[$engine] || $action != @(fetch|start|stop|status) ]]; then
  usage >&2
  exit 2
fi
mkdir -p "$downloads" "$state"
read -ra names <<<"${processes[$engine]}"

stop_all() {
  local i
  for ((i = ${#names[@]} - 1; i >= 0; i--)); do
    stop "${names[i]}"
  done
}

case $action in
  fetch) "fetch_$engine" ;;
  start)
    for name in "${names[@]}"; do
      if is_running "$name"; then fail "$name runs already: stop $engine first"; fi
    done
    "fetch_$engine"
    # Half an engine is none.
    trap stop_all EXIT
    "start_$engine"
    trap - EXIT
    ;;
  stop) stop_all ;;
  status)
    for name in "${names[@]}"; do
      if is_running "$name"; then echo "$name runs"; else echo "$name does not run"; fi
    done
    ;;
esac
