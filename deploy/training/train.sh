#!/usr/bin/env bash
# Train with a fixed number of rows in each step, for any number of processes. `--help` says how.
set -euo pipefail

usage() {
  cat <<'TEXT'
usage: torchrun [...] --no-python train --dataset URL --output_dir DIR [OPTION ...]

Started by torchrun in each process, it chooses --gradient_accumulation_steps so that a step reads
GLOBAL_BATCH rows: with other nodes after a failure, the run goes on over the same samples.

environment:
  GLOBAL_BATCH   rows in a step                                          (default: 256)
  DEVICE_BATCH   rows that a process computes at once                     (default: 32)
  WORLD_SIZE     number of processes: torchrun sets it
TEXT
}

if [[ $# -eq 0 || $1 == -h || $1 == --help ]]; then
  usage
  exit
fi
: "${WORLD_SIZE:?WORLD_SIZE is not set: start this with torchrun --no-python, see --help}"
global_batch=${GLOBAL_BATCH:-256}
device_batch=${DEVICE_BATCH:-32}
at_once=$((device_batch * WORLD_SIZE))
if ((global_batch % at_once)); then
  echo "error: GLOBAL_BATCH $global_batch is no multiple of DEVICE_BATCH $device_batch times" \
    "$WORLD_SIZE processes: choose a DEVICE_BATCH that divides it for every number of nodes" >&2
  exit 2
fi

exec python -m training "$@" \
  --per_device_train_batch_size "$device_batch" \
  --gradient_accumulation_steps "$((global_batch / at_once))" \
  --resume_from_checkpoint last
