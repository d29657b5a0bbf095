"""URIs of the store and addresses of servers: one spelling, no secrets, nothing hidden."""

import doctest

import pytest

from jobs.errors import BadInputError
from jobs.store import uri
from jobs.store.uri import http_address, normal_uri


def test_examples() -> None:
    assert doctest.testmod(uri).failed == 0


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
        ("", "is empty; give s3://bucket/prefix"),
    ],
)
def test_refused_in_one_line_without_the_secret(given: str, says: str) -> None:
    with pytest.raises(BadInputError) as caught:
        normal_uri(given)
    assert says in str(caught.value)
    assert "hunter2" not in str(caught.value)
    assert str(caught.value).isprintable()


@pytest.mark.parametrize("given", ["s3://b/a b", "/tmp/新闻", "gs://b/x@y", "/a?b#c", "az://c/p"])
def test_left_as_it_is(given: str) -> None:
    assert normal_uri(given) == given


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
