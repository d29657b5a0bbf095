"""URIs of the store and addresses of servers: one spelling, no secrets, nothing hidden."""

import doctest
from pathlib import Path

import pytest

from jobs.errors import BadInputError
from jobs.store import spelling, uri
from jobs.store.uri import http_address, local_folder, normal_uri


def test_examples() -> None:
    assert doctest.testmod(uri).failed == 0
    assert doctest.testmod(spelling).failed == 0


@pytest.mark.parametrize(
    ("given", "says"),
    [
        (
            "s3://me:hunter2@bucket/x",
            "holds a user name or password; credentials belong in the env",
        ),
        ("s3://me@bucket", "holds a user name"),
        ("gs://b/x?X-Amz-Signature=hunter2", "has a query"),
        ("az://b/x#hunter2", "has a query or fragment"),
        ("s3://me:hun/ter2@bucket/x", "cannot be read as"),
        ("http://me:hunter2@host/x", "has the unknown scheme 'http'"),
        ("file:///x?hunter2", "has a query"),
        ("file://host/x", "names a host"),
        ("file:///a%00b", r"has the character '\x00'"),
        ("/tmp/a\nINFO promote: released", r"has the character '\n'"),
        ("s3://b/\u202ex", r"has the character '\u202e'"),
        ("/tmp/\udcff", r"has the character '\udcff'"),
        ("s3://b/a/../c", "has a step . or .."),
        ("s3://b/%2e%2E/c", "has a step . or .."),
        ("s3://[b/c", "cannot be read as"),
        ("{{workflow.parameters.store}}", "has a workflow's tag"),
        ("s3:hunter2:pw@b/x", "looks like a URI; write s3://bucket/prefix"),
        ("", "is empty; give s3://bucket/prefix"),
    ],
)
def test_refused_in_one_line_without_the_secret(given: str, says: str) -> None:
    with pytest.raises(BadInputError) as caught:
        normal_uri(given)
    assert says in str(caught.value)
    assert "hunter2" not in str(caught.value)
    assert str(caught.value).isprintable()


@pytest.mark.parametrize(
    "given",
    [
        "s3://b/a b",
        "/tmp/新闻",
        "gs://b/x@y",
        "/a?b#c",
        "az://c/p",
        "s3://B_x-1.c/y",
        "/data/s3:/b",
    ],
)
def test_left_as_it_is(given: str) -> None:
    assert normal_uri(given) == given


@pytest.mark.parametrize(
    ("given", "fix"),
    [
        ("s3:/bucket/x", "write s3://bucket/x, or ./s3:/bucket/x for a folder of this name"),
        ("s3//b", "write s3://b"),
        ("S3://", "has the unknown scheme 'S3'; write s3://bucket/prefix"),
        ("S3://b/x", "write s3://b/x"),
        ("s3:bucket", "write s3://bucket"),
        ("s3:///b", "names no bucket; write s3://b"),
        ("s3://s3://b", "has a bucket of the name 's3:'"),
        ("s3://b:9000/x", "has a bucket of the name 'b:9000'; expected letters, digits"),
        ("s3://$BUCKET/x", "has a bucket of the name '$BUCKET'"),
        ("s3://<bucket>/x", "has a bucket of the name '<bucket>'"),
        ("s3/b/x", "write s3://b/x, or ./s3/b/x for a folder of this name"),
        ("s3", "write s3://bucket/prefix, or ./s3 for a folder of this name"),
        ("s3:\\\\b", "write s3://b"),
        (r"s3\b", "write s3://b"),
        ("s3;//b/x", "write s3://b/x"),
        ("s3%3A//b/x", "write s3://b/x"),
        ("s3：//b", "write s3://b"),
        (" s3://b", "write s3://b"),
        ("s3://b ", "has a bucket of the name 'b '"),
        ("'s3://b'", "write s3://b"),
        ("s3a://b/x", "write s3://b/x"),
        ("gcs://b/x", "write gs://b/x"),
        ("gcs:b", "write gs://b"),
        ("azure://c/x", "write az://c/x"),
        ("abfss://c@account/x", "write s3://bucket/prefix, gs://…, az://…"),
        ("http://h/x", "has the unknown scheme 'http'; write s3://bucket/prefix"),
        ("file:/x", "write file:///x"),
        ("file://host/x", "names a host; write file:///host/x"),
        ("://b", "has the unknown scheme ''"),
        ("//b/x", "begins with //; write /b/x"),
        ("/s3://b", "has the unknown scheme '/s3'"),
        ("C:\\x", "looks like a URI; write s3://bucket/prefix"),
        ("data//x", "or ./data//x for a folder of this name"),
        ("store ", "begins or ends with a blank; leave it out"),
        ("~/store", "begins with ~, which only a shell replaces"),
        ("$HOME/store", "begins with $, which only a shell replaces"),
    ],
)
def test_a_typo_is_no_folder(given: str, fix: str) -> None:
    with pytest.raises(BadInputError) as caught:
        normal_uri(given)
    assert fix in str(caught.value)


@pytest.mark.parametrize(
    ("given", "steps"),
    [
        ("./s3:/b", "s3:/b"), ("./s3", "s3"), ("./~", "~"), ("./a b ", "a b "),
        ("s3-store/x", "s3-store/x"), ("gs_mirror", "gs_mirror"), ("azure/x", "azure/x"),
        ("a/b:c", "a/b:c"), (".", ""), ("a/", "a"),
    ],
)  # fmt: skip
def test_folders_of_odd_names(
    given: str, steps: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert normal_uri(given) == f"{tmp_path}/{steps}".rstrip("/")
    assert normal_uri(normal_uri(given)) == normal_uri(given)


def test_one_slash_begins_a_folder_of_a_file_uri() -> None:
    assert normal_uri("file:////x/") == "/x"
    assert normal_uri("file:///") == "/"


def test_a_folder_to_export_to_is_no_uri() -> None:
    with pytest.raises(BadInputError, match="write s3://b/x"):
        local_folder(Path("s3://b/x"))
    assert local_folder(Path("model")) == Path("model")


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ("https://me:hunter2@news/", "holds a user name or password"),
        ("https://news/?token=hunter2", "has a query"),
        ("https:///x", "expected http://host/"),
        ("ftp://news/", "expected http://host/"),
        ("https://news:x/", "cannot be read as"),
        ("https://news/\x1b[2J", "has the character"),
        ("https://news/{{=1}}", "has a workflow's tag"),
    ],
)
def test_addresses_that_are_refused(given: str, says: str) -> None:
    with pytest.raises(ValueError, match=says) as caught:
        http_address(given)
    assert "hunter2" not in str(caught.value)


def test_addresses() -> None:
    assert http_address("http://127.0.0.1:80/x/") == "http://127.0.0.1:80/x/"
