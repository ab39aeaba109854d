"""Manifests are what Kubernetes and the operators take, and safe as they are."""

from __future__ import annotations

import importlib.metadata
import re
from typing import Any

import kubernetes_validate
import pytest

from tests.deploy.manifests import ROOT, documents, of_kind, pods

# The oldest version with all that is used here: a Job's success policy is on from 1.31.
_KUBERNETES = ["1.31", "1.37"]
_SECRET_NAMES = re.compile(r"(?i)(secret|password|token|access_?key|credential)")


def test_there_is_a_manifest_for_every_place() -> None:
    kinds = sorted({document["kind"] for _, document in documents()})
    assert kinds == [
        "ConfigMap", "CronJob", "FlinkDeployment", "Job", "NetworkPolicy", "Pod", "Service",
        "ServiceAccount",
    ]  # fmt: skip
    assert len(pods()) == 5


@pytest.mark.parametrize("version", _KUBERNETES)
@pytest.mark.parametrize(
    ("name", "document"),
    # A custom resource has no schema there; its pods do, below.
    [(name, document) for name, document in documents() if document["kind"] != "FlinkDeployment"],
)
def test_each_object_fits_the_schema_of_kubernetes(
    name: str, document: dict[str, Any], version: str
) -> None:
    kubernetes_validate.validate(document, version, strict=True)


@pytest.mark.parametrize("version", _KUBERNETES)
@pytest.mark.parametrize(("name", "pod"), pods())
def test_each_pod_fits_the_schema_of_kubernetes(
    name: str, pod: dict[str, Any], version: str
) -> None:
    whole = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "a-pod"}, "spec": pod}
    kubernetes_validate.validate(whole, version, strict=True)


def test_the_schemas_find_a_misspelt_field() -> None:
    pod = {"containers": [{"name": "a", "imagePulPolicy": "Always"}]}
    with pytest.raises(kubernetes_validate.ValidationError, match="imagePulPolicy"):
        test_each_pod_fits_the_schema_of_kubernetes("a misspelt pod", pod, _KUBERNETES[0])


def test_the_flink_deployment_has_what_its_operator_reads() -> None:
    (flink,) = of_kind("FlinkDeployment")
    spec = flink["spec"]
    assert flink["apiVersion"] == "flink.apache.org/v1beta1"
    assert set(spec) == {
        "mode", "image", "flinkVersion", "serviceAccount", "flinkConfiguration",
        "jobManager", "taskManager",
    }  # fmt: skip
    assert all(isinstance(value, str) for value in spec["flinkConfiguration"].values())
    for role in ("jobManager", "taskManager"):
        assert set(spec[role]) == {"resource", "podTemplate"}
        assert re.fullmatch(r"\d+m", spec[role]["resource"]["memory"])
    # Tags of Flink's images begin with its version, which the operator and the job are told, too.
    major_minor = ".".join(spec["image"].split(":")[1].split(".")[:2])
    assert spec["flinkVersion"] == f"v{major_minor.replace('.', '_')}"


def test_the_job_and_its_cluster_agree() -> None:
    """A wrong number here is a job that waits for slots, or workers that share one process."""
    from apache_beam.options.pipeline_options import FlinkRunnerOptions

    (flink,) = of_kind("FlinkDeployment")
    (job,) = of_kind("CronJob")
    (launcher,) = job["spec"]["jobTemplate"]["spec"]["template"]["spec"]["containers"]
    given = dict(argument.lstrip("-").partition("=")[::2] for argument in launcher["args"])
    configuration = flink["spec"]["flinkConfiguration"]
    assert given["flink_master"] == f"http://{flink['metadata']['name']}-rest:8081"
    assert flink["spec"]["flinkVersion"] == f"v{given['flink_version'].replace('.', '_')}"
    assert given["flink_version"] in FlinkRunnerOptions.PUBLISHED_FLINK_VERSIONS
    assert given["sdk_worker_parallelism"] == configuration["taskmanager.numberOfTaskSlots"]
    assert int(given["parallelism"]) <= int(configuration["slotmanager.number-of-slots.max"])
    template = flink["spec"]["taskManager"]["podTemplate"]["spec"]
    (pool,) = (c for c in template["containers"] if c.get("args") == ["--worker_pool"])
    assert given["environment_config"] == f"localhost:{pool['ports'][0]['containerPort']}"


