"""A store in a bucket of S3, or of a service that speaks its protocol: what of it fsspec does not know.

    shards, run -> [s3_store] -> s3fs -> a bucket

Each shard carries its SHA-256 (metadata `sha256`), put in the same request as its
bytes. An object is never changed, only replaced, and one that others put in its
place has no such metadata: so a continue asks for size and SHA-256, and reads only
what has none. Credentials and endpoint come from the usual variables and files of
AWS; of what the service answers only the code is repeated, so no key ever is.
"""

import time
from pathlib import Path
from typing import Any

from models.files import digest_of
from service.bulk.remote_store import FsspecStore

PART_BYTES = 32 << 20
"""A part of a larger upload, two of which are held in memory for each shard that is put; up to twice as much is put
in one request."""
_PARTS_AT_A_TIME, _MOST_PARTS = 2, 10_000
_ANSWER_WITHIN_S = 60
"""After the last byte of a request."""
_TRY_AGAIN_AFTER_S = (0.5, 1.0, 2.0)
_SHA256 = "sha256"

_UNNAMED = ("400", "403")
"""Of an answer to HEAD, which has no body: that to a list says the reason."""
_EXISTS = ("PreconditionFailed", "412")
_CONFLICT = ("ConditionalRequestConflict", "OperationAborted", "409")
_NOT_ACCEPTED = ("ExpiredToken", "InvalidAccessKeyId", "InvalidToken", "RequestTimeTooSkewed", "SignatureDoesNotMatch",
                 "TokenRefreshRequired", "UnrecognizedClientException")  # fmt: skip
_DENIED = ("403", "AccessDenied", "AllAccessDisabled", "AccountProblem", "InvalidObjectState")
_ELSEWHERE = ("301", "307", "AuthorizationHeaderMalformed", "IllegalLocationConstraintException", "PermanentRedirect",
              "TemporaryRedirect")  # fmt: skip
_NO_CREDENTIALS = ("NoCredentialsError", "PartialCredentialsError", "CredentialRetrievalError", "ProfileNotFound",
                   "TokenRetrievalError", "SSOTokenLoadError", "UnauthorizedSSOTokenError", "NoAuthTokenError",
                   "ConfigNotFound", "ConfigParseError")  # fmt: skip


class S3Store(FsspecStore):
    """A folder in a bucket of S3.

    Raises:
        ModuleNotFoundError: s3fs, the extra `s3`, is not installed.
        ValueError: files of another kind lie there.
        OSError: the bucket does not exist, may not be read, or cannot be reached; says which.
    """

    def _connect(self) -> Any:
        import s3fs  # here and below: only who writes to a bucket has it
        from aiohttp import ClientError as HttpError
        from botocore.exceptions import BotoCoreError, ClientError

        self.failures = (OSError, BotoCoreError, ClientError, HttpError)
        return s3fs.S3FileSystem(
            skip_instance_cache=True,
            use_listings_cache=False,
            max_concurrency=_PARTS_AT_A_TIME,
            config_kwargs={"read_timeout": _ANSWER_WITHIN_S},
        )

    def measure(self, name: str) -> tuple[int, str]:
        """Bytes and SHA-256 of a file as it carries them; of one that has none every byte is read."""
        bucket, key, _ = self._system.split_path(self._path(name))
        with self._told():
            head = self._system.call_s3("head_object", Bucket=bucket, Key=key)
        digest = head.get("Metadata", {}).get(_SHA256)
        return (int(head["ContentLength"]), str(digest)) if digest else super().measure(name)

    def _create(self, path: str, written: Path | bytes) -> None:
        for wait_s in (*_TRY_AGAIN_AFTER_S, None):
            try:
                self._create_once(path, written)
                return
            except OSError as error:
                if code_of(error) in _EXISTS:
                    raise FileExistsError(path) from error
                if wait_s is None or code_of(error) not in _CONFLICT:
                    raise
                time.sleep(wait_s)  # another process puts the same file, and may fail to

    def _create_once(self, path: str, written: Path | bytes) -> None:
        if isinstance(written, bytes):
            self._system.pipe_file(path, written, mode="create")
            return
        size = written.stat().st_size
        self._system.put_file(
            str(written),
            path,
            mode="create",
            chunksize=max(PART_BYTES, -(-size // _MOST_PARTS)),
            Metadata={_SHA256: digest_of(written)},
        )

    def _require_bucket(self, error: FileNotFoundError) -> None:
        if code_of(error) == "NoSuchBucket":
            raise error

    def _reason(self, error: Exception) -> str:
        if code_of(error) in _UNNAMED:
            try:
                self._system.ls(self.folder.path)
            except self.failures as named:
                error = named if code_of(named) else error
        return reason_of(error, self.folder.bucket)


def code_of(error: BaseException) -> str | None:
    """The code of a service's answer, as in `NoSuchBucket`; None where there was no answer."""
    for one in (error, error.__cause__):
        response = getattr(one, "response", None)
        if isinstance(response, dict):
            return str(response.get("Error", {}).get("Code", ""))
    return None


def reason_of(error: Exception, bucket: str) -> str:
    """Why a request failed, and what to do, in few words and without anything that the service or a variable said but
    its code."""
    code = code_of(error)
    if code is None:
        return _without_an_answer(error, bucket)
    if code == "NoSuchBucket":
        return f"found no bucket {bucket}, expected one that exists. Make it, or check its name and AWS_ENDPOINT_URL"
    if code in _NOT_ACCEPTED:
        return f"the credentials are not accepted ({code}). Renew them, or choose others: AWS_PROFILE=NAME"
    if code in _DENIED:
        return (
            f"access is denied ({code}). The credentials need s3:ListBucket on the bucket, and s3:GetObject, "
            "s3:PutObject and s3:DeleteObject in it"
        )
    if code in _ELSEWHERE:
        return f"the bucket lies in another region ({code}). Set AWS_DEFAULT_REGION to that of the bucket"
    if code in ("NotImplemented", "501"):
        return "it knows no put-if-absent (If-None-Match), which is needed: two jobs could mix"
    return f"the service answered {code}. Repeat the command later"


def _without_an_answer(error: Exception, bucket: str) -> str:
    kinds = [kind.__name__ for kind in type(error).__mro__]
    if kinds[0] in _NO_CREDENTIALS:
        return (
            f"found no credentials ({kinds[0]}), expected AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, AWS_PROFILE, or "
            "~/.aws/credentials"
        )
    if kinds[0] in ("ParamValidationError", "InvalidEndpointConfigurationError") or "ValidationError" in kinds:
        return f"{bucket} is not a valid name of a bucket, or AWS_ENDPOINT_URL is not a valid URL"
    if "HTTPClientError" in kinds or "ConnectionError" in kinds or "ClientError" in kinds or "TimeoutError" in kinds:
        return f"it cannot be reached ({kinds[0]}). Check the network, AWS_ENDPOINT_URL and AWS_DEFAULT_REGION"
    if isinstance(error, OSError) and error.strerror:
        return error.strerror.lower()
    return str(error) if type(error) is OSError else kinds[0]
