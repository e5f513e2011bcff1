"""What services with S3's protocol answer to a file that is put if it is absent; AWS says more than some others."""

from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler
from pathlib import Path

import pytest
from support.hosted import answering

pytest.importorskip("s3fs", reason="the extra s3 is not installed")

import service.bulk.s3_store
from service.bulk.remote_store import RemoteFolder
from service.bulk.s3_store import S3Store


class Service(BaseHTTPRequestHandler):
    """An empty bucket, whose answers to PUT are given."""

    protocol_version = "HTTP/1.1"
    answers: list[tuple[int, str]]
    put: list[tuple[str, str | None]]
    deleted: list[str]

    def do_HEAD(self) -> None:
        """Nothing is there."""
        self._answer(404)

    def do_GET(self) -> None:
        """A list without a name in it."""
        self._answer(200, "<ListBucketResult><KeyCount>0</KeyCount><IsTruncated>false</IsTruncated></ListBucketResult>")

    def do_PUT(self) -> None:
        """The next answer."""
        self.rfile.read(int(self.headers["Content-Length"]))
        self.put.append((self.path, self.headers["If-None-Match"]))
        status, code = self.answers.pop(0)
        self._answer(status, f"<Error><Code>{code}</Code><Message>no</Message></Error>" if code else "")

    def do_DELETE(self) -> None:
        """It is gone."""
        self.deleted.append(self.path)
        self._answer(204)

    def log_message(self, *_: object) -> None:
        """Nothing is printed."""

    def _answer(self, status: int, body: str = "") -> None:
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body.encode())


OK, EXISTS = (200, ""), (412, "PreconditionFailed")


@pytest.fixture
def service_of(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[type[Service]]:
    """A service, and the variables of AWS that lead to it."""

    class Handler(Service):
        answers, put, deleted = [], [], []

    monkeypatch.setattr(service.bulk.s3_store, "_TRY_AGAIN_AFTER_S", (0, 0))
    with answering(Handler) as url:
        for name, value in {
            "AWS_ENDPOINT_URL": url,
            "AWS_ACCESS_KEY_ID": "key",
            "AWS_SECRET_ACCESS_KEY": "secret",
            "AWS_DEFAULT_REGION": "us-east-1",
            "AWS_MAX_ATTEMPTS": "1",
            "AWS_CONFIG_FILE": str(tmp_path / "none"),
            "AWS_SHARED_CREDENTIALS_FILE": str(tmp_path / "none"),
        }.items():
            monkeypatch.setenv(name, value)
        yield Handler


@pytest.mark.parametrize(
    ("answers", "is_put"),
    [
        ([EXISTS], False),  # AWS adds which condition it was
        ([OK, EXISTS], True),  # the second one asks whether the service refuses at all
        ([(409, "ConditionalRequestConflict"), (409, "ConditionalRequestConflict"), OK, EXISTS], True),
        ([(409, "ConditionalRequestConflict"), EXISTS], False),
    ],
)
def test_a_file_is_put_unless_there_is_one_and_again_where_another_one_is_being_put(
    service_of: type[Service], answers: list[tuple[int, str]], is_put: bool
):
    service_of.answers = answers
    store = S3Store(RemoteFolder.parse("s3://pictures/a"))

    assert store.put_if_absent("job.json", b"{}") == is_put
    assert answers == []
    assert {path for path, _ in service_of.put} == {"/pictures/a/job.json"}
    assert {condition for _, condition in service_of.put} == {"*"}


@pytest.mark.parametrize(
    ("answers", "words"),
    [
        ([(501, "NotImplemented")], "it knows no put-if-absent (If-None-Match), which is needed: two jobs could mix"),
        ([OK, OK], "it replaces files that are there, and put-if-absent is needed: two jobs could mix"),
        ([(409, "OperationAborted")] * 3, "the service answered OperationAborted. Repeat the command later"),
        ([(403, "AccessDenied")], "access is denied (AccessDenied). The credentials need s3:ListBucket"),
        ([(403, "QuotaExceeded")], "the service answered QuotaExceeded. Repeat the command later"),
    ],
)
def test_a_service_that_cannot_put_a_file_once_is_told(
    service_of: type[Service], answers: list[tuple[int, str]], words: str
):
    service_of.answers = list(answers)
    store = S3Store(RemoteFolder.parse("s3://pictures/a"))

    with pytest.raises(OSError, match=r"^s3://pictures/a: ") as told:
        store.put_if_absent("job.json", b"{}")
    assert words in str(told.value)
    assert service_of.answers == []
    assert service_of.deleted == (["/pictures/a/job.json"] if answers == [OK, OK] else [])