@pytest.mark.parametrize(("name", "pod"), pods())
def test_nothing_runs_as_root_or_writes_outside_its_volumes(name: str, pod: dict[str, Any]) -> None:
    assert pod["securityContext"]["runAsNonRoot"] is True
    assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    assert not {"hostNetwork", "hostPID", "hostIPC"} & set(pod)
    for volume in pod["volumes"]:
        assert "hostPath" not in volume
        assert "sizeLimit" in volume.get("emptyDir", {"sizeLimit": None}), volume
    for container in pod["containers"]:
        context = container["securityContext"]
        user = context.get("runAsUser", pod["securityContext"].get("runAsUser"))
        assert user, f"{container['name']} runs as whatever user its image names"
        assert context["readOnlyRootFilesystem"] is True
        assert context["allowPrivilegeEscalation"] is False
        assert context["capabilities"] == {"drop": ["ALL"]}
        assert not context.get("privileged")
        assert "/tmp" in {mount["mountPath"] for mount in container["volumeMounts"]}


@pytest.mark.parametrize(("name", "pod"), pods())
def test_every_container_has_limits(name: str, pod: dict[str, Any]) -> None:
    for container in pod["containers"]:
        if container["name"] == "executor":
            continue  # Spark writes them, from spark.executor.memory and spark.executor.cores.
        resources = container["resources"]
        assert {"cpu", "memory"} <= set(resources["limits"])
        assert {"cpu", "memory"} <= set(resources["requests"])


@pytest.mark.parametrize(("name", "pod"), pods())
def test_only_the_job_manager_may_speak_to_kubernetes(name: str, pod: dict[str, Any]) -> None:
    assert pod.get("automountServiceAccountToken", True) is name.endswith("jobManager")


def test_no_secret_is_in_a_manifest() -> None:
    assert of_kind("Secret") == []
    for name, pod in pods():
        for container in pod["containers"]:
            for variable in container.get("env", []):
                found = _SECRET_NAMES.search(variable["name"])
                assert not found or "valueFrom" in variable, f"{name} has {variable['name']}"
    for path in (ROOT / "deploy").rglob("*"):
        if path.is_file() and "__pycache__" not in path.parts:
            assert not re.search(r"AKIA[0-9A-Z]{16}|BEGIN [A-Z ]*PRIVATE KEY", path.read_text())


def test_images_have_a_version() -> None:
    """`latest` would change a dataset's workers between two nights."""
    ours = {
        container["image"]
        for _, pod in pods()
        for container in pod["containers"]
        if "review-shards/" in container.get("image", "")
    }
    version = re.search(r'version="(.+?)"', (ROOT / "setup.py").read_text())
    assert version
    assert {image.rpartition("/")[2] for image in ours} == {
        f"{image}:{version[1]}" for image in ("worker", "launcher", "trainer")
    }
    (flink,) = of_kind("FlinkDeployment")
    assert re.fullmatch(r"flink:\d+\.\d+\.\d+-.+", flink["spec"]["image"])


def test_beam_is_the_same_everywhere() -> None:
    """What Beam sends is pickled: another version at the other end is not sure to read it."""
    beam = importlib.metadata.version("apache-beam")
    pattern = re.compile(r"beam_\w+?(?:\.\d+)?(?:_sdk|_job_server):(\d[\d.]*\d)|v(2\.\d+\.\d)-prism"
                         r"|job-server-(\d[\d.]*\d)\.jar|Beam (\d+\.\d+)")  # fmt: skip
    found = {
        (path.name, next(filter(None, match.groups())))
        for path in (ROOT / "deploy").rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
        for match in pattern.finditer(path.read_text())
    }
    assert len(found) >= 4
    assert {version for _, version in found} <= {beam, beam.rpartition(".")[0]}, found
