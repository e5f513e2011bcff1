"""The deployment files hold together: with the service, with each other, and with what compose.yaml may say.

What needs programs of others (promtool, kubernetes-validate, nginx) is tried by .ci/deploy.
"""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from starlette.testclient import TestClient

from service.settings import PREFIX, Settings, read_settings
from service.shutdown import TEARDOWN_S

ROOT = Path(__file__).parent.parent
DEPLOY = ROOT / "deploy"
COMPOSE = yaml.safe_load((DEPLOY / "compose.yaml").read_text())
SERVICE = COMPOSE["services"]["zoetrope"]
RULES = [rule for group in yaml.safe_load((DEPLOY / "alerts.yaml").read_text())["groups"] for rule in group["rules"]]
MANIFESTS = {one["kind"]: one for one in yaml.safe_load_all((DEPLOY / "kubernetes.yaml").read_text())}
POD = MANIFESTS["Deployment"]["spec"]["template"]["spec"]
(CONTAINER,) = POD["containers"]

# compose-spec's own words for what our file uses: https://github.com/compose-spec/compose-spec, 05-services.md and on.
TOP_LEVEL_KEYS = {"name", "services", "networks", "volumes"}
SERVICE_KEYS = {
    "image", "restart", "depends_on", "ports", "networks", "environment", "healthcheck", "stop_grace_period",
    "read_only", "tmpfs", "cap_drop", "security_opt", "mem_limit", "pids_limit", "volumes",
}  # fmt: skip
HEALTHCHECK_KEYS = {"test", "interval", "timeout", "retries", "start_period"}
DURATION = re.compile(r"(\d+h)?(\d+m)?(\d+s)?")


def seconds(duration: str) -> int:
    """Of a duration as compose writes it."""
    assert duration
    match = DURATION.fullmatch(duration)
    assert match, duration
    return sum(int(part[:-1]) * {"h": 3600, "m": 60, "s": 1}[part[-1]] for part in match.groups() if part)


def labels_in(expression: str) -> Iterator[str]:
    """What an expression groups or selects by."""
    for listed in re.findall(r"(?:by|on) \(([^)]*)\)", expression):
        yield from (name.strip() for name in listed.split(","))


def test_every_metric_of_an_alert_is_one_that_the_service_has(client: TestClient):
    text = client.get("/metrics").text
    named = {metric for rule in RULES for metric in re.findall(r"\bzoetrope_\w+", rule["expr"])}

    assert len(named) >= 5
    assert {metric for metric in named if not re.search(rf"^{metric}[ {{]", text, re.M)} == set()


def test_every_label_that_an_alert_groups_by_is_one_that_the_service_or_prometheus_gives(client: TestClient):
    (info,) = re.findall(r'^zoetrope_model_info\{(.*model="grey".*)\}', client.get("/metrics").text, re.M)
    given = {pair.split("=")[0] for pair in info.split(",")} | {"instance", "job"}

    assert {label for rule in RULES for label in labels_in(rule["expr"])} <= given


def test_every_alert_says_what_is_wrong_and_what_to_do():
    for rule in RULES:
        assert rule["labels"]["severity"] in ("warning", "critical"), rule["alert"]
        assert {"summary", "description"} <= rule["annotations"].keys(), rule["alert"]
        assert set(re.findall(r"ZOETROPE_(\w+)", rule["annotations"]["description"])) <= {
            name.upper() for name in Settings.model_fields
        }


def test_every_alert_is_tried():
    """By `promtool test rules`, in .ci/deploy."""
    tried = (DEPLOY / "alerts_test.yaml").read_text()

    assert [rule["alert"] for rule in RULES if f'alertname="{rule["alert"]}"' not in tried] == []


def test_the_compose_file_has_the_keys_of_compose_spec_alone():
    assert COMPOSE.keys() <= TOP_LEVEL_KEYS
    for name, service in COMPOSE["services"].items():
        assert service.keys() <= SERVICE_KEYS, name
        assert set(service.get("networks", [])) <= COMPOSE["networks"].keys()
        assert set(service.get("depends_on", [])) <= COMPOSE["services"].keys()
        assert service.get("healthcheck", {}).keys() <= HEALTHCHECK_KEYS
        for part in ("interval", "timeout", "start_period"):
            assert seconds(service.get("healthcheck", {}).get(part, "1s")) > 0
        for volume in service.get("volumes", []):
            source = volume.split(":")[0]
            assert (DEPLOY / source).is_file() if source.startswith("./") else source in COMPOSE["volumes"], volume
        assert all(port.startswith("127.0.0.1:") for port in service.get("ports", [])), name


