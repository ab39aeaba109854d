"""The manifests of deploy/, and the pods that they make."""

from __future__ import annotations

from collections.abc import Iterator
from copy import deepcopy
from functools import cache
from typing import Any

import yaml

from tests.paths import ROOT

DEPLOY = ROOT / "deploy"
MANIFESTS = sorted([*DEPLOY.rglob("*.yaml"), *DEPLOY.rglob("*.yml")])


@cache
def documents() -> list[tuple[str, dict[str, Any]]]:
    """Return every object in the manifests, with a name for messages."""
    return [
        (f"{path.relative_to(ROOT)}: {document['kind']}", document)
        for path in MANIFESTS
        for document in yaml.safe_load_all(path.read_text())
    ]


def of_kind(kind: str) -> list[dict[str, Any]]:
    return [document for _, document in documents() if document["kind"] == kind]


def pods() -> list[tuple[str, dict[str, Any]]]:
    """Return the spec of each pod that the manifests make, with a name for messages."""
    return [
        (f"{name}{suffix}", pod)
        for name, document in documents()
        for suffix, pod in _pods_of(document)
    ]


def _pods_of(document: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    spec = document.get("spec", {})
    if document["kind"] == "Pod":
        yield "", spec
    elif document["kind"] == "Job":
        yield "", spec["template"]["spec"]
    elif document["kind"] == "CronJob":
        yield "", spec["jobTemplate"]["spec"]["template"]["spec"]
    elif document["kind"] == "FlinkDeployment":
        for role in ("jobManager", "taskManager"):
            yield f" {role}", _flink_pod(spec, role)


def _flink_pod(spec: dict[str, Any], role: str) -> dict[str, Any]:
    """Return a pod as the operator completes it: image and resources of Flink's own container."""
    pod: dict[str, Any] = deepcopy(spec[role]["podTemplate"]["spec"])
    main = next(c for c in pod["containers"] if c["name"] == "flink-main-container")
    main["image"] = spec["image"]
    main["resources"] = {"requests": spec[role]["resource"], "limits": spec[role]["resource"]}
    return pod


def settings() -> dict[str, str]:
    """Return the ConfigMap that containers take their variables from."""
    (config,) = of_kind("ConfigMap")
    values: dict[str, str] = config["data"]
    return values


def arguments_of(container: dict[str, Any]) -> list[str]:
    """Return a container's arguments, with $(NAME) replaced as Kubernetes does."""
    arguments = [str(argument) for argument in container.get("args", [])]
    for name, value in settings().items():
        arguments = [argument.replace(f"$({name})", value) for argument in arguments]
    return arguments
