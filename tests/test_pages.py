"""The files of the studio: downloaded again only when they have changed, and nothing in them from another host."""

import gzip
import json
import re
import shutil
import subprocess
from pathlib import Path

import pytest
from starlette.testclient import TestClient

STATIC = Path(__file__).parent.parent / "service" / "static"
FILES = sorted(STATIC.iterdir())
TYPES = {".html": "text/html", ".css": "text/css", ".js": "text/javascript", ".svg": "image/svg+xml"}


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_every_file_has_its_type_and_is_checked_before_it_is_used_again(client: TestClient, path: Path):
    answer = client.get(f"/page/{path.name}")

    assert answer.content == path.read_bytes()
    assert answer.headers["content-type"].split(";")[0] == TYPES[path.suffix]
    assert answer.headers["cache-control"] == "no-cache"
    assert answer.headers["x-content-type-options"] == "nosniff"
    again = client.get(f"/page/{path.name}", headers={"if-none-match": answer.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_no_file_points_to_another_host(path: Path):
    found = re.findall(r"(?:https?:)?//[a-z0-9][^\s\"'`)]*", re.sub(r"^\s*//.*$", "", path.read_text(), flags=re.M))

    assert set(found) <= {"http://www.w3.org/2000/svg"}  # a name and not an address


def test_the_page_lets_in_nothing_but_its_own_files(client: TestClient):
    answer = client.get("/")
    policy = answer.headers["content-security-policy"]

    assert answer.text == (STATIC / "index.html").read_text()
    assert "default-src 'self'" in policy
    assert "unsafe" not in policy
    for text in (answer.text, (STATIC / "views.html").read_text()):
        assert not re.search(r"<style|\sstyle=|<script(?![^>]* src=)|\son[a-z]+=", text)


def loaded(*modules: str) -> set[str]:
    """These modules, and all that they import."""
    wanted, found = set(modules), set()
    while new := wanted - found:
        found |= new
        imports = r'(?:from|import) "\./(.*?)"'
        wanted |= {one for name in new for one in re.findall(imports, (STATIC / name).read_text())}
    return found


VIEWS = re.findall(r'"(\w+)"', re.search(r"VIEWS = \[(.*?)\]", (STATIC / "router.js").read_text()).group(1))
FIRST_VIEWS, WITH_TRAY = ("start", "look"), ("look", "walk")
PAGES = [
    *(("app", "focus", "display", *(("tray",) if view in WITH_TRAY else ()), view) for view in VIEWS),
    ("app", "focus", "display", "tray", "look", "look_tools"),
    ("app", "focus", "display", "grade", "before_after"),
    ("model_page",),
    ("view",),
]


@pytest.mark.parametrize("modules", PAGES, ids=str)
def test_a_page_with_one_of_its_views_loads_at_most_100_kb_of_javascript(modules: tuple[str, ...]):
    assert sum((STATIC / name).stat().st_size for name in loaded(*(f"{one}.js" for one in modules))) < 100_000


@pytest.mark.parametrize("view", FIRST_VIEWS)
def test_what_comes_before_the_first_pictures_is_at_most_32_kb_in_16_files(view: str):
    """In 400 kbit/s that is 0.65 s, and each file has half a kilobyte of headers."""
    files = ["index.html", "style.css", *loaded("app.js", f"{view}.js")]

    assert len(files) <= 16
    assert sum(len(gzip.compress((STATIC / name).read_bytes())) for name in files) <= 32_000


@pytest.mark.parametrize("view", VIEWS)
def test_what_a_view_needs_is_fetched_at_once_and_not_one_after_another(view: str):
    at_once = re.findall(r'(?:modulepreload" href|<script [^>]*src)="page/(.*?)"', (STATIC / "index.html").read_text())
    first = re.search(rf"^  {view}: \[(.*?)\]", (STATIC / "first.js").read_text(), re.M | re.S)
    of_view = [f"{name}.js" for name in re.findall(r'"(\w+)"', first.group(1))]

    assert {*at_once, *of_view} == loaded("app.js", f"{view}.js")
    assert len(at_once) + len(of_view) == len({*at_once, *of_view})


def test_what_runs_before_the_document_is_parsed_touches_none_of_its_elements_at_once():
    """`first.js` runs as soon as it is here, with all that it imports: only functions may look for an element."""
    for name in loaded("first.js"):
        statements = re.sub(r"^[ }].*$", "", (STATIC / name).read_text(), flags=re.M)
        assert re.findall("querySelector|getElement", statements) == [], name


@pytest.mark.parametrize("name", ["index.html", "views.html"])
def test_each_view_is_in_one_of_both_files_and_the_first_ones_are_in_the_page_itself(name: str):
    found = re.findall(r'<section id="(\w+)"[^>]* hidden>', (STATIC / name).read_text())

    assert sorted(found) == sorted(FIRST_VIEWS if name == "index.html" else {*VIEWS} - {*FIRST_VIEWS})


PERSISTING = """
    globalThis.addEventListener = () => {};
    globalThis.document = {addEventListener: () => {}};
    const {Problem, onMissing, persist, wakeAll} = await import("./loader.js");
    onMissing(missing => missing.length && queueMicrotask(wakeAll));  // a person who presses Try again at once
    async function outcome(kinds) {
      let tries = 0;
      const attempt = async () => {
        const kind = kinds[tries++];
        if (kind) throw new Problem(503, "Broken.", kind);
        return "here";
      };
      return [await persist(attempt, {what: "pictures"}).catch(error => error.message), tries];
    }
    const [lasts, passes] = [{isLasting: true}, {retryAfterMs: 1000}];
    console.log(JSON.stringify([
      await outcome(Array(99).fill(lasts)), await outcome([...Array(99).fill(passes), undefined]),
      await outcome([lasts, lasts, lasts, lasts, passes, lasts, lasts, lasts, lasts, undefined]),
    ]));
"""


def test_what_lasts_until_an_operator_acts_is_given_up_after_five_tries_and_what_may_pass_never(tmp_path: Path):
    if shutil.which("node") is None:
        pytest.skip("there is no node here")
    for name in loaded("loader.js"):
        shutil.copy(STATIC / name, tmp_path)
    (tmp_path / "package.json").write_text('{"type": "module"}')
    (tmp_path / "run.js").write_text(PERSISTING)
    made = subprocess.run(["node", "run.js"], cwd=tmp_path, capture_output=True, text=True, check=True)
    given_up = "Broken. Trying again does not help; reload the page when it is mended."

    assert json.loads(made.stdout) == [[given_up, 5], ["here", 100], ["here", 10]]


@pytest.mark.parametrize(
    "path", [path for path in FILES if path.suffix == ".js" and not path.stem.startswith(("texts", "docs"))]
)
def test_every_text_that_javascript_shows_is_in_the_files_that_a_translator_changes(path: Path):
    code = re.sub(r"^\s*(//|\*|/\*\*).*$", "", path.read_text(), flags=re.M)

    assert re.findall(r"[\"`][^\"`\n]*\b[A-Z][a-z]+,? [a-z]+[^\"`\n]*[\"`]", code) == []


def test_the_page_may_live_behind_a_prefix():
    """No link of it begins at the root of the host."""
    text = (STATIC / "index.html").read_text()

    assert not re.search(r"(?:href|src)=\"/", text)


def test_paths_outside_of_the_folder_are_not_served(client: TestClient):
    for path in ("/page/", "/page/nothing.js", "/page/../server.py", "/page/%2e%2e/server.py"):
        answer = client.get(path)
        assert answer.status_code == 404, path
        assert answer.headers["content-type"] == "application/problem+json"


@pytest.mark.parametrize(
    "word",
    [
        "a'; touch X; echo '",
        "'",
        "''",
        "$(touch X)",
        "`touch X`",
        '"; touch X; "',
        "a\ntouch X\n",
        "\\",
        "!!",
        "*",
        "~",
        "a b",
        "",
        "& touch X &",
        "ünïcode",
        "models/mnist",
    ],
)
def test_a_word_of_a_command_to_copy_reaches_the_program_as_it_is_and_runs_nothing(tmp_path: Path, word: str):
    if shutil.which("node") is None:
        pytest.skip("there is no node here")
    arguments = ["%s\\0", word, f"models/{word}", json.dumps({"label": word})]
    program = (STATIC / "shell.js").read_text() + f"\nconsole.log(commandLine('printf', ...{json.dumps(arguments)}));"
    made = subprocess.run(["node", "--input-type=module", "-e", program], capture_output=True, text=True, check=True)
    shell = subprocess.run(["sh"], input=made.stdout, cwd=tmp_path, capture_output=True, text=True, check=True)

    assert shell.stdout.split("\0")[:-1] == arguments[1:]
    assert list(tmp_path.iterdir()) == []


def test_every_command_to_copy_is_made_by_the_one_function_that_quotes():
    assert re.findall(r'querySelector\("pre"\)\.textContent = *\s*(\w+)', (STATIC / "code.js").read_text()) == [
        "snippet"
    ]


@pytest.mark.parametrize("name", ["learn.js", "run_request.js"])
def test_every_command_for_a_trainer_is_made_by_it_too_or_by_the_service(name: str):
    """What the service gives is quoted there: tests/test_rounds.py."""
    (shown,) = re.findall(r"showCommand\(noTrainer, (.*?)\);\n", (STATIC / name).read_text(), re.S)
    rest, made = re.subn(r"commandLine\((?:[^()]|\([^()]*\))*\)", "", shown)

    assert made > 0
    assert set(re.findall(r'["`]([^"`]*)["`]', rest)) <= {" "}


def test_no_other_file_makes_a_command():
    makers = {path.name for path in FILES if path.suffix == ".js" and re.search(r"\bcurl\b|<pre", path.read_text())}

    assert makers <= {"code.js", "texts.js", "shell.js"}


def test_the_tests_of_the_page_wait_for_what_they_expect():
    """A page is never at once as it will be, and never idle: it asks for the status of the service now and then."""
    root = STATIC.parent.parent
    sources = [*root.glob("tests/test_page_*.py"), *root.glob(".ci/studio/test_*.py")]
    read = r"is_\w+|inner_text|text_content|input_value|get_attribute"
    moments = re.compile(rf"assert .*\.(?:{read})\(\)|count\(\) [=<>]=|networkidle")

    assert len(sources) > 15
    assert {path.name: found for path in sources if (found := moments.findall(path.read_text()))} == {}
