"""Counters are rendered for Prometheus, and no request can add a label."""

from prometheus_client.parser import text_string_to_metric_families
from starlette.testclient import TestClient


def read(client: TestClient) -> dict[str, float]:
    response = client.get("/metrics")
    assert response.headers["content-type"].startswith("text/plain; version=")
    return {
        f"{sample.name}{sorted(sample.labels.items())}" if "size" in sample.labels else sample.name: sample.value
        for family in text_string_to_metric_families(response.text)
        for sample in family.samples
    }


def test_pictures_and_batches_are_counted(client: TestClient):
    before = read(client)
    client.post("/generate", json={"n": 5, "seed": 1, "format": "npy"})
    after = read(client)

    def grown(name: str) -> float:
        return after[name] - before[name]

    assert grown("zoetrope_images_drawn_total") == 5
    assert grown("zoetrope_engine_seconds_total") > 0
    assert grown("zoetrope_images_dropped_total") == grown("zoetrope_requests_refused_total") == 0
    assert after["zoetrope_images_waiting"] == 0


def test_a_model_is_listed_with_its_version_and_its_engine(client: TestClient):
    text = client.get("/metrics").text
    model = client.get("/models/grey").json()
    version = model["card"]["version"]

    assert f'zoetrope_model_info{{engine="{model["engine"]}",model="grey",version="{version}"}}' in text


def test_strange_paths_and_names_make_no_labels(client: TestClient):
    before = client.get("/metrics").text.count("\n")
    for k in range(20):
        client.get(f"/strange/{k}")
        client.post("/generate", json={"model": f"strange{k}"})

    assert client.get("/metrics").text.count("\n") == before
