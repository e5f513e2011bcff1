"""The deployment files are what the programs that read them take: promtool, Kubernetes' own schemas, nginx.

None of these asks another machine. Part of .ci/run and not of `make test`, because of
what must be installed; where something is missing it says so, and in CI that is a failure.
"""

import os
import shutil
import subprocess
from pathlib import Path

import pytest
import yaml
from support.nginx import configured, program
from support.serving import ROOT

DEPLOY = ROOT / "deploy"
MANIFESTS = list(yaml.safe_load_all((DEPLOY / "kubernetes.yaml").read_text()))
KUBERNETES = "1.37"


def missing(reason: str) -> None:
    """Skip where something is not installed; in CI fail."""
    pytest.fail(reason) if os.environ.get("CI") == "true" else pytest.skip(reason)


def promtool(*arguments: str, folder: Path = DEPLOY) -> subprocess.CompletedProcess:
    """Of Debian's package prometheus."""
    if shutil.which("promtool") is None:
        missing("no promtool here: apt-get install prometheus")
    return subprocess.run(["promtool", *arguments], cwd=folder, capture_output=True, text=True, check=False)


def test_prometheus_takes_the_alerts_and_its_configuration():
    for arguments in (("check", "rules", "alerts.yaml"), ("check", "config", "prometheus.yaml")):
        done = promtool(*arguments)
        assert done.returncode == 0, done.stdout + done.stderr


def test_each_alert_is_raised_by_what_it_is_for():
    done = promtool("test", "rules", "alerts_test.yaml")

    assert done.returncode == 0, done.stdout + done.stderr


def test_the_test_above_can_fail(tmp_path: Path):
    for name in ("alerts.yaml", "alerts_test.yaml"):
        shutil.copy(DEPLOY / name, tmp_path / name)
    alerts = tmp_path / "alerts.yaml"
    alerts.write_text(alerts.read_text().replace("> 8192", "> 81920"))
    done = promtool("test", "rules", "alerts_test.yaml", folder=tmp_path)

    assert done.returncode == 1
    assert "ZoetropeQueueIsLong" in done.stdout + done.stderr


@pytest.mark.parametrize("manifest", MANIFESTS, ids=[one["kind"] for one in MANIFESTS])
def test_kubernetes_takes_each_manifest(manifest: dict):
    try:
        import kubernetes_validate
    except ModuleNotFoundError:
        missing("no kubernetes-validate here: pip install kubernetes-validate")
        return

    assert kubernetes_validate.validate(manifest, KUBERNETES, strict=True) == KUBERNETES


def test_the_test_of_manifests_can_fail():
    kubernetes_validate = pytest.importorskip("kubernetes_validate")
    deployment = next(one for one in MANIFESTS if one["kind"] == "Deployment")
    changed = {**deployment, "spec": {**deployment["spec"], "replica": 2}}

    with pytest.raises(kubernetes_validate.ValidationError, match="replica"):
        kubernetes_validate.validate(changed, KUBERNETES, strict=True)


def test_nginx_takes_its_configuration(tmp_path: Path):
    if program() is None:
        missing("no nginx here: apt-get install nginx-light")
    whole = configured(tmp_path, port=8080, services=(3001, 3002))
    done = subprocess.run([program(), "-t", "-p", tmp_path, "-c", whole], capture_output=True, text=True, check=False)

    assert done.returncode == 0, done.stderr
