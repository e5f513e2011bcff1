"""API keys: parsed in words without secrets, found whatever is sent, and read again when their file changes."""

import hashlib
import logging
import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.access import keys
from service.access.keys import MOST_KEYS, KeyRing, parse_keys, read_keys
from service.settings import Settings, check_keys, read_settings

ANN, OPS = "a-secret-of-ann-0123456789", "a-secret-of-ops-0123456789"
SECRETS = st.text("ABCXYZabcxyz019._~+/=-", min_size=16, max_size=256)


@pytest.fixture
def watched(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[KeyRing, Path]:
    """A ring that looks at its file each time it is asked, and that file, with Ann's key."""
    monkeypatch.setattr(keys, "CHECK_S", 0)
    file = tmp_path / "keys"
    file.write_text(f"# who may do what\n\nann:draw,rate:{ANN}\n")
    return KeyRing(file=file), file


def test_a_key_has_a_name_scopes_and_a_digest_but_no_secret():
    (key,) = parse_keys([f"ann:rate, draw:{ANN}"], "here")

    assert (key.name, key.scopes) == ("ann", {"draw", "rate"})
    assert key.digest == hashlib.sha256(ANN.encode()).digest()
    assert ANN not in repr(key)


def test_a_digest_in_place_of_a_secret_is_the_same_key():
    digest = hashlib.sha256(ANN.encode()).hexdigest()

    assert parse_keys([f"ann:draw:sha256:{digest}"], "here") == parse_keys([f"ann:draw:{ANN}"], "here")


@pytest.mark.parametrize(
    ("lines", "words"),
    [
        ([ANN], "here, key 1: found no NAME:SCOPES:SECRET, expected one"),
        (["", "# ann", f"ann:draw:{ANN}", f"bob:paint:{OPS}"], "here, key 4: found another scope, expected draw, rate"),
        ([f"ann:{ANN}:draw"], "found another scope"),
        ([f"an n:draw:{ANN}"], "found no NAME:SCOPES:SECRET"),
        (["ann:draw:short-secret"], "found a secret of 12 characters, expected 16 to 256.*openssl rand -hex 32"),
        (["ann:draw:a secret of twenty letters"], "found a secret of 26 characters"),
        (["ann:draw:sha256:0123456789abcdef"], "or sha256: and 64 hex digits"),
        ([f"ann:draw:{ANN}", f"ann:rate:{OPS}"], "key 2: found the same name or secret as before"),
        ([f"ann:draw:{ANN}", f"bob:rate:{ANN}"], "key 2: found the same name or secret as before"),
        ([f"k{at}:draw:{at:016}" for at in range(MOST_KEYS + 1)], "found 257 keys, expected at most 256"),
    ],
)
def test_a_line_that_is_no_key_is_named_without_its_secret(lines: list[str], words: str):
    with pytest.raises(ValueError, match=words) as caught:
        parse_keys(lines, "here")

    assert not any(secret in str(caught.value) for secret in (ANN, OPS, "short-secret", "twenty letters"))


@given(st.text(max_size=300))
def test_any_line_is_a_key_or_an_error_without_what_may_be_its_secret(line: str):
    try:
        found = parse_keys([line], "here")
    except ValueError as error:
        found = str(error)

    assert len(found) <= 1 or re.match("here, key 1: found (no NAME:SCOPES:SECRET|another|a secret of)", found)


@given(st.lists(SECRETS, min_size=1, max_size=8, unique=True), SECRETS)
def test_a_secret_finds_its_own_key_and_no_other_text_finds_any(secrets: list[str], other: str):
    ring = KeyRing(parse_keys([f"k{at}:draw:{secret}" for at, secret in enumerate(secrets)], "here"))

    assert [ring.find(secret).name for secret in secrets] == [f"k{at}" for at in range(len(secrets))]
    assert (ring.find(other) is not None) == (other in secrets)
    assert ring.find(secrets[0] + "x") is None
    assert ring.find("") is None


def test_every_key_is_compared_whichever_is_sent(monkeypatch: pytest.MonkeyPatch):
    """The time that it takes says neither whether a key is known nor which."""
    ring, compared = KeyRing(parse_keys([f"k{at}:draw:{at:016}" for at in range(9)], "here")), []
    true_one = keys.hmac.compare_digest
    monkeypatch.setattr(keys.hmac, "compare_digest", lambda *both: compared.append(1) or true_one(*both))
    counts = []
    for secret in (f"{0:016}", f"{8:016}", "none of them"):
        ring.find(secret)
        counts.append(len(compared))
        compared.clear()

    assert counts == [9, 9, 9]


def test_a_file_that_changes_is_read_again(watched: tuple[KeyRing, Path]):
    ring, file = watched
    before = ring.find(ANN)
    file.with_name("new").write_text(f"ops:admin:{OPS}\n")
    file.with_name("new").replace(file)

    assert before is not None
    assert ring.find(ANN) is None
    assert ring.find(OPS).scopes == {"admin"}


@pytest.mark.parametrize("spoil", [lambda file: file.write_text("bob:draw:short"), Path.unlink])
def test_a_file_that_became_wrong_changes_nothing_and_the_log_says_so_once(
    watched: tuple[KeyRing, Path], spoil, caplog: pytest.LogCaptureFixture
):
    ring, file = watched
    assert ring.find(ANN) is not None
    spoil(file)

    assert [ring.find(ANN) is not None for _ in range(3)] == [True] * 3
    assert [one.message.split(":")[0] for one in caplog.records if one.levelno == logging.ERROR] == [
        "the keys stay as they were"
    ]
    file.write_text(f"ops:admin:{OPS}\n")
    assert ring.find(ANN) is None


def test_a_file_that_is_wrong_from_the_start_lets_no_key_in_and_opens_nothing(tmp_path: Path):
    (tmp_path / "keys").write_text("ann")
    ring = KeyRing(file=tmp_path / "keys")

    assert ring.is_set
    assert ring.find("ann") is None


def test_keys_come_from_the_environment_and_a_file_together(tmp_path: Path):
    (tmp_path / "keys").write_text(f"ops:admin:{OPS}")
    settings = read_settings({"ZOETROPE_KEYS": f"ann:draw:{ANN};", "ZOETROPE_KEYS_FILE": str(tmp_path / "keys")})
    check_keys(settings)
    ring = KeyRing(settings.keys, settings.keys_file)

    assert (ring.find(ANN).name, ring.find(OPS).name) == ("ann", "ops")
    assert ANN not in repr(settings)


def test_a_name_in_both_is_refused_before_the_service_starts(tmp_path: Path):
    (tmp_path / "keys").write_text(f"ann:admin:{OPS}")
    settings = read_settings({"ZOETROPE_KEYS": f"ann:draw:{ANN}", "ZOETROPE_KEYS_FILE": str(tmp_path / "keys")})

    with pytest.raises(
        ValueError, match=r"^ZOETROPE_KEYS_FILE: .*keys: found the name or secret of ann in ZOETROPE_KEYS too"
    ):
        check_keys(settings)


@pytest.mark.parametrize("content", [None, b"\xff" * 40, b"#" * (2 << 20)], ids=["missing", "binary", "large"])
def test_a_file_that_cannot_be_read_as_keys_says_what_was_found(tmp_path: Path, content: bytes | None):
    if content is not None:
        (tmp_path / "keys").write_bytes(content)

    with pytest.raises(ValueError, match=r"keys: found (No such file|bytes that are not UTF-8|more than 1,048,576)"):
        read_keys(tmp_path / "keys")


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"ZOETROPE_KEYS": f"ann:paint:{ANN}"}, "^ZOETROPE_KEYS, key 1: found another scope"),
        ({"ZOETROPE_KEY": ANN}, r"^ZOETROPE_KEY is set\. Expected: one of .*ZOETROPE_KEYS"),
        ({"ZOETROPE_DRAW_NEEDS_KEY": "true"}, "^ZOETROPE_DRAW_NEEDS_KEY is true, but there is no ZOETROPE_KEYS_FILE"),
    ],
)
def test_a_wrong_setting_of_keys_is_named_without_its_secret(given: dict, words: str):
    with pytest.raises(ValueError, match=words) as caught:
        read_settings(given)

    assert ANN not in str(caught.value)


def test_what_clients_send_is_no_setting_of_the_service():
    assert read_settings({"ZOETROPE_CLIENT_KEY": ANN}).keys == Settings().keys == ()


def test_the_example_of_the_readme_is_a_file_of_keys():
    page = (Path(__file__).parent.parent / "service" / "README.md").read_text()
    (example,) = re.findall(r"```\n(# openssl.*?)```", page, re.S)

    assert [(key.name, sorted(key.scopes)) for key in parse_keys(example.splitlines(), "here")] == [
        ("ann", ["draw", "rate"]),
        ("trainer", ["rate"]),
    ]
