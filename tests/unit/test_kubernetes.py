"""The manifests for Kubernetes: right by its own schemas, complete, and closed up."""

from __future__ import annotations

import shutil
import subprocess
import tomllib
from pathlib import Path
from typing import Any

import kubernetes_validate
import pytest
import yaml

from hilum import settings

FOLDER = Path(__file__).parents[2] / "deploy" / "kubernetes"
BASE = FOLDER / "base"
FILES = sorted(path.name for path in BASE.glob("*.yaml") if path.name != "kustomization.yaml")
VERSION = "1.32"


def documents(text: str) -> list[dict[str, Any]]:
    """Return the objects of a file."""
    return [found for found in yaml.safe_load_all(text) if found]


def workloads() -> list[dict[str, Any]]:
    """Return the objects that run something."""
    found = [one for name in FILES for one in documents((BASE / name).read_text())]
    return [one for one in found if one["kind"] == "Deployment"]


def containers(workload: dict[str, Any]) -> list[dict[str, Any]]:
    """Return all of its containers."""
    pod = workload["spec"]["template"]["spec"]
    return [*pod.get("initContainers", []), *pod["containers"]]


def check(found: dict[str, Any]) -> None:
    """Check an object by the schema of its kind, unknown keys included; KEDA's kind by what its manual says."""
    if found["kind"] != "ScaledObject":
        kubernetes_validate.validate(found, VERSION, strict=True)
        return
    spec = found["spec"]
    assert set(spec) == {
        "scaleTargetRef", "minReplicaCount", "maxReplicaCount", "pollingInterval", "cooldownPeriod", "triggers",
    }  # fmt: skip
    (trigger,) = spec["triggers"]
    assert trigger["type"] == "postgresql"
    assert set(trigger["metadata"]) == {"connectionFromEnv", "targetQueryValue", "query"}
    assert all(isinstance(value, str) for value in trigger["metadata"].values())


@pytest.mark.parametrize("name", FILES)
def test_every_object_is_as_kubernetes_wants_it(name: str) -> None:
    """By the schemas of a version of it, without a cluster."""
    for found in documents((BASE / name).read_text()):
        check(found)


def test_a_wrong_key_would_be_found() -> None:
    """The check above can fail."""
    (wrong, *_) = workloads()
    wrong["spec"]["replica"] = 2
    with pytest.raises(kubernetes_validate.ValidationError):
        check(wrong)


def test_no_file_is_forgotten() -> None:
    """What lies in the base is listed there."""
    assert yaml.safe_load((BASE / "kustomization.yaml").read_text())["resources"] == FILES


@pytest.mark.peers
@pytest.mark.parametrize("name", ["base", "overlays/gpu", "overlays/s3"])
def test_kustomize_puts_it_together(name: str) -> None:
    """And what comes out is right as well; each pod finds the settings, and those of s3 no volume of films."""
    kubectl = shutil.which("kubectl")
    if kubectl is None:  # in CI, too: no package of Debian's stable release has one that is new enough
        pytest.skip("kubectl is missing; install version 1.27 or newer")
    made = subprocess.run([kubectl, "kustomize", FOLDER / name], check=True, capture_output=True, text=True).stdout
    found = documents(made)
    for one in found:
        check(one)
    (settings_name,) = [one["metadata"]["name"] for one in found if one["kind"] == "ConfigMap"]
    assert settings_name.startswith("hilum-")
    assert made.count(f"name: {settings_name}") == 1 + len(workloads())
    assert ("hilum-films" in made) == (name != "overlays/s3")


def test_every_container_is_closed_up() -> None:
    """As the namespace demands (restricted), and with a file system that can't be written."""
    for workload in workloads():
        pod = workload["spec"]["template"]["spec"]
        assert pod["securityContext"]["runAsNonRoot"]
        assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
        assert not pod["automountServiceAccountToken"]
        for container in containers(workload):
            assert container["securityContext"] == {
                "allowPrivilegeEscalation": False,
                "readOnlyRootFilesystem": True,
                "capabilities": {"drop": ["ALL"]},
            }
            assert container["resources"]["limits"]["memory"]


def test_hilum_takes_the_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    """With the variables that the pods get, and the ports that the pods name."""
    for workload in workloads():
        for variable in containers(workload)[-1]["env"]:
            if variable["name"].startswith("HILUM_"):
                monkeypatch.setenv(variable["name"], variable.get("value", "postgresql://hilum@db/hilum"))
    found, _ = settings.load(BASE / "settings.toml")
    named = {
        (workload["metadata"]["name"], port["name"]): port["containerPort"]
        for workload in workloads()
        for port in containers(workload)[-1]["ports"]
    }
    assert named == {
        ("hilum-node", "dicom"): found.node.port,
        ("hilum-node", "metrics"): found.metrics.node_port,
        ("hilum-worker", "metrics"): found.metrics.worker_port,
        ("hilum-scheduler", "metrics"): found.metrics.scheduler_port,
        ("hilum-web", "http"): found.web.port,
        ("hilum-web", "metrics"): found.metrics.web_port,
    }


def test_what_is_scaled_and_what_is_told_are_the_same() -> None:
    """The query is that of the page about several hosts."""
    page = (FOLDER.parents[1] / "docs" / "how-to" / "several-hosts.md").read_text()
    told = yaml.safe_load(page.partition("```yaml\n")[2].partition("```")[0])
    scaled = yaml.safe_load((BASE / "worker-scaling.yaml").read_text())
    queries = [one["spec"]["triggers"][0]["metadata"]["query"] for one in (told, scaled)]
    assert queries[0] == queries[1]


def test_the_image_is_the_version_of_the_project() -> None:
    """Its tag, and whom it runs as."""
    project = tomllib.loads((FOLDER.parents[1] / "pyproject.toml").read_text())["project"]
    (image,) = yaml.safe_load((BASE / "kustomization.yaml").read_text())["images"]
    assert image["newTag"] == project["version"]
    container = (FOLDER.parent / "container" / "Containerfile").read_text()
    user = workloads()[0]["spec"]["template"]["spec"]["securityContext"]["runAsUser"]
    assert f"USER {user}:{user}" in container
