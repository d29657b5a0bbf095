# ruff: noqa: E501
"""What a store that fails is told with: plain words, nothing of the library's own."""

import http.server
import threading
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from unittest.mock import patch

import pytest

from jobs.errors import PerennialError
from jobs.store import failures
from jobs.store.prefix import Prefix
from jobs.store.said import said

LIBRARYS = (
    "Generic",
    "Debug source",
    "source:",
    "retry",
    "Error performing",
    "os error",
    "ms",
    "{",
)
VARIABLES = ("AWS_", "AZURE_", "GOOGLE_")


@pytest.fixture(autouse=True)
def _impatient(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    import os

    for name in [name for name in os.environ if name.startswith(VARIABLES)]:
        monkeypatch.delenv(name)
    monkeypatch.setattr(failures, "MOST_ATTEMPTS", 1)
    with patch.dict(failures.RETRY, max_retries=0, retry_timeout=timedelta(seconds=1)):
        yield


def told(uri: str, *, writing: bool = False) -> str:
    with pytest.raises(PerennialError) as caught:
        Prefix(uri).create("x", b"1") if writing else Prefix(uri).read("x")
    text = str(caught.value)
    assert "\n" not in text
    assert not [word for word in LIBRARYS if word in text.replace("items", "")], text
    return text


@pytest.mark.parametrize(
    ("uri", "environment", "expected"),
    [
        ("az://c/p", {}, "store az://c/p cannot be opened: no storage account is named; set AZURE_STORAGE_ACCOUNT_NAME"),
        ("az://c/p", {"AZURE_STORAGE_ACCOUNT_NAME": "a", "AZURE_STORAGE_ACCOUNT_KEY": "no!"}, "store az://c/p cannot be opened: AZURE_STORAGE_ACCOUNT_KEY is no key; copy it anew"),
        ("gs://b/p", {"GOOGLE_APPLICATION_CREDENTIALS": "/nope.json"}, "store gs://b/p cannot be opened: the file in GOOGLE_APPLICATION_CREDENTIALS is not there"),
        ("gs://b/p", {"GOOGLE_APPLICATION_CREDENTIALS": "{folder}/empty.json"}, "store gs://b/p cannot be opened: the file in GOOGLE_APPLICATION_CREDENTIALS is no service account's; make its key anew"),
        ("s3://b/p", {"AWS_ENDPOINT_URL": "http://127.0.0.1:9"}, "store failed at s3://b/p/x: nothing listens there; check address and port"),
        ("s3://b/p", {"AWS_ENDPOINT_URL": "http://nohost.invalid:9"}, "store failed at s3://b/p/x: its host has no address; check the name and the network"),
        ("s3://b/p", {"AWS_ENDPOINT_URL": "news:9"}, "AWS_ENDPOINT_URL in the environment: expected http://host/ or https://host/"),
        ("s3://b/p", {"AWS_PROFILE": "nope"}, "AWS settings for s3://b/p: The config profile (nope) could not be found; correct AWS_PROFILE or ~/.aws"),
    ],
)  # fmt: skip
def test_what_is_missing_is_named(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    uri: str,
    environment: dict[str, str],
    expected: str,
) -> None:
    (tmp_path / "empty.json").write_text("{}")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "a")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "b")
    for name, value in environment.items():
        monkeypatch.setenv(name, value.replace("{folder}", str(tmp_path)))
    assert told(uri) == expected


class Answers(http.server.BaseHTTPRequestHandler):
    """Answers with the number that the bucket is named by."""

    def do_GET(self) -> None:
        body = b"<Error><Code>SomeCode</Code><Message>m</Message></Error>"
        self.send_response(int(self.path.split("/")[1].split("-")[1]))
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    do_PUT = do_GET  # noqa: N815  the library's name

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Answers) as serving:
        threading.Thread(target=serving.serve_forever, daemon=True).start()
        monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{serving.server_port}")
        monkeypatch.setenv("AWS_ACCESS_KEY_ID", "a")
        monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "b")
        yield
        serving.shutdown()


@pytest.mark.usefixtures("server")
@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        (301, "URI cannot be read: the bucket lies in another region; set AWS_REGION; choose a store that can"),
        (400, "store failed at URI: the server answers 400 Bad Request (SomeCode)"),
        (401, "no permission for URI; check the credentials (the server answers 401 Unauthorized (SomeCode))"),
        (403, "no permission for URI; check the credentials (the server answers 403 Forbidden (SomeCode))"),
        (405, "URI cannot be read: the server answers 405 Method Not Allowed (SomeCode); choose a store that can"),
        (409, "store failed at URI: the server answers 409 Conflict (SomeCode)"),
        (500, "store failed at URI: the server answers 500 Internal Server Error (SomeCode)"),
        (501, "URI cannot be read: the server answers 501 Not Implemented (SomeCode); choose a store that can"),
        (503, "store failed at URI: the server answers 503 Service Unavailable (SomeCode)"),
        (507, "store failed at URI: the server answers 507 Insufficient Storage (SomeCode)"),
    ],
)  # fmt: skip
def test_what_a_server_answers(answer: int, expected: str) -> None:
    uri = f"s3://b-{answer}/p"
    assert told(uri) == expected.replace("URI", f"{uri}/x")


def test_what_a_folder_says(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    assert told(f"{tmp_path}/file/store", writing=True) == (
        f"store {tmp_path}/file/store cannot be written: a file, or a link that leads nowhere, is "
        "in its place; choose a folder that can"
    )
    with pytest.raises(PerennialError, match=r"File name too long; choose a store that can$"):
        Prefix(tmp_path).write("y" * 300, b"1")


def test_a_text_that_is_not_known_is_cut_to_a_line() -> None:
    assert (
        said(ValueError("Generic S3 error: something else\n\nDebug source:\nx")) == "something else"
    )
    assert said(ValueError("")) == "ValueError"
    assert len(said(ValueError("x" * 1000))) == 200
