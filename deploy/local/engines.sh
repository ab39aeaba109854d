#!/usr/bin/env bash
# Engines and a store on this machine: installed, started, awaited and stopped.
set -euo pipefail

usage() {
  cat <<'TEXT'
usage: deploy/local/engines.sh install|start|stop|status|path ENGINE ...
       deploy/local/engines.sh install all

prism          Beam's portable runner in Go                 job endpoint localhost:8073
flink          Flink inside Beam's job server               job endpoint localhost:8099
flink-cluster  a Flink session cluster and a job server     job endpoint localhost:8099, web 8081
spark          Spark inside Beam's job server               job endpoint localhost:8199
spark-cluster  a Spark master, a worker and a job server    job endpoint localhost:8199, web 8080
workers        a pool of Python workers, for                localhost:50000
               --environment_type EXTERNAL
versitygw      a store that speaks S3                       http://127.0.0.1:7070
airflow        Airflow in an environment of its own         (install only)

install uses go, mvn and pip, as they are set up here; what is there already stays. start waits
until all of it answers, and says what to pass to `python -m beam_pipeline`. path prints the folders
of an engine. Prism and Beam's job servers listen on all interfaces and offer no choice: keep them
behind a firewall. The rest listens on loopback.

environment:
  ENGINES_FOLDER  what is installed              (default: ~/.cache/review-shards/engines)
  RUN_FOLDER      logs, process ids and data     (default: ENGINES_FOLDER/run)
  PORT            the job endpoint, the pool or the store     (default: as above)
  WEB_PORT        the page of a cluster                       (default: as above)
  CLUSTER_PORT    where a cluster's processes meet  (default: 6123 for Flink, 7077 for Spark)
  TASK_MANAGERS   task managers of a Flink cluster            (default: 2)
  SLOTS           task slots of each, or cores of Spark (default: 1 for Flink, all for Spark)
  PYTHON          the Python of the workers, and of pip       (default: python3)
  START_SECONDS   how long to wait for an answer              (default: 90)
TEXT
}

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
folder=${ENGINES_FOLDER:-$HOME/.cache/review-shards/engines}
state=${RUN_FOLDER:-$folder/run}
python=${PYTHON:-python3}
if [[ $python == */* ]]; then  # Processes run in folders of their own.
  python=$(cd "$(dirname "$python")" && pwd)/$(basename "$python")
fi
# shellcheck source=deploy/local/processes.sh
source "$here/processes.sh"
# shellcheck source=deploy/local/install.sh
source "$here/install.sh"
# shellcheck source=deploy/local/start.sh
source "$here/start.sh"

engines=(prism flink flink-cluster spark spark-cluster workers versitygw airflow)

# Half an engine is none.
start_engine() {
  local name
  for name in $(processes_of "$1"); do
    if is_running "$name"; then fail "$name runs already: stop $1 first"; fi
  done
  need "$1"
  trap 'stop_engine "$engine"' EXIT
  "start_${1//-/_}"
  trap - EXIT
}

stop_engine() {
  local name
  for name in $(processes_of "$1" | tac -s ' '); do
    stop "$name"
  done
}

status_of_engine() {
  local name
  for name in $(processes_of "$1"); do
    if is_running "$name"; then echo "$name runs"; else echo "$name does not run"; fi
  done
}

path_of_engine() {
  local component
  need "$1"
  for component in $(components_of "$1"); do
    folder_of "$component"
  done
}

action=${1:---help}
shift || true
if [[ $action == -h || $action == --help ]]; then
  usage
  exit
fi
[[ "$*" == all && $action == install ]] && set -- "${engines[@]}"
if [[ $action != @(install|start|stop|status|path) || $# -eq 0 ]]; then
  usage >&2
  exit 2
fi
for engine in "$@"; do
  if [[ " ${engines[*]} " != *" $engine "* ]]; then
    usage >&2
    exit 2
  fi
done
mkdir -p "$folder" "$state"
for engine in "$@"; do
  case $action in
    install) install_engine "$engine" ;;
    start) start_engine "$engine" ;;
    stop) stop_engine "$engine" ;;
    status) status_of_engine "$engine" ;;
    path) path_of_engine "$engine" ;;
  esac
done
