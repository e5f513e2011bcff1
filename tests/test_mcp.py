"""Agents draw by the Model Context Protocol, with the package's own client: from a real service, and over stdio."""

import asyncio
import io
import json
import os
import signal
import subprocess
import sys
from base64 import b64decode
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from mcp import Client, StdioServerParameters
from mcp_types import CallToolResult
from PIL import Image
from starlette.testclient import TestClient
from support.in_process import PINNED
from support.serving import ROOT, Server

from service.access.rules import Access
from service.app import App
from service.middleware import RequestLimitsMiddleware
from service.routes import mcp as route
from service.settings import read_settings

HEADERS = {"Accept": "application/json", "Content-Type": "application/json"}
SECRET = "a-secret-to-draw-0123456789"


def image_of(answer: CallToolResult) -> np.ndarray:
    assert not answer.is_error, answer.content
    return np.asarray(Image.open(io.BytesIO(b64decode(answer.content[0].data))))


def sheet(data: bytes) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(data)))


async def look_at_every_tool(client: Client) -> dict[str, Any]:
    """What an agent gets from each of them."""
    found: dict[str, Any] = {"tools": sorted(tool.name for tool in (await client.list_tools()).tools)}
    for name, arguments in {
        "list_models": {},
        "draw": {"model": "pets", "seed": 7, "n": 3, "label": {"cat": 1, "dog": 3}},
        "interpolate": {"model": "grey", "points": [{"seed": 7}, {"seed": 8}], "frames": 5},
        "permanent_link": {"model": "pets", "seed": 7, "index": 2, "label": "7", "format": "webp"},
    }.items():
        found[name] = await client.call_tool(name, arguments)
    found["wrong"] = await client.call_tool("draw", {"n": 65, "sed": 7})
    found["missing"] = await client.call_tool("draw", {"model": "gray"})
    return found


def run(
    where: str | StdioServerParameters, work: Callable[[Client], Coroutine[Any, Any, Any]], mode: str = "auto"
) -> Any:
    async def connected() -> Any:
        async with Client(where, mode=mode) as client:
            return await work(client)

    return asyncio.run(connected())


def check(found: dict[str, Any], studio: Server, url: str) -> None:
    """The pixels are those of the service's other routes, and links lead to them."""
    status, drawn = studio.generate('{"model": "pets", "seed": 7, "n": 3, "label": {"cat": 1, "dog": 3}}')
    assert status == 200
    assert found["tools"] == ["draw", "interpolate", "list_models", "permanent_link"]
    assert {"grey", "pets"} <= {one["name"] for one in found["list_models"].structured_content["models"]}
    assert np.array_equal(image_of(found["draw"]), sheet(drawn))
    first, *_ = found["draw"].structured_content["pictures"]
    assert first["url"].startswith(f"{url}/models/pets/")
    assert first["url"].endswith("/images/7/0.png?classes=0:250,1:750")
    assert first["url"] in found["draw"].content[1].text
    assert image_of(found["interpolate"]).shape == (8, 5 * 8 + 4 * 2)
    link = found["permanent_link"].structured_content["url"]
    status, webp = studio.get(link.removeprefix(url))
    assert (status, Image.open(io.BytesIO(webp)).format) == (200, "WEBP")
    assert found["wrong"].is_error
    assert "n is 65: expected at most 64; sed is 7" in found["wrong"].content[0].text
    assert "There is no model 'gray'" in found["missing"].content[0].text


@pytest.mark.parametrize("mode", ["2026-07-28", "legacy"])
def test_their_client_draws_the_pixels_of_generate_over_http(studio: Server, mode: str):
    check(run(f"{studio.url}/mcp", look_at_every_tool, mode), studio, studio.url)


def test_their_client_draws_the_same_over_stdio_without_a_server(studio: Server, bundles: Path):
    command = StdioServerParameters(
        command=sys.executable,
        args=["-m", "zoetrope", "mcp", "--url", studio.url],
        cwd=ROOT,
        env={
            "ZOETROPE_MODELS": str(bundles),
            "PYTHONPATH": ":".join(sys.path),
            **{f"ZOETROPE_{name.upper()}": str(value) for name, value in PINNED.items()},
        },
    )

    check(run(command, look_at_every_tool), studio, studio.url)


