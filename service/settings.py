"""Every environment variable of the service: read once, typed, named when wrong.

ZOETROPE_* -> [settings] -> server, app, registry, loader
"""

import os
import re
from collections.abc import Mapping
from ipaddress import IPv4Network, IPv6Network, ip_network
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, model_validator

from models.cores import usable_cores
from models.engine import Device, Library, Precision
from service.access.forwarded import PREFIX_PATTERN
from service.access.keys import Key, check_distinct, parse_keys, read_keys
from service.log import LogFormat, LogLevel
from service.validation import expectation

PREFIX = "ZOETROPE_"
MOST_WORKERS = 64
_SECRET_FIELD = re.compile("key")
"""Values of fields whose names have this in them are in no message, and neither are those of misspelled ones."""


def _names(value: object) -> object:
    """Names with commas between, as a tuple in lower case."""
    if not isinstance(value, str):
        return value
    return tuple(name.strip().lower() for name in value.split(",") if name.strip())


def _keys(value: object) -> object:
    """Keys with semicolons or line breaks between."""
    return parse_keys(re.split(r"[;\n]", value), f"{PREFIX}KEYS") if isinstance(value, str) else value


def _networks(value: object) -> object:
    """Addresses and networks with commas between."""
    if not isinstance(value, str):
        return value
    try:
        return tuple(ip_network(name.strip(), strict=False) for name in value.split(",") if name.strip())
    except ValueError as error:
        raise ValueError(f"{PREFIX}PROXIES: {error}. Expected: addresses such as 127.0.0.1 or 10.0.0.0/8") from None


_ORIGIN = re.compile(r"\*|https?://[a-z0-9._\[\]:-]+")


def _origins(value: object) -> object:
    """Origins of web pages with commas between."""
    names = _names(value)
    for name in names if isinstance(names, tuple) else ():
        if not _ORIGIN.fullmatch(str(name)):
            raise ValueError(
                f"{PREFIX}CORS_ORIGINS has {name!r}. Expected: origins such as https://pictures.example, or *"
            )
    return names


_FINGERPRINT = re.compile(r"[0-9a-f]{8}")


def _fingerprints(value: object) -> object:
    """Fingerprints of `GET /status` with commas between."""
    names = _names(value)
    for name in names if isinstance(names, tuple) else ():
        if not _FINGERPRINT.fullmatch(str(name)):
            raise ValueError(f"{PREFIX}FINGERPRINT has {name!r}. Expected: eight hex digits each, as in GET /status")
    return names


