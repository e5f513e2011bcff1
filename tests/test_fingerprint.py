"""Replicas that agree have one fingerprint; a replica that would draw other levels refuses, and says so."""

from pathlib import Path

import pytest
from starlette.testclient import TestClient
from support.in_process import loaded_registry

from models.bundle import open_bundle
from models.engine import EngineName
from models.runtime import Runtime
from service.fingerprint import fingerprint_of


def test_two_models_of_one_engine_have_one_fingerprint_and_the_status_tells_it(client: TestClient):
    models = client.get("/status").json()["models"]
    (fingerprint,) = {one["fingerprint"] for one in models}

    assert len(models) == 3
    assert len(bytes.fromhex(fingerprint)) == 4
    assert {one["engine"] for one in models} == {client.get("/models/grey").json()["engine"]}
    assert models[0]["instruction_set"] == client.get("/models/grey").json()["instruction_set"]


def test_another_engine_has_another_fingerprint(grey: Path):
    pytest.importorskip("openvino")
    bundle = open_bundle(grey)
    engines = [EngineName("onnxruntime", "cpu", "float32"), EngineName("openvino", "cpu", "float32")]

    assert len({fingerprint_of(Runtime(bundle, engine, 1, warm_all=False)) for engine in engines}) == 2


def test_a_model_with_another_fingerprint_than_the_setting_is_refused_and_named(grey: Path):
    found = fingerprint_of(Runtime(open_bundle(grey), threads=1, warm_all=False))
    registry = loaded_registry(grey.parent, default_model="grey", fingerprint="00000000")
    unready = registry.unready
    registry.close()

    assert unready is not None
    assert f"grey: found fingerprint {found} (onnxruntime-" in unready
    assert "expected 00000000: this replica would draw other levels than the others." in unready
    assert "or name its fingerprint in ZOETROPE_FINGERPRINT too." in unready


def test_a_model_with_one_of_the_fingerprints_of_the_setting_is_drawn(grey: Path):
    found = fingerprint_of(Runtime(open_bundle(grey), threads=1, warm_all=False))
    registry = loaded_registry(grey.parent, default_model="grey", fingerprint=f"00000000, {found.upper()}")
    unready = registry.unready
    registry.close()

    assert unready is None
