"""Code that the page lets people copy runs as it is, and sends exactly the request, whatever the names in it are."""

import json
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest

STATIC = Path(__file__).parent.parent / "service" / "static"
NAMES = [
    "dog",
    "a'; touch X; echo '",
    "$(touch X) `touch X` & touch X",
    '"quoted" \\ \\" \\\' \\n',
    "a\ntouch X\r\n\t",
    "ünïcode 猫 \N{CAT FACE} \u2028 \u0085",
    "[1-3]{a,b}%41%00 !! ~ * ? #",
    "${x} {x} %s",
]
RUN = {"curl": ["sh", "code"], "python": [sys.executable, "code"], "javascript": ["node", "code.mjs"]}
CASES = [
    *(("curl", at) for at in range(len(NAMES))),
    *((language, at) for language in ("python", "javascript") for at in (1, 3, 4, 5)),
]
"""A shell reads all of these in its own way; the others read quotes, backslashes and what is not ASCII."""
needs_node = pytest.mark.skipif(shutil.which("node") is None, reason="there is no node here")
pytestmark = [needs_node, pytest.mark.skipif(shutil.which("curl") is None, reason="there is no curl here")]


class Seen(BaseHTTPRequestHandler):
    """Notes each request, and answers with the bytes of a picture."""

    requests: list[tuple[str, str, bytes, str | None]]
    picture = bytes(range(256))

    def do_GET(self) -> None:  # the name of http.server
        length = int(self.headers.get("content-length", 0))
        kind = self.headers.get("content-type") if self.command == "POST" else None
        self.requests.append((self.command, self.path, self.rfile.read(length), kind))
        self.send_response(200)
        self.send_header("content-length", str(len(self.picture)))
        self.end_headers()
        self.wfile.write(self.picture)

    do_POST = do_GET  # noqa: N815

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture(scope="module")
def server() -> Iterator[HTTPServer]:
    handler = type("Handler", (Seen,), {"requests": []})
    with HTTPServer(("127.0.0.1", 0), handler) as running:
        threading.Thread(target=running.serve_forever, daemon=True).start()
        yield running
        running.shutdown()


@pytest.fixture(scope="module")
def snippets(tmp_path_factory: pytest.TempPathFactory, server: HTTPServer) -> dict[tuple[str, str, int], str]:
    """(language, method, number of the name) -> code, all made by one run of the page's own module."""
    folder = tmp_path_factory.mktemp("modules")
    for path in STATIC.glob("*.js"):
        shutil.copy(path, folder)
    (folder / "package.json").write_text('{"type": "module"}')
    base = f"http://127.0.0.1:{server.server_port}/a/pre.fix~x"
    (folder / "run.js").write_text(f"""
        import {{snippet}} from "./code.js";
        import {{toJson}} from "./to_json.js";
        const made = [];
        for (const [at, label] of {json.dumps(NAMES)}.entries()) {{
          for (const language of ["curl", "python", "javascript"]) {{
            const get = `{base}/models/m/v/images/7/3.png?${{new URLSearchParams({{label}})}}`;
            made.push([language, "GET", at, snippet(language, {{url: get, file: "a picture'.png"}})]);
            const body = toJson({{model: "m@v", seed: 18446744073709551615n, label}});
            const wanted = {{url: "{base}/generate", body, file: "sheet.png", needsKey: true}};
            made.push([language, "POST", at, snippet(language, wanted)]);
          }}
        }}
        console.log(JSON.stringify(made));
    """)
    text = (STATIC / "api.js").read_text()
    begin = text.index("export function toJson")
    (folder / "to_json.js").write_text(text[begin : text.index("\n}\n", begin) + 3])
    done = subprocess.run(["node", "run.js"], cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return {(language, method, at): code for language, method, at, code in json.loads(done.stdout)}


@pytest.mark.parametrize(("language", "at"), CASES)
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_it_sends_the_request_and_saves_the_answer_and_runs_nothing_else(
    tmp_path: Path, server: HTTPServer, snippets: dict, language: str, method: str, at: int
):
    seen = server.RequestHandlerClass.requests
    seen.clear()
    (tmp_path / RUN[language][-1]).write_text(snippets[language, method, at])
    done = subprocess.run(RUN[language], cwd=tmp_path, capture_output=True, text=True, check=False)
    saved = "a picture'.png" if method == "GET" else "sheet.png"

    assert done.returncode == 0, f"{snippets[language, method, at]}\n{done.stderr}"
    ((found, path, body, kind),) = seen
    assert found == method
    if method == "POST":
        assert (path, kind) == ("/a/pre.fix~x/generate", "application/json")
        assert json.loads(body) == {"model": "m@v", "seed": 2**64 - 1, "label": NAMES[at]}
    else:
        assert parse_qs(urlsplit(path).query) == {"label": [NAMES[at]]}
    assert (tmp_path / saved).read_bytes() == Seen.picture
    assert {one.name for one in tmp_path.iterdir()} == {saved, RUN[language][-1]}
