# shellcheck shell=bash
# Fetch files, and start, await and stop processes. Sourced by engine.sh, which sets these: the
# table of files, and two folders.
: "${artifacts:?}" "${downloads:?}" "${state:?}"

fail() {
  echo "error: $*" >&2
  exit 1
}

# file_of NAME: where the file of that name in the table lies, or will.
file_of() {
  local url
  url=$(awk -v name="$1" '$1 == name { print $3 }' "$artifacts")
  [[ -n $url ]] || fail "$artifacts has no line for $1"
  echo "$downloads/${url##*/}"
}

# fetch NAME: download the file unless it is there, and compare its hash with the table's.
fetch() {
  local name=$1 file url expected actual
  file=$(file_of "$name")
  read -r expected url < <(awk -v name="$name" '$1 == name { print $2, $3 }' "$artifacts")
  if [[ ! -f $file ]]; then
    echo "fetching $url"
    curl --fail --location --silent --show-error --retry 3 --output "$file.part" "$url" ||
      fail "cannot fetch $url"
    mv "$file.part" "$file"
  fi
  actual=$(sha256sum "$file" | cut -d ' ' -f 1)
  if [[ $expected == - && -n ${PIN:-} ]]; then
    awk -v name="$name" -v hash="$actual" '$1 == name { $2 = hash } { print }' "$artifacts" \
      >"$artifacts.part"
    cat "$artifacts.part" >"$artifacts"
    rm "$artifacts.part"
  elif [[ $expected == - ]]; then
    fail "no sha256 of $name is pinned yet; its file has $actual: compare it with the" \
      "publisher's, and run this again with PIN=1, which writes it into $artifacts"
  elif [[ $actual != "$expected" ]]; then
    rm "$file"
    fail "$url has sha256 $actual, not $expected: it was damaged or replaced, and is removed again"
  fi
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

# start NAME COMMAND ...: start a process in a session of its own; its output goes to NAME.log.
start() {
  local name=$1
  shift
  setsid "$@" >"$state/$name.log" 2>&1 </dev/null &
  echo "$! $(started_at $!)" >"$state/$name.pid"
}

# await NAME PORT: return when the process listens there.
await() {
  local name=$1 port=$2 end=$((SECONDS + ${START_SECONDS:-90}))
  until (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null; do
    if ! is_running "$name" || ((SECONDS >= end)); then
      tail -n 5 "$state/$name.log" >&2
      fail "$name did not come up on port $port: $state/$name.log says why"
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
    if is_running "$name"; then
      kill -KILL -- "-$pid"
    fi
  fi
  rm -f "$state/$name.pid"
}