class Settings(BaseModel):
    """`ZOETROPE_DEVICE=cuda` sets `device`, and so on. Paths are relative to the working directory."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    models: Path = Field(default=Path("models"), description="The folder of bundles.")
    default_model: str = Field(
        default="mnist", description="Draws where a request names no model; the first by name, if it is not there."
    )
    older_versions: int = Field(
        default=4, ge=1, description="Older versions in memory at most; the least recently used one is released."
    )
    device: Device = Field(default="cpu", description="cpu or cuda. Where it is missing, the service is not ready.")
    engine: Library | Literal["auto"] = Field(
        default="auto", description="onnxruntime or openvino; auto follows the rule of models.engine_selection."
    )
    precision: Precision | Literal["auto"] = Field(
        default="auto",
        description="float32, tf32, float16 or bfloat16; auto follows the rule, too.",
    )
    fingerprint: Annotated[tuple[str, ...], BeforeValidator(_fingerprints)] = Field(
        default=(), description="Of GET /status, with commas between: a model that is drawn with another is refused."
    )
    engines: str | None = Field(default=None, description="Ignored: no engine is measured any more.")
    workers: int = Field(
        default=1, ge=1, le=MOST_WORKERS, description="Processes that share the port, each with an engine."
    )
    threads: int | None = Field(
        default=None,
        ge=1,
        description="CPU threads of a worker's engine; by default its share of the cores, or of the container's quota.",
    )
    queue_images: int = Field(default=16_384, ge=1, description="Pictures that may wait for the engine; then 503.")
    deadline_seconds: float = Field(
        default=30, gt=0, allow_inf_nan=False, description="Pictures that are not begun by then are refused with 503."
    )
    coalesce: bool = Field(default=True, description="Whether pictures of several requests are drawn in one batch.")
    grades: str = Field(
        default="sqlite:///runs/grades.db",
        description="The database of people's grades: sqlite:///FILE, or postgresql+psycopg://USER@HOST/DATABASE.",
    )
    runs: Path = Field(default=Path("runs"), description="The folder of training runs that /runs shows.")
    index: Path | None = Field(
        default=None, description="A file of training pictures, by which copies of them are found."
    )
    open_index: bool = Field(
        default=False, description="Whether everyone who can connect sees the training pictures nearest to a drawn one."
    )
    open_ratings: bool = Field(
        default=False, description="Whether grades are accepted without a key from everyone who can connect."
    )
    open_downloads: bool = Field(
        default=False, description="Whether everyone who can connect may download bundles, without a key."
    )
    keys: Annotated[tuple[Key, ...], BeforeValidator(_keys)] = Field(
        default=(), description="API keys, NAME:SCOPES:SECRET, with semicolons between."
    )
    keys_file: Path | None = Field(
        default=None, description="A file of API keys, one a line; read again within a second when it changes."
    )
    client_key: str | None = Field(
        default=None, repr=False, description="Ignored: the secret that load/ and `finetune --ratings` send."
    )
    draw_needs_key: bool = Field(default=False, description="Whether drawing needs a key with the scope draw.")
    pictures_per_second: float | None = Field(
        default=None,
        gt=0,
        allow_inf_nan=False,
        description="A key, or an address without one, draws so many; else 429.",
    )
    grades_per_minute: float = Field(
        default=1_000,
        gt=0,
        allow_inf_nan=False,
        description="A key, or an address without one, stores so many; else 429.",
    )
    grades_megabytes: float = Field(
        default=1_024, gt=0, allow_inf_nan=False, description="A database of this size takes no more grades: 507."
    )
    hosts: Annotated[tuple[str, ...], BeforeValidator(_names)] = Field(
        default=(), description="Further names of this service on loopback, with commas between; else 421."
    )
    cors_origins: Annotated[tuple[str, ...], BeforeValidator(_origins)] = Field(
        default=(), description="Origins of other web pages that may draw and grade, with commas between; or *."
    )
    proxies: Annotated[tuple[IPv4Network | IPv6Network, ...], BeforeValidator(_networks)] = Field(
        default=(), description="Addresses or networks of proxies whose X-Forwarded-* is believed, with commas between."
    )
    prefix: str = Field(
        default="", pattern=f"^{PREFIX_PATTERN}$", description="Path at which a proxy shows this service, as /pictures."
    )
    pictures: Path | None = Field(
        default=None, description="The folder of pictures that runs may be started on from the page."
    )
    renew_seconds: float = Field(
        default=1, ge=0, allow_inf_nan=False, description="How often the models are scanned for new ones; 0 is never."
    )
    encoder_threads: int = Field(default=2, ge=1, description="Threads that encode pictures.")
    marks: bool = Field(
        default=True, description="Whether files say that their pictures are synthetic, and by what recipe."
    )
    c2pa_key: Path | None = Field(
        default=None, description="A private key in PEM: pictures have signed C2PA manifests. Needs the extra c2pa."
    )
    c2pa_certificate: Path | None = Field(
        default=None, description="The certificate of that key and those of its issuers, in PEM."
    )
    c2pa_embed: bool = Field(
        default=False, description="Whether files hold their manifest, which changes their bytes at every answer."
    )
    request_timeout_seconds: float = Field(
        default=20, gt=0, allow_inf_nan=False, description="Headers and body of a request arrive by then, else 408."
    )
    write_timeout_seconds: float = Field(
        default=30, gt=0, allow_inf_nan=False, description="A client that reads nothing for so long is disconnected."
    )
    keep_alive_seconds: float = Field(
        default=75, gt=0, allow_inf_nan=False, description="An idle connection is closed after this time."
    )
    connections: int | None = Field(
        default=None,
        ge=1,
        description="Connections of a worker; by default the lower of 1,024 and half of the file limit.",
    )
    hang_seconds: float = Field(
        default=2,
        ge=0,
        allow_inf_nan=False,
        description="A worker whose event loop or engine thread stands still for so long is replaced; 0 is never.",
    )
    load_seconds: float = Field(
        default=300,
        ge=0,
        allow_inf_nan=False,
        description="A worker that loads one model for so long, while it is not ready, is replaced; 0 is never.",
    )
    log: LogFormat = Field(default="text", description="How the service logs: text, or a line of JSON a message.")
    log_level: LogLevel = Field(default="info", description="From which level on: debug, info, warning or error.")
    shutdown_seconds: float = Field(
        default=20, ge=0, allow_inf_nan=False, description="What requests under way get after SIGTERM; then they end."
    )

    @model_validator(mode="after")
    def _has_keys_where_it_needs_them(self) -> "Settings":
        if self.draw_needs_key and not self.keys and self.keys_file is None:
            raise ValueError(f"{PREFIX}DRAW_NEEDS_KEY is true, but there is no {PREFIX}KEYS_FILE and no {PREFIX}KEYS")
        return self

    @model_validator(mode="after")
    def _has_all_that_signs(self) -> "Settings":
        key, certificate = f"{PREFIX}C2PA_KEY", f"{PREFIX}C2PA_CERTIFICATE"
        if (self.c2pa_key is None) != (self.c2pa_certificate is None):
            there, missing = (certificate, key) if self.c2pa_key is None else (key, certificate)
            raise ValueError(f"{there} is set, but {missing} is not; signing needs both")
        if self.c2pa_embed and not self.signs:
            raise ValueError(f"{PREFIX}C2PA_EMBED is true, but there is no {key} and no {certificate}")
        return self

    @property
    def signs(self) -> bool:
        """Whether pictures have signed manifests."""
        return self.c2pa_key is not None

    @property
    def pinned_library(self) -> Library | None:
        """The library of the engine; None leaves it to the rule."""
        return None if self.engine == "auto" else self.engine

    @property
    def pinned_precision(self) -> Precision | None:
        """The precision of the engine; None leaves it to the rule."""
        return None if self.precision == "auto" else self.precision

    @property
    def engine_threads(self) -> int:
        """CPU threads of one worker's engine, 1 or more: workers divide the cores, so that none waits for another."""
        return self.threads or max(1, usable_cores() // self.workers)

    @property
    def pins_engine(self) -> bool:
        """Whether engine and precision are pinned, so that no rule replaces them on another processor or release."""
        return self.pinned_library is not None and self.pinned_precision is not None


def read_settings(environment: Mapping[str, str] = os.environ) -> Settings:
    """The settings in the environment.

    Raises:
        ValueError: a variable that is unknown or has no legal value; names it and what is legal.
    """
    given = {key[len(PREFIX) :].lower(): value for key, value in environment.items() if key.startswith(PREFIX)}
    try:
        return Settings.model_validate(given)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        if first["type"] == "value_error":  # one of ours, whose words name the variable
            raise ValueError(f"{first['msg'].removeprefix('Value error, ')}.") from None
        name = str(first["loc"][0])
        known = ", ".join(PREFIX + field.upper() for field in Settings.model_fields)
        expected = expectation(first) if name in Settings.model_fields else f"one of {known}"
        found = "set" if _SECRET_FIELD.search(name) else f"{given.get(name)!r}"
        raise ValueError(f"{PREFIX}{name.upper()} is {found}. Expected: {expected}.") from None


def worker_count() -> int:
    """How many workers the environment asks for; 1 where a setting is wrong, which is said before any starts."""
    try:
        return read_settings().workers
    except ValueError:
        return 1


def check_keys(settings: Settings) -> None:
    """Look at the file of keys before the service starts; afterwards a wrong one changes nothing.

    Raises:
        ValueError: it cannot be read, or a line is no key; says which, and never a secret.
    """
    if settings.keys_file is not None:
        try:
            check_distinct(settings.keys, read_keys(settings.keys_file), settings.keys_file)
        except ValueError as error:
            raise ValueError(f"{PREFIX}KEYS_FILE: {error}.") from None
