# shellcheck shell=bash
# Start each engine, and say what a job passes to run there. Sourced by engines.sh.
: "${state:?}" "${python:?}" "${prism_folder:?}" "${flink_folder:?}" "${flink_job_server_folder:?}"
: "${versitygw_folder:?}" "${spark_folder:?}" "${spark_job_server_folder:?}" "${here:?}"

# processes_of ENGINE: its processes, in the order in which they start.
processes_of() {
  local number
  case $1 in
    flink) echo "flink-job-server" ;;
    flink-cluster)
      echo "flink-job-manager"
      for ((number = 1; number <= ${TASK_MANAGERS:-2}; number++)); do
        echo "flink-task-manager-$number"
      done
      echo "flink-job-server"
      ;;
    spark) echo "spark-job-server" ;;
    spark-cluster) echo "spark-master spark-worker spark-job-server" ;;
    airflow) ;;
    *) echo "$1" ;;
  esac
}

say_endpoint() {
  echo "pass: --runner PortableRunner --job_endpoint localhost:$1 --environment_type LOOPBACK"
}

start_prism() {
  local port=${PORT:-8073}
  start_on "$port" prism "$prism_folder/prism" --job_port="$port" --serve_http=false
  say_endpoint "$port"
}

# Flink looks into the JDK's own packages; this is the list of its default configuration.
flink_java() {
  local opens=(
    --add-exports=java.base/sun.net.util=ALL-UNNAMED
    --add-exports=java.rmi/sun.rmi.registry=ALL-UNNAMED
    --add-exports=java.security.jgss/sun.security.krb5=ALL-UNNAMED
  )
  local package
  for package in java.lang java.net java.io java.nio sun.nio.ch java.lang.reflect java.text \
    java.time java.util java.util.concurrent java.util.concurrent.atomic \
    java.util.concurrent.locks; do
    opens+=("--add-opens=java.base/$package=ALL-UNNAMED")
  done
  # One machine's cores are for the work: small heaps, and a compiler that is done soon.
  printf '%s\n' java "${opens[@]}" -XX:+UseSerialGC -XX:TieredStopAtLevel=1 \
    -Dlog4j2.configurationFile="$here/flink/log4j2.properties" "$@"
}

# start_flink_java PORT NAME OPTION ...: start one of Flink's processes.
start_flink_java() {
  local command
  mapfile -t command < <(flink_java "${@:3}")
  start_on "$1" "$2" "${command[@]}"
}

# start_flink_job_server MASTER MEMORY
start_flink_job_server() {
  local port=${PORT:-8099} jar
  jar=$(unsent_job_server)
  # Task managers see its artifacts, since all are on this machine.
  start_flink_java "$port" flink-job-server "-Xmx$2" \
    -cp "$jar:$(printf '%s:' "$flink_folder"/lib/log4j*.jar)" \
    org.apache.beam.runners.flink.FlinkJobServerDriver --flink-master="$1" \
    --job-host=localhost --job-port="$port" --artifact-port=0 --expansion-port=0 \
    --artifacts-dir="$state/artifacts"
  say_endpoint "$port"
}

# unsent_job_server: a name of the job server's jar that Beam does not send with each job, as it
# does with whatever else is on its class path: it leaves out what lies below `gradle/wrapper`.
# Every process of Flink has the jar here. To send 157 MB, and to load its classes again, would take
# most of the time that Flink takes besides the job's work.
unsent_job_server() {
  local unsent=$flink_job_server_folder/gradle/wrapper
  mkdir -p "$unsent"
  ln -f "$flink_job_server_folder/job-server.jar" "$unsent"
  echo "$unsent/job-server.jar"
}

start_flink() {
  start_flink_job_server '[local]' 2g
}

start_flink_cluster() {
  local web=${WEB_PORT:-8081} number
  need_free "$web"
  mkdir -p "$state/flink-conf" "$state/tmp"
  cat >"$state/flink-conf/config.yaml" <<TEXT
jobmanager.rpc.address: localhost
jobmanager.rpc.port: ${CLUSTER_PORT:-6123}
jobmanager.bind-host: localhost
jobmanager.memory.process.size: 1g
rest.address: localhost
rest.bind-address: localhost
rest.port: $web
taskmanager.host: localhost
taskmanager.bind-host: localhost
taskmanager.numberOfTaskSlots: ${SLOTS:-1}
taskmanager.cpu.cores: ${SLOTS:-1}
taskmanager.memory.framework.heap.size: 128m
taskmanager.memory.framework.off-heap.size: 128m
taskmanager.memory.jvm-metaspace.size: 256m
taskmanager.memory.jvm-overhead.min: 128m
taskmanager.memory.jvm-overhead.max: 128m
taskmanager.memory.task.heap.size: 512m
taskmanager.memory.task.off-heap.size: 0m
taskmanager.memory.managed.size: 256m
taskmanager.memory.network.min: $((64 * ${SLOTS:-1}))m
taskmanager.memory.network.max: $((64 * ${SLOTS:-1}))m
io.tmp.dirs: $state/tmp
restart-strategy.type: fixed-delay
restart-strategy.fixed-delay.attempts: 3
restart-strategy.fixed-delay.delay: 5 s
heartbeat.interval: 3000
# An uber jar brings what Beam is made of once more: loaded twice, it breaks the next job.
classloader.parent-first-patterns.additional: org.apache.beam.vendor.
TEXT
  # They find each other, in whatever order they come up.
  start_flink_part flink-job-manager \
    org.apache.flink.runtime.entrypoint.StandaloneSessionClusterEntrypoint
  for ((number = 1; number <= ${TASK_MANAGERS:-2}; number++)); do
    start_flink_part "flink-task-manager-$number" \
      org.apache.flink.runtime.taskexecutor.TaskManagerRunner
  done
  start_flink_job_server "localhost:$web" 1g
  await flink-job-manager "$web"
  for ((number = 1; number <= ${TASK_MANAGERS:-2}; number++)); do
    await_line "flink-task-manager-$number" "Successful registration at resource manager"
  done
}

