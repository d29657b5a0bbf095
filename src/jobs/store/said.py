"""What the store library says of an error, in plain words: the one place that knows its texts.

obstore gives the text of a library in Rust, with addresses, times, retries and a dump of its
structures. Kept of it is what tells the cause: the server's answer, the system's error, or which
setting is missing.
"""

import os
import re

MAX_CHARACTERS = 200

# What stands in a text, and what it means.
_CAUSES = (
    ("Account must be specified", "no storage account is named; set AZURE_STORAGE_ACCOUNT_NAME"),
    ("Invalid Access Key", "AZURE_STORAGE_ACCOUNT_KEY is no key; copy it anew"),
    ("Unable to open service account", "the file in GOOGLE_APPLICATION_CREDENTIALS is not there"),
    ("Unable to decode service account", (
        "the file in GOOGLE_APPLICATION_CREDENTIALS is no service account's; make its key anew"
    )),
    ("redirect without LOCATION", "the bucket lies in another region; set AWS_REGION"),
    ("builder error", "the address is no https:// one"),
    ("dns error", "its host has no address; check the name and the network"),
    ("Connection refused", "nothing listens there; check address and port"),
    ("Connection reset", "the connection broke off"),
    ("certificate", "its certificate is not trusted"),
    ("TimedOut", "no answer in time"),
    ("timed out", "no answer in time"),
    ("error sending request", "no connection"),
)  # fmt: skip
_NO_GOOGLE = "no Google credentials; set GOOGLE_APPLICATION_CREDENTIALS"
_ANSWER = re.compile(r"status code: (\d{3})(?: ([A-Z][A-Za-z ]*[a-z]))?")
_CODE = re.compile(r"<Code>([A-Za-z]{1,60})</Code>")
_SYSTEM = re.compile(r"\(os error (\d+)\)|code: (\d+),\s+kind:")
_WRAPPING = re.compile(
    r"^Generic \w+ error: |Error performing [A-Z]+ \S+ in [^ ]+(?:, after [^-]*)?(?: -)? *"
)


def said(error: BaseException) -> str:
    """The cause of an error in a few words of one line.

    >>> said(ValueError("Generic S3 error: … status code: 503 Service Unavailable: <html>"))
    'the server answers 503 Service Unavailable'
    """
    text = f"{error} {error.__cause__ or ''}".strip()
    if "performing token request" in text:
        return _NO_GOOGLE
    if answer := _ANSWER.search(text):
        code = _CODE.search(text)
        named = f" ({code[1]})" if code else ""
        return " ".join(filter(None, ("the server answers", *answer.groups()))) + named
    number = getattr(error, "errno", None)
    if found := _SYSTEM.search(text):
        number = int(found[1] or found[2])
    for mark, words in _CAUSES:
        if mark in text:
            return words
    if number:
        return os.strerror(number)
    first = _WRAPPING.sub("", str(error).strip().partition("\n")[0])
    return " ".join(first.split())[:MAX_CHARACTERS] or type(error).__name__
