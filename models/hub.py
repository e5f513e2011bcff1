"""The Hugging Face Hub: a bundle is pulled from a repository there, and pushed to one.

    hf://owner/name[@revision] -> [hub] -> a folder -> bundle
    models/<name>/ -> bundle, model_card -> [hub] -> hf://owner/name

What lies there is from strangers. Of a repository only the files that its card names
are taken; their sizes are bounded before any is read, and no more than that is read;
the folder is opened as every bundle is, so all digests match, and a broken one
leaves nothing. huggingface_hub, the extra `hub`, is imported when it is needed, with
its telemetry off; it finds the Hub by HF_ENDPOINT and a token by HF_TOKEN or
`hf auth login`. Knows no engine and no pictures.
"""

import os
import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Self

from models.bundle import CARD, Bundle, decode_card, open_bundle, read_card, with_card
from models.bundle_writer import receiving
from models.card import Card
from models.errors import BundleError, HubError
from models.files import write_synced
from models.model_card import README, model_card

if TYPE_CHECKING:
    from huggingface_hub import HfApi

SCHEME = "hf://"
LARGEST_CARD_BYTES, LARGEST_BYTES = 1 << 20, 1 << 30
"""Of `card.json`, and of all files of a bundle together."""
SHAPE = f"{SCHEME}OWNER/NAME or {SCHEME}OWNER/NAME@REVISION"
_NAME = r"[A-Za-z0-9][A-Za-z0-9._-]{0,95}"
_ADDRESS = re.compile(rf"{SCHEME}(?P<repository>{_NAME}/{_NAME})(@(?P<revision>[A-Za-z0-9][A-Za-z0-9._/-]{{0,199}}))?")
_COMMIT = re.compile(r"[0-9a-f]{40}")
_TIMEOUT_S = 30.0
"""Without a byte; a download as a whole may take longer."""
_PIECE_BYTES = 1 << 18
Report = Callable[[str], None]


