# shellcheck shell=bash
# Start, await and stop processes. Sourced by engines.sh, which sets the folder of their state.
: "${state:?}"

fail() {
  echo "error: $*" >&2
  exit 1
}

# is_running NAME: whether the process that was started by that name still runs. Its start time is
# compared, too: the number of a process that ended may be another's by now.
is_running() {
  local pid started
  [[ -f $state/$1.pid ]] || return 1
  read -r pid started <"$state/$1.pid"
  [[ -n $started && "$(started_at "$pid")" == "$started" ]]
}

# started_at PID: when a process started, nothing for one that has ended. That is field 22 of its
# status, counted behind the name in brackets, which may hold spaces.
started_at() {
  sed 's/.*) //' "/proc/$1/stat" 2>/dev/null | awk '$1 != "Z" { print $20 }'
}

answers() {
  (exec 3<>"/dev/tcp/127.0.0.1/$1") 2>/dev/null
}

# need_free PORT: two servers on one port need not notice each other (SO_REUSEPORT), and share out
# what comes in.
need_free() {
  if answers "$1"; then
    fail "something answers on port $1 already: stop it, or choose another PORT"
  fi
}

# start_on PORT NAME COMMAND ...: start a process in a session of its own, and wait until it
# listens there; with an empty port it is not awaited. Its output goes to NAME.log.
start_on() {
  local port=$1 name=$2
  shift 2
  if [[ -n $port ]]; then need_free "$port"; fi
  (cd "$state" && exec setsid "$@") >"$state/$name.log" 2>&1 </dev/null &
  echo "$! $(started_at $!)" >"$state/$name.pid"
  if [[ -n $port ]]; then await "$name" "$port"; fi
}

# await NAME PORT: return when the process listens there.
await() {
  await_that "$1" "did not come up on port $2" answers "$2"
}

# await_line NAME TEXT: return when the process has logged it.
await_line() {
  await_that "$1" "did not say \"$2\"" grep -q "$2" "$state/$1.log"
}

# await_that NAME FAILURE COMMAND ...: return when the command succeeds.
await_that() {
  local name=$1 failure=$2 end=$((SECONDS + ${START_SECONDS:-90}))
  until "${@:3}"; do
    if ! is_running "$name" || ((SECONDS >= end)); then
      tail -n 5 "$state/$name.log" >&2
      fail "$name $failure: $state/$name.log says why"
    fi
    sleep 0.2
  done
}

# stop NAME: end the process and its children, gently first; nothing where none runs.
stop() {
  local name=$1 pid end=$((SECONDS + 15))
  if is_running "$name"; then
    read -r pid _ <"$state/$name.pid"
    kill -TERM -- "-$pid"
    while is_running "$name" && ((SECONDS < end)); do
      sleep 0.1
    done
    # What it had started may outlive it.
    kill -KILL -- "-$pid" 2>/dev/null || true
  fi
  rm -f "$state/$name.pid"
}
