"""Files for clusters name what there really is."""

import re
import shutil
import subprocess

import pytest

from ssmviz.runs import backends
from ssmviz.runs.client import PROJECT

DEPLOY = PROJECT / "deploy"


@pytest.fixture(scope="module")
def documents():
    yaml = pytest.importorskip("yaml")
    return {item["kind"]: item for item in yaml.safe_load_all((DEPLOY / "kuberay.yaml").read_text())}


@pytest.fixture(scope="module")
def pods(documents):
    spec = documents["RayCluster"]["spec"]
    groups = [spec["headGroupSpec"], *spec["workerGroupSpecs"]]
    return [group["template"]["spec"]["containers"][0] for group in groups]


def test_every_node_runs_our_image_with_a_token(pods):
    image = re.search(r"--tag (ssmviz-cluster)", (DEPLOY / "Containerfile.cluster").read_text()).group(1)
    for pod in pods:
        env = {item["name"]: item for item in pod["env"]}
        assert pod["image"] == image
        assert env["RAY_AUTH_MODE"]["value"] == "token"
        assert env["RAY_AUTH_TOKEN"]["valueFrom"]["secretKeyRef"]["name"] == "ssmviz"


def test_the_environment_is_a_valid_choice_of_a_backend(pods, monkeypatch):
    monkeypatch.setattr(backends.importlib.util, "find_spec", lambda name: name)
    environ = {item["name"]: item.get("value", "") for item in pods[0]["env"]}
    choice = backends.chosen(environ)
    assert (choice.backend, choice.address) == ("ray", "ssmviz-head-svc:6379")


def test_ports_and_labels_fit_together(documents, pods):
    ports = {port["containerPort"] for port in pods[0]["ports"]}
    exposed = {int(port) for port in re.findall(r"EXPOSE (\d+)", _containerfiles())}
    assert ports == exposed == {6379, 8501}
    assert documents["Service"]["spec"]["ports"][0]["targetPort"] == 8501
    name = documents["RayCluster"]["metadata"]["name"]
    assert documents["NetworkPolicy"]["spec"]["podSelector"]["matchLabels"] == {"ray.io/cluster": name}
    assert "ports" not in documents["NetworkPolicy"]["spec"]["ingress"][0], "every port, between nodes"
    assert documents["RayCluster"]["spec"]["headGroupSpec"]["rayStartParams"]["include-dashboard"] == "false"


def test_commands_in_the_files_exist():
    text = (DEPLOY / "slurm.sh").read_text() + (DEPLOY / "kuberay.yaml").read_text()
    for module in set(re.findall(r"python -m (ssmviz[\w.]*)", text)):
        assert (PROJECT / (module.replace(".", "/") + ".py")).exists(), module


@pytest.mark.skipif(shutil.which("bash") is None, reason="needs bash")
def test_the_slurm_script_is_a_script():
    done = subprocess.run(["bash", "-n", str(DEPLOY / "slurm.sh")], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_the_documents_name_every_variable():
    text = (PROJECT / "docs" / "cluster.md").read_text()
    assert all(name in text for name in backends.VARIABLES.values())


def _containerfiles():
    return "".join((DEPLOY / name).read_text() for name in ("Containerfile", "Containerfile.cluster"))
