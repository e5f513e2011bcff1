"""A Hugging Face Hub in this process, as far as one upload and one download go; it keeps repositories in memory.

What it answers is what huggingface_hub 2.4 asks: making a repository, checking the
header of a model card, how each file is uploaded, LFS for large ones, a commit; then
what a revision has, and its files. No real Hub is ever asked.
"""

import base64
import hashlib
import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler
from typing import Any
from urllib.parse import unquote, urlsplit

import yaml

from support.hosted import answering

TOKEN = "hf_of_a_test"
LARGE_BYTES = 1_000
"""From here on a file goes through LFS."""


@dataclass
class Hub:
    """What is there, and what was asked."""

    url: str = ""
    repositories: dict[str, dict[str, dict[str, bytes]]] = field(default_factory=dict)
    """owner/name -> commit -> file -> bytes; the last commit is the branch main."""
    asked: list[tuple[str, str]] = field(default_factory=list)
    """Method and path of every request."""
    agents: set[str] = field(default_factory=set)
    """What clients say of themselves."""
    listed_sizes: dict[str, int] = field(default_factory=dict)
    """File -> the size that is said of it, where that is not true."""
    large: dict[str, bytes] = field(default_factory=dict)
    """SHA-256 -> what was uploaded by LFS."""

    def commit(self, repository: str, changed: dict[str, bytes]) -> str:
        """Add a commit; gives its id."""
        commits = self.repositories.setdefault(repository, {})
        before = next(reversed(commits.values()), {})
        commit = hashlib.sha1(f"{repository}{len(commits)}".encode()).hexdigest()
        commits[commit] = {**before, **changed}
        return commit

    def files(self, repository: str) -> dict[str, bytes]:
        """Of the branch main."""
        return next(reversed(self.repositories[repository].values()))


@contextmanager
def serving_hub() -> Iterator[Hub]:
    """Answer on a free port of this machine within the block."""
    hub = Hub()

    class Handler(_Handler):
        of = hub

    with answering(Handler) as hub.url:
        yield hub


class _Handler(BaseHTTPRequestHandler):
    of: Hub
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        path = self._begin()
        if found := re.fullmatch(r"/api/models/([^/]+/[^/]+)(?:/revision/(.+))?", path):
            self._tell(found[1], found[2])
        elif found := re.fullmatch(r"/([^/]+/[^/]+)/resolve/([^/]+)/(.+)", path):
            files = self.of.repositories.get(found[1], {}).get(found[2], {})
            self._answer(200, files[found[3]]) if found[3] in files else self._refuse(404, "EntryNotFound")
        else:
            self._refuse(404, "RepoNotFound")

    def do_POST(self) -> None:
        path, body = self._begin(), self.rfile.read(int(self.headers.get("Content-Length", 0)))
        if self.headers.get("Authorization") != f"Bearer {TOKEN}":
            self._refuse(401, "")
        elif path == "/api/repos/create":
            made = json.loads(body)
            name = f"{made['organization']}/{made['name']}"
            is_there = name in self.of.repositories
            self.of.repositories.setdefault(name, {})
            self._json(409 if is_there else 200, {"url": f"{self.of.url}/{name}"})
        elif path == "/api/validate-yaml":
            yaml.safe_load(json.loads(body)["content"].split("---\n")[1])
            self._json(200, {"warnings": [], "errors": []})
        elif path.endswith("/preupload/main"):
            self._json(200, {"files": [self._upload_of(one) for one in json.loads(body)["files"]]})
        elif path.endswith(".git/info/lfs/objects/batch"):
            objects = [self._action_of(one) for one in json.loads(body)["objects"]]
            self._json(200, {"transfer": "basic", "objects": objects})
        elif found := re.fullmatch(r"/api/models/([^/]+/[^/]+)/commit/main", path):
            lines = [json.loads(line) for line in body.splitlines()]
            commit = self.of.commit(found[1], dict(map(self._file_of, lines[1:])))
            self._json(200, {"commitUrl": f"{self.of.url}/{found[1]}/commit/{commit}", "commitOid": commit})
        else:
            self._refuse(404, "RepoNotFound")

    def do_PUT(self) -> None:
        digest, body = self._begin().rpartition("/")[2], self._whole_body()
        assert hashlib.sha256(body).hexdigest() == digest
        self.of.large[digest] = body
        self._answer(200, b"")

    def _whole_body(self) -> bytes:
        if "chunked" not in self.headers.get("Transfer-Encoding", ""):
            return self.rfile.read(int(self.headers["Content-Length"]))
        body = b""
        while size := int(self.rfile.readline(), 16):
            body += self.rfile.read(size)
            self.rfile.readline()
        self.rfile.readline()
        return body

    def _tell(self, repository: str, revision: str | None) -> None:
        commits = self.of.repositories.get(repository)
        if not commits:
            return self._refuse(404, "RepoNotFound")
        commit = next(reversed(commits)) if revision in (None, "main") else str(revision)
        if commit not in commits:
            return self._refuse(404, "RevisionNotFound")
        listed = [
            {"rfilename": name, "size": self.of.listed_sizes.get(name, len(data)), "blobId": "0" * 40}
            for name, data in commits[commit].items()
        ]
        return self._json(200, {"id": repository, "sha": commit, "siblings": listed, "tags": [], "private": False})

    @staticmethod
    def _upload_of(one: dict[str, Any]) -> dict[str, Any]:
        kind = "lfs" if one["size"] >= LARGE_BYTES else "regular"
        return {"path": one["path"], "uploadMode": kind, "shouldIgnore": False, "oid": None}

    def _action_of(self, one: dict[str, Any]) -> dict[str, Any]:
        return {**one, "actions": {"upload": {"href": f"{self.of.url}/large/{one['oid']}"}}}

    def _file_of(self, line: dict[str, Any]) -> tuple[str, bytes]:
        value = line["value"]
        if line["key"] == "lfsFile":
            return value["path"], self.of.large[value["oid"]]
        return value["path"], base64.b64decode(value["content"])

    def _begin(self) -> str:
        path = unquote(urlsplit(self.path).path)
        self.of.asked.append((self.command, path))
        self.of.agents.add(self.headers.get("User-Agent", ""))
        return path

    def _refuse(self, status: int, code: str) -> None:
        self._answer(status, b"{}", {"X-Error-Code": code})

    def _json(self, status: int, found: object) -> None:
        self._answer(status, json.dumps(found).encode(), {"Content-Type": "application/json"})

    def _answer(self, status: int, body: bytes, headers: dict[str, str] | None = None) -> None:
        self.send_response(status)
        for name, value in {**(headers or {}), "Content-Length": str(len(body))}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Nothing."""