def test_a_person_can_stop_it_while_it_waits(bundles: Path):
    """Before: the thread that waits for stdin held the process until the next line."""
    process = subprocess.Popen(
        [sys.executable, "-m", "zoetrope", "mcp"],
        cwd=ROOT,
        env={**os.environ, "ZOETROPE_MODELS": str(bundles)},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    process.stdin.write(json.dumps(message("ping")).encode() + b"\n")
    process.stdin.flush()
    assert json.loads(process.stdout.readline())["id"] == 1
    process.send_signal(signal.SIGINT)

    assert process.wait(30) == -signal.SIGINT
    process.communicate()


def message(method: str, **params: object) -> dict:
    return {"jsonrpc": "2.0", "id": 1, "method": method, "params": params}


def sent(client: TestClient, body: object = None, **options: Any) -> Any:
    return client.post("/mcp", **{"json": body, "headers": HEADERS, **options})


def test_no_session_is_kept_and_a_request_needs_none(client: TestClient):
    drawn = sent(client, message("tools/call", name="draw", arguments={"seed": 7}))

    assert "mcp-session-id" not in drawn.headers
    image = drawn.json()["result"]["content"][0]
    assert b64decode(image["data"]) == client.post("/generate", json={"seed": 7}).content
    assert image["mimeType"] == "image/png"
    for answer in (client.get("/mcp"), client.delete("/mcp")):
        assert (answer.status_code, answer.headers["allow"]) == (405, "POST")


@pytest.mark.parametrize(
    ("options", "status", "words"),
    [
        ({"headers": HEADERS | {"Host": "evil.example"}}, 421, "Host is 'evil.example'"),
        ({"headers": HEADERS | {"Origin": "https://evil.example"}}, 403, "comes from a page of https://evil.example"),
        ({"headers": HEADERS | {"Content-Type": "text/plain"}}, 415, "Content-Type is text/plain"),
        ({"json": None, "content": b" " * 65_537}, 413, "larger than 65536 bytes"),
        ({"json": None, "content": b"{"}, 400, "Parse error"),
        ({"json": None, "content": b"[" * 60_000}, 400, "Parse error"),
    ],
)
def test_what_is_refused_is_refused_as_everywhere_and_in_their_form(
    client: TestClient, options: dict, status: int, words: str
):
    answer = sent(client, message("tools/list"), **options)

    assert answer.status_code == status, answer.text
    assert words in answer.json()["error"]["message"]


def test_drawing_needs_a_key_where_a_setting_says_so_and_counts_for_its_limits(
    app: App, monkeypatch: pytest.MonkeyPatch
):
    variables = {
        "ZOETROPE_KEYS": f"d:draw:{SECRET}",
        "ZOETROPE_DRAW_NEEDS_KEY": "true",
        "ZOETROPE_PICTURES_PER_SECOND": "0.01",
    }
    monkeypatch.setattr(app, "access", Access(read_settings(variables)))
    client = TestClient(RequestLimitsMiddleware(app, app), base_url="http://127.0.0.1:3000")
    call = message("tools/call", name="draw", arguments={"seed": 7, "n": 2})
    with_key = HEADERS | {"Authorization": f"Bearer {SECRET}"}
    results = [sent(client, call, headers=with_key).json()["result"] for _ in range(2)]

    assert sent(client, call).status_code == 401
    assert [result.get("isError", False) for result in results] == [False, True]
    assert "pictures" in results[1]["content"][0]["text"]


def test_where_the_package_is_missing_the_service_says_so(client: TestClient, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setitem(sys.modules, "mcp", None)

    assert not route.is_installed()
    answer = sent(client, message("tools/list"))
    assert answer.status_code == 404
    assert (
        "not served here: the extra mcp is not installed where the service runs." in answer.json()["error"]["message"]
    )


anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=4,
)
fields = st.sampled_from(["jsonrpc", "id", "method", "params"])
calls = st.builds(
    lambda name, arguments: message("tools/call", name=name, arguments=arguments),
    st.sampled_from(["draw", "interpolate", "permanent_link", "list_models", "paint"]),
    st.dictionaries(st.sampled_from(["model", "n", "seed", "label", "points", "format"]), anything, max_size=3),
)


@given(
    anything | st.dictionaries(fields, anything, max_size=4) | calls, st.none() | st.sampled_from(["2026-07-28", "x"])
)
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_whatever_is_sent_is_answered_and_no_failure_is_logged(
    client: TestClient, caplog: pytest.LogCaptureFixture, body: object, revision: str | None
):
    caplog.clear()
    headers = HEADERS if revision is None else HEADERS | {"MCP-Protocol-Version": revision, "Mcp-Method": "tools/call"}
    answer = sent(client, None, content=json.dumps(body), headers=headers)

    assert answer.status_code in (200, 202, 400, 404)
    if answer.status_code != 202:
        assert {"result", "error"} & set(answer.json())
    assert [record for record in caplog.records if record.levelname == "ERROR"] == []
