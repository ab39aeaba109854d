# shellcheck shell=bash disable=SC2034  # Folders are read by name.
# Install engines by go, mvn and pip, each into a folder that is named by its version. Sourced by
# engines.sh, which sets these: its own folder, that of the engines, and the Python.
: "${here:?}" "${folder:?}" "${python:?}"

# Prism is of the Beam that the job uses. Job servers may be older: the protocol is stable.
PRISM_VERSION=${PRISM_VERSION:-2.77.0}
JOB_SERVER_VERSION=${JOB_SERVER_VERSION:-2.62.0}
FLINK_VERSION=${FLINK_VERSION:-1.19.3}
SPARK_VERSION=${SPARK_VERSION:-3.5.8}
VERSITYGW_VERSION=${VERSITYGW_VERSION:-1.8.0}
AIRFLOW_VERSION=${AIRFLOW_VERSION:-3.3.2}

# A job server is made for one minor version of Flink.
flink_minor=${FLINK_VERSION%.*}

prism_folder=$folder/prism-$PRISM_VERSION
flink_folder=$folder/flink-$FLINK_VERSION
flink_job_server_folder=$folder/flink-$flink_minor-job-server-$JOB_SERVER_VERSION
spark_folder=$folder/spark-$SPARK_VERSION
spark_job_server_folder=$folder/spark-job-server-$JOB_SERVER_VERSION
versitygw_folder=$folder/versitygw-$VERSITYGW_VERSION
airflow_folder=$folder/airflow-$AIRFLOW_VERSION

# components_of ENGINE: what has to be installed for it; nothing for the pool of workers, which is
# the Python's own.
components_of() {
  case $1 in
    flink | flink-cluster) echo "flink flink_job_server" ;;
    spark | spark-cluster) echo "spark spark_job_server" ;;
    workers) ;;
    *) echo "$1" ;;
  esac
}

folder_of() {
  local variable=$1_folder
  echo "${!variable}"
}

# need ENGINE: stop with the command that installs it unless it is there.
need() {
  local component
  for component in $(components_of "$1"); do
    [[ -d $(folder_of "$component") ]] ||
      fail "$1 is not installed: run deploy/local/engines.sh install $1"
  done
}

# install_engine ENGINE: install what of it is not there. A folder has its name when it is whole;
# two installations at a time wait for each other.
install_engine() {
  local component target
  for component in $(components_of "$1"); do
    target=$(folder_of "$component")
    (
      flock 9
      if [[ ! -d $target ]]; then
        echo "installing ${target##*/}"
        rm -rf "$target.part"
        mkdir "$target.part"
        "install_$component" "$target.part"
        mv "$target.part" "$target"
      fi
    ) 9>"$folder/.lock"
  done
}

need_program() {
  command -v "$1" >/dev/null || fail "no $1 on the PATH: install $2"
}

install_prism() {
  install_go_program "$1" "github.com/apache/beam/sdks/v2/go/cmd/prism@v$PRISM_VERSION"
}

install_versitygw() {
  install_go_program "$1" "github.com/versity/versitygw/cmd/versitygw@v$VERSITYGW_VERSION"
}

install_go_program() {
  need_program go "Go 1.25 or later"
  GOBIN=$1 go install "$2"
}

# The cluster's jars, as PyPI has them: a source distribution that is only unpacked.
install_flink() {
  need_program "$python" "Python"
  "$python" -m pip download --quiet --disable-pip-version-check --no-deps --dest "$1" \
    "apache-flink-libraries==$FLINK_VERSION"
  tar -xzf "$1"/*.tar.gz -C "$1" --strip-components=2 --wildcards '*/deps/lib' '*/deps/licenses'
  rm "$1"/*.tar.gz
}

install_flink_job_server() {
  install_job_server flink "$1" -Dflink.minor="$flink_minor"
}

install_spark() {
  need_program "$python" "Python"
  "$python" -m venv "$1"
  "$1/bin/python" -m pip install --quiet --disable-pip-version-check "pyspark==$SPARK_VERSION"
}

install_spark_job_server() {
  install_job_server spark "$1"
}

# install_job_server ENGINE FOLDER ...: make one jar, job-server.jar, with all that it needs.
install_job_server() {
  need_program mvn "Maven and a JDK, 11 or later"
  mvn --quiet --batch-mode --file "$here/$1/pom.xml" -Djob.server.folder="$2" \
    -Dbeam.version="$JOB_SERVER_VERSION" "${@:3}" package
  find "$2" -mindepth 1 ! -name job-server.jar -delete
}

install_airflow() {
  need_program "$python" "Python"
  "$python" -m venv "$1"
  "$1/bin/python" -m pip install --quiet --disable-pip-version-check \
    "apache-airflow==$AIRFLOW_VERSION" apache-airflow-providers-standard
  # Its scripts name their interpreter by the folder that they were made in.
  find "$1/bin" -type f -exec sed -i "1s|^#!$1/|#!$airflow_folder/|" {} +
}
