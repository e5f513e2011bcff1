"""Every environment variable is typed, and a wrong one is named with what is legal."""

from pathlib import Path

import pytest

from service.server import use_models_of_bento
from service.settings import Settings, read_settings


def test_nothing_set_is_the_cpu_and_the_models_of_the_working_directory():
    settings = read_settings({"PATH": "/bin"})

    assert (settings.device, settings.models, settings.threads) == ("cpu", Path("models"), None)
    assert settings.grades == "sqlite:///runs/grades.db"


def test_what_is_set_is_read_and_typed():
    settings = read_settings({"ZOETROPE_DEVICE": "cuda", "ZOETROPE_THREADS": "3", "ZOETROPE_MODELS": "/m"})

    assert (settings.device, settings.threads, settings.models) == ("cuda", 3, Path("/m"))


def test_an_engine_is_left_to_the_rule_unless_it_is_pinned():
    pinned = read_settings({"ZOETROPE_ENGINE": "openvino", "ZOETROPE_PRECISION": "bfloat16"})

    assert (Settings().pinned_library, Settings().pinned_precision) == (None, None)
    assert (pinned.pinned_library, pinned.pinned_precision) == ("openvino", "bfloat16")


@pytest.mark.parametrize(
    ("variable", "value", "words"),
    [
        ("ZOETROPE_DEVICE", "gpu", r"ZOETROPE_DEVICE is 'gpu'\. Expected: 'cpu' or 'cuda'"),
        ("ZOETROPE_ENGINE", "abacus", r"ZOETROPE_ENGINE is 'abacus'"),
        ("ZOETROPE_THREADS", "0", r"ZOETROPE_THREADS is '0'\. Expected: (at least|more than) "),
        ("ZOETROPE_WORKERS", "0", r"ZOETROPE_WORKERS is '0'\. Expected: (at least|more than) "),
        ("ZOETROPE_RENEW_SECONDS", "-1", r"ZOETROPE_RENEW_SECONDS is '-1'\. Expected: (at least|more than) "),
        ("ZOETROPE_OLDER_VERSIONS", "0", r"ZOETROPE_OLDER_VERSIONS is '0'\. Expected: (at least|more than) "),
        (
            "ZOETROPE_FINGERPRINT",
            "1a2b3c4d,mine",
            r"^ZOETROPE_FINGERPRINT has 'mine'\. Expected: eight hex digits each",
        ),
        ("ZOETROPE_THREADS", "many", r"ZOETROPE_THREADS is 'many'"),
        ("ZOETROPE_DEVISE", "cpu", r"ZOETROPE_DEVISE is 'cpu'\. Expected: one of .*ZOETROPE_DEVICE"),
    ],
)
def test_a_wrong_variable_is_named(variable: str, value: str, words: str):
    with pytest.raises(ValueError, match=words):
        read_settings({variable: value})


def test_in_a_bento_the_models_that_are_packed_with_it_are_served(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("ZOETROPE_MODELS", "mine")
    (tmp_path / "bento.yaml").touch()
    use_models_of_bento(tmp_path / "src")
    assert read_settings().models == Path("mine")

    monkeypatch.delenv("ZOETROPE_MODELS")
    use_models_of_bento(tmp_path / "other" / "src")
    assert read_settings().models == Path("models")
    use_models_of_bento(tmp_path / "src")
    assert read_settings().models == tmp_path / "src" / "models"
    monkeypatch.delenv("ZOETROPE_MODELS")
