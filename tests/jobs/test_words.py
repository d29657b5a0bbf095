# ruff: noqa: E501
"""Outside texts as one safe line, and secrets masked."""

import doctest

import pytest

from jobs import words
from jobs.words import LINE_CHARACTERS, one_line, shown, without_secrets
from tests.support.hostile import HOSTILE, READABLE, unseen


def test_examples() -> None:
    assert doctest.testmod(words).failed == 0


@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE.keys())
def test_one_line_of_visible_characters_without_secrets(text: str) -> None:
    line = one_line(text)
    assert unseen(line) == []
    assert "\n" not in line
    assert "hunter2" not in line
    assert one_line(line) == line
    assert unseen(shown(text)) == []
    assert "hunter2" not in shown(text)


def test_letters_stay_readable_and_lines_bounded() -> None:
    assert one_line(READABLE) == READABLE
    assert one_line("a\udc80b") == "a\\udc80b"
    assert len(one_line("x" * 10**7)) == LINE_CHARACTERS
    assert "hunter2" not in one_line("x" * (LINE_CHARACTERS - 20) + "http://me:hunter2@h/")


@pytest.mark.parametrize(
    ("text", "masked"),
    [
        ("s3://me:word@bucket/x", "s3://***@bucket/x"),
        ("http://me@h/x", "http://***@h/x"),
        ("http://me:wo@rd@h/x", "http://***@h/x"),
        ("http://me:wo/rd@h:80/x", "http://***@h:80/x"),
        ("redis://:word@h", "redis://***@h"),
        ("for url (https://h/x?sig=abc), retried", "for url (https://h/x?***), retried"),
        ("with url: /x?X-Amz-Credential=AK%2F1&b=1 (Caused", "with url: /x?X-Amz-Credential=***&b=1 (Caused"),
        ("/x?X-Amz-Security-Token=a%2Bb", "/x?X-Amz-Security-Token=***"),
        ("redirect=%2Fx%3FX-Amz-Signature%3Dabc", "redirect=%2Fx%3FX-Amz-Signature%3D***"),
        ("AccountName=a;AccountKey=b/c==;Suffix=d", "AccountName=a;AccountKey=***;Suffix=d"),
        ("HTTPS_PROXY=me:word@proxy:3128", "HTTPS_PROXY=***@proxy:3128"),
        ("Cannot connect to proxy http://me:word@proxy:3128", "Cannot connect to proxy http://***@proxy:3128"),
        ("{'Authorization': 'Basic bWU6dw=='}", "{'Authorization': 'Basic ***'}"),
        ("Authorization: Bearer abc.def", "Authorization: Bearer ***"),
        ("aws_secret_access_key = abc/d+e", "aws_secret_access_key = ***"),
        ('{"password": "word"}', '{"password": "***"}'),
        ("HF_TOKEN=abc HF_HOME=/x", "HF_TOKEN=*** HF_HOME=/x"),
        ("401 for hf_abcdefghijklmnopqrst", "401 for ***"),
        ("InvalidAccessKeyId AKIAABCDEFGHIJKLMNOP", "InvalidAccessKeyId ***"),
        # What is no secret stays.
        ("https://h:8080/@user/x", "https://h:8080/@user/x"),
        ("git@github.com:owner/name", "git@github.com:owner/name"),
        ("crawl:1.0@sha256:abcd", "crawl:1.0@sha256:abcd"),
        ("http://[::1]:9000/a@b", "http://[::1]:9000/a@b"),
        ("tokens=7 token_budget=5 digest=ab", "tokens=7 token_budget=5 digest=ab"),
        ("token 'key' has id 5", "token 'key' has id 5"),
        ("a bearer of news", "a bearer of news"),
        ("/etc/passwd: there is no such", "/etc/passwd: there is no such"),
    ],
)  # fmt: skip
def test_secrets_by_their_form(text: str, masked: str) -> None:
    assert without_secrets(text) == masked
    assert without_secrets(masked) == masked