# start_flink_part NAME CLASS
start_flink_part() {
  # Beam's classes come last: Flink's own are those of the cluster.
  start_flink_java "" "$1" -Xmx768m \
    -cp "$(printf '%s:' "$flink_folder"/lib/*.jar)$flink_job_server_folder/job-server.jar" "$2" \
    --configDir "$state/flink-conf"
}

# Spark looks into the JDK's own packages; this is the list of its own launcher.
spark_java() {
  local opens=() package
  for package in java.lang java.lang.invoke java.lang.reflect java.io java.net java.nio java.util \
    java.util.concurrent java.util.concurrent.atomic jdk.internal.ref sun.nio.ch sun.nio.cs \
    sun.security.action sun.util.calendar; do
    opens+=("--add-opens=java.base/$package=ALL-UNNAMED")
  done
  opens+=(--add-opens=java.security.jgss/sun.security.krb5=ALL-UNNAMED)
  # It would choose another interface than loopback.
  printf '%s\n' env SPARK_LOCAL_IP=127.0.0.1 SPARK_HOME="$(spark_home)" SPARK_SCALA_VERSION=2.12 \
    SPARK_WORKER_DIR="$state/work" SPARK_LOCAL_DIRS="$state/tmp" java "${opens[@]}" \
    -XX:+IgnoreUnrecognizedVMOptions -Djdk.reflect.useDirectMethodHandle=false \
    -XX:+UseSerialGC -XX:TieredStopAtLevel=1 "$@"
}

spark_home() {
  echo "$spark_folder"/lib/python3*/site-packages/pyspark
}

# start_spark_java PORT NAME OPTION ...: start one of Spark's processes.
start_spark_java() {
  local command
  mkdir -p "$state/tmp"
  mapfile -t command < <(spark_java "${@:3}")
  start_on "$1" "$2" "${command[@]}"
}

# start_spark_job_server MASTER MEMORY HAS_PAGE
start_spark_job_server() {
  local port=${PORT:-8199}
  start_spark_java "$port" spark-job-server "-Xmx$2" -Dspark.ui.enabled="$3" \
    -cp "$spark_job_server_folder/job-server.jar:$(spark_home)/jars/*" \
    org.apache.beam.runners.spark.SparkJobServerDriver --spark-master-url="$1" \
    --job-host=localhost --job-port="$port" --artifact-port=0 --expansion-port=0 \
    --artifacts-dir="$state/artifacts"
  say_endpoint "$port"
}

start_spark() {
  start_spark_job_server "local[${SLOTS:-$(nproc)}]" 2g false
}

start_spark_cluster() {
  local web=${WEB_PORT:-8080} port=${CLUSTER_PORT:-7077}
  need_free "$web"
  start_spark_java "$port" spark-master -Xmx512m -cp "$(spark_home)/jars/*" \
    org.apache.spark.deploy.master.Master --host 127.0.0.1 --port "$port" --webui-port "$web"
  start_spark_java "" spark-worker -Xmx512m -cp "$(spark_home)/jars/*" \
    org.apache.spark.deploy.worker.Worker --host 127.0.0.1 --cores "${SLOTS:-$(nproc)}" \
    --memory 2g --webui-port 0 "spark://127.0.0.1:$port"
  start_spark_job_server "spark://127.0.0.1:$port" 1g true
  # Else executors are sent the jars of Spark, too, which they have: 250 of them.
  echo "pass: --files_to_stage $spark_job_server_folder/job-server.jar"
  await_line spark-worker "Successfully registered with master"
}

start_workers() {
  local port=${PORT:-50000} program
  program=$(command -v "$python")
  "$program" -c 'import beam_pipeline' || fail "$python has no review-shards"
  start_on "$port" workers "$program" -m beam_pipeline.engines.worker_pool --port="$port"
  echo "pass: --environment_type EXTERNAL --environment_config localhost:$port"
  # Kept for the next stage of the job. Not for longer: work that an engine tries again would meet
  # the worker that has died.
  echo "pass: --environment_cache_millis 2000"
}

start_versitygw() {
  local port=${PORT:-7070} variables=$state/versitygw.env secret=$state/versitygw.secret
  if [[ ! -f $secret ]]; then
    (umask 077 && od -An -N16 -tx1 /dev/urandom | tr -d ' \n' >"$secret")
  fi
  # At each start, since the port may be another one.
  (
    umask 077
    printf 'export AWS_ACCESS_KEY_ID=review-shards AWS_SECRET_ACCESS_KEY=%s %s %s\n' \
      "$(<"$secret")" "AWS_ENDPOINT_URL=http://127.0.0.1:$port" "AWS_DEFAULT_REGION=us-east-1" \
      >"$variables"
  )
  # shellcheck disable=SC1090  # Written above.
  source "$variables"
  mkdir -p "$state/versitygw"
  ROOT_ACCESS_KEY=$AWS_ACCESS_KEY_ID ROOT_SECRET_KEY=$AWS_SECRET_ACCESS_KEY \
    start_on "$port" versitygw "$versitygw_folder/versitygw" --port "127.0.0.1:$port" --quiet \
    --keep-alive posix "$state/versitygw"
  echo "source $variables"
}