@dataclass(frozen=True)
class HubAddress:
    """A repository of models on the Hub, at a branch, a tag or a commit."""

    repository: str
    revision: str | None = None
    """None: the branch main."""

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read `hf://owner/name[@revision]`.

        Raises:
            HubError: it is written otherwise.
        """
        found = _ADDRESS.fullmatch(text)
        if found is None:
            raise HubError(f"found {text[:200]!r}, expected {SHAPE}")
        return cls(found["repository"], found["revision"])

    def __str__(self) -> str:
        return f"{SCHEME}{self.repository}" + (f"@{self.revision}" if self.revision else "")


def pull(address: HubAddress, folder: Path, replace: bool = False, report: Report = lambda _: None) -> Bundle:
    """Put the bundle of a repository into a folder of models, under the name in its card.

    Args:
        replace: make it the current one where another version has its name; that one stays as `<name>@<version>`.
        report: told what is read.

    Returns:
        The bundle; where its version is there already nothing is read, and it is that one.

    Raises:
        HubError: there is no such repository, it is not a whole bundle, or another version has its name.
    """
    source = _Source.find(address)
    path = folder / source.card.name
    if (there := with_card(path)) is not None:
        found = read_card(there)
        if found.version == source.card.version:
            return open_bundle(there)
        if not replace:
            raise HubError(
                f"{address}: found version {source.card.version} of {found.name}, and {path} has {found.version}. "
                "With --replace it becomes the current one, and that one stays next to it"
            )
    return source.fetch(path, report)


def cached(address: HubAddress) -> Path:
    """The folder of a bundle from the Hub, kept on this machine by its commit; read from there when it is not here yet.

    Where the revision is a whole commit, and is here, the Hub is not asked.

    Raises:
        HubError: see `pull`.
    """
    root = _cache_folder() / address.repository.replace("/", "--")
    if _COMMIT.fullmatch(address.revision or "") and (found := _bundle_in(root / str(address.revision))):
        return found
    source = _Source.find(address)
    folder = root / source.commit
    return _bundle_in(folder) or source.fetch(folder / source.card.name).path


def push(path: Path, address: HubAddress, licence: str | None = None, private: bool = False) -> str:
    """Make a commit of a bundle and its model card in a repository, which is made where it is not there.

    Files of the repository that the card does not name stay as they are.

    Args:
        path: the folder of the bundle.
        address: its revision is the branch.
        licence: of the model, as the Hub writes it: apache-2.0, cc-by-4.0, ...
        private: whether a repository that is made is private.

    Returns:
        The URL of the commit.

    Raises:
        BundleError: the bundle is not whole and unaltered; nothing is sent then.
        HubError: the Hub refuses it, or cannot be reached.
    """
    card = open_bundle(path).card
    with _hub(address) as api:
        from huggingface_hub import CommitOperationAdd

        contents: Mapping[str, Path | bytes] = {
            **{name: path / name for name in (CARD, *card.files)},
            README: model_card(card, str(HubAddress(address.repository)), licence).encode(),
        }
        api.create_repo(address.repository, private=private or None, exist_ok=True)
        commit = api.create_commit(
            address.repository,
            [CommitOperationAdd(name, content) for name, content in contents.items()],
            commit_message=f"{card.name} {card.version}",
            revision=address.revision,
        )
        return str(commit.commit_url)


@dataclass(frozen=True)
class _Source:
    """One commit of a repository: its card, and how large the files that the card names are."""

    address: HubAddress
    commit: str
    card: Card
    card_bytes: bytes
    sizes: Mapping[str, int]

    @classmethod
    def find(cls, address: HubAddress) -> Self:
        """Look at a repository, and read its card alone."""
        with _hub(address) as api:
            info = api.model_info(address.repository, revision=address.revision, files_metadata=True)
            commit = str(info.sha)
            sizes = {one.rfilename: one.size or 0 for one in info.siblings or ()}
            if not _COMMIT.fullmatch(commit) or not 0 < sizes.get(CARD, 0) <= LARGEST_CARD_BYTES:
                found = f"{CARD} of {sizes[CARD]:,} bytes" if CARD in sizes else f"no {CARD}"
                raise HubError(f"{address}: found {found}, expected a bundle of zoetrope, with one of up to 1 MiB")
            data = b"".join(_pieces(api, address, commit, CARD, sizes[CARD]))
            card = decode_card(data, Path(CARD))
        wanted = {name: sizes.get(name, 0) for name in card.files}
        if missing := [name for name, size in wanted.items() if not size]:
            raise HubError(f"{address}: found no {missing[0]}, expected every file that its card names")
        if sum(wanted.values()) > LARGEST_BYTES:
            raise HubError(
                f"{address}: found {sum(wanted.values()):,} bytes, expected at most {LARGEST_BYTES:,}. Nothing was read"
            )
        return cls(address, commit, card, data, wanted)

    def fetch(self, path: Path, report: Report = lambda _: None) -> Bundle:
        """Read the files into a folder, which takes the place of `path` when all of it was found to be whole."""
        path.parent.mkdir(parents=True, exist_ok=True)
        with _hub(self.address) as api, receiving(path) as folder:
            for name, size in self.sizes.items():
                report(f"{name}, {size:,} bytes")
                with (folder / name).open("xb") as file:
                    for piece in _pieces(api, self.address, self.commit, name, size):
                        file.write(piece)
                    file.flush()
                    os.fsync(file.fileno())
            write_synced(folder / CARD, self.card_bytes)  # the last one: a folder with a card is whole
        return open_bundle(path)


def _pieces(api: "HfApi", address: HubAddress, commit: str, name: str, size: int) -> Iterator[bytes]:
    """A file of a commit, as many bytes as it was said to have.

    Raises:
        HubError: it has more, or fewer.
    """
    from huggingface_hub import get_session, hf_hub_url
    from huggingface_hub.utils import build_hf_headers, hf_raise_for_status  # type: ignore[attr-defined]

    url = hf_hub_url(address.repository, name, revision=commit, endpoint=api.endpoint)
    read = 0
    with get_session().stream("GET", url, headers=build_hf_headers(), timeout=_TIMEOUT_S) as response:
        hf_raise_for_status(response)
        for piece in response.iter_bytes(_PIECE_BYTES):
            read += len(piece)
            if read > size:
                break
            yield piece
    if read != size:
        found = "more" if read > size else f"{read:,}"
        raise HubError(f"{address}: found {found} bytes of {name}, expected {size:,}, as the Hub said")


@contextmanager
def _hub(address: HubAddress) -> Iterator["HfApi"]:
    """The client of the Hub; what goes wrong with it in this block is told with the address, in one line."""
    try:
        from httpx2 import HTTPError
        from huggingface_hub import HfApi
        from huggingface_hub.errors import HfHubHTTPError
    except ModuleNotFoundError as error:
        raise ModuleNotFoundError(
            f"{SCHEME} needs {error.name}, which comes with the extra hub: pip install 'zoetrope[hub]'",
            name=error.name,
        ) from None
    try:
        yield HfApi(endpoint=os.environ.get("HF_ENDPOINT") or None)
    except BundleError as error:
        raise HubError(
            f"{address}: {error.path.name}: found {error.found}, expected {error.expected}. Nothing was kept"
        ) from None
    except HfHubHTTPError as error:
        status = error.response.status_code
        raise HubError(f"{address}: the Hub answered {status}. {_WHAT_TO_DO.get(status, 'Try again later')}") from None
    except (HTTPError, ConnectionError) as error:
        raise HubError(
            f"{address}: the Hub cannot be reached ({' '.join(str(error).split())[:200] or type(error).__name__}). "
            "HF_ENDPOINT names another one"
        ) from None
    except (ValueError, RuntimeError) as error:  # a name, or a header of README.md, that the Hub does not take
        raise HubError(f"{address}: {' '.join(str(error).split())[:300]}") from None


_WHAT_TO_DO = {
    401: "Is the name right? A private repository needs a token: hf auth login, or HF_TOKEN",
    403: "The token may not do this; give it the right to write, or ask the owner of the repository",
    404: "There is no such repository, revision or file",
    429: "It refuses so many requests; wait a minute",
}


def _bundle_in(folder: Path) -> Path | None:
    """The one bundle in a folder of the cache, which has the name of its model."""
    return next((path for path in folder.iterdir() if with_card(path) == path), None) if folder.is_dir() else None


def _cache_folder() -> Path:
    """Next to what huggingface_hub keeps itself."""
    home = os.environ.get("HF_HOME")
    shared = Path(os.environ.get("XDG_CACHE_HOME") or "~/.cache") / "huggingface"
    return (Path(home) if home else shared).expanduser() / "zoetrope"