@pytest.mark.parametrize("name", COMPOSE["services"])
def test_no_container_of_compose_runs_without_bounds(name: str):
    service = COMPOSE["services"][name]

    assert "mem_limit" in service
    assert service["restart"] == "unless-stopped"
    if name != "postgres":  # it starts as root, and changes its owner
        assert service["read_only"] is True
        assert service["cap_drop"] == ["ALL"]
        assert service["security_opt"] == ["no-new-privileges:true"]


def test_prometheus_scrapes_the_service_of_compose_at_its_port():
    config = yaml.safe_load((DEPLOY / "prometheus.yaml").read_text())
    (scraped,) = config["scrape_configs"]

    assert scraped["job_name"] == "zoetrope"  # as in the alerts
    assert scraped["static_configs"] == [{"targets": ["zoetrope:3000"]}]
    assert set(config["rule_files"]) <= {path.name for path in DEPLOY.iterdir()}
    assert "front" in {*COMPOSE["services"]["prometheus"]["networks"]} & {*SERVICE["networks"]}


def given(environment: dict[str, Any]) -> dict[str, str]:
    """Variables as a container gets them; ${NAME:-default} has its default, and ${NAME:?words} stands for "secret"."""
    filled = {name: re.sub(r"\$\{\w+:-(.*?)\}", r"\1", str(value)) for name, value in environment.items()}
    return {name: re.sub(r"\$\{\w+:\?.*?\}", "secret", value) for name, value in filled.items()}


def environment_of_pod() -> dict[str, str]:
    """Of its one container; what Kubernetes fills in stands for itself."""
    filled = {"secretKeyRef": "postgresql+psycopg://zoetrope@db/zoetrope", "resourceFieldRef": "2"}
    return {one["name"]: one.get("value") or filled[next(iter(one["valueFrom"]))] for one in CONTAINER["env"]}


@pytest.mark.parametrize("variables", [given(SERVICE["environment"]), environment_of_pod()], ids=["compose", "pod"])
def test_the_service_takes_every_variable_that_it_is_given(variables: dict[str, str]):
    settings = read_settings(variables)

    assert settings.grades.startswith("postgresql+psycopg://")
    assert all(name.startswith((PREFIX, "OTEL_", "BENTOML_")) for name in variables)


def test_a_stop_lasts_as_long_as_the_service_may_take():
    longest_s = Settings().shutdown_seconds + TEARDOWN_S
    pause_s = CONTAINER["lifecycle"]["preStop"]["sleep"]["seconds"]

    assert seconds(SERVICE["stop_grace_period"]) >= longest_s
    assert POD["terminationGracePeriodSeconds"] >= longest_s + pause_s


def test_a_pod_has_no_right_that_it_does_not_need():
    assert POD["automountServiceAccountToken"] is False
    assert POD["securityContext"]["runAsNonRoot"] is True
    assert POD["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    assert CONTAINER["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }
    assert {"cpu", "memory"} <= CONTAINER["resources"]["limits"].keys()
    assert [one["mountPath"] for one in CONTAINER["volumeMounts"] if "readOnly" not in one] == ["/tmp"]


def test_kubernetes_does_not_set_variables_of_ours():
    """For a Service called zoetrope it sets ZOETROPE_PORT and others, and an unknown ZOETROPE_* is refused."""
    with pytest.raises(ValueError, match="ZOETROPE_PORT is 'tcp"):
        read_settings({"ZOETROPE_PORT": "tcp://10.0.0.1:80"})
    assert POD["enableServiceLinks"] is False


@pytest.mark.parametrize("probe", ["startupProbe", "livenessProbe", "readinessProbe"])
def test_each_probe_asks_what_the_service_answers(probe: str):
    asked = CONTAINER[probe]["httpGet"]

    assert asked["path"] == ("/readyz" if probe == "readinessProbe" else "/livez")
    assert asked["port"] in {port["name"] for port in CONTAINER["ports"]}


def test_the_manifests_are_of_one_another():
    labels = MANIFESTS["Deployment"]["spec"]["template"]["metadata"]["labels"]
    selectors = [
        MANIFESTS["Deployment"]["spec"]["selector"]["matchLabels"],
        MANIFESTS["Service"]["spec"]["selector"],
        MANIFESTS["PodDisruptionBudget"]["spec"]["selector"]["matchLabels"],
        MANIFESTS["NetworkPolicy"]["spec"]["podSelector"]["matchLabels"],
    ]

    assert all(selector.items() <= labels.items() for selector in selectors)
    assert MANIFESTS["PodDisruptionBudget"]["spec"]["minAvailable"] < MANIFESTS["Deployment"]["spec"]["replicas"]
    assert {volume["name"] for volume in POD["volumes"]} == {one["name"] for one in CONTAINER["volumeMounts"]}
