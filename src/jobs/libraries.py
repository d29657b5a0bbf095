"""What libraries say of a file that they cannot take, in a few plain words of one line.

The one place that knows their texts, but for the store's (`jobs.store.said`) and pydantic's
(`jobs.validation`). They speak to programmers: with dumps of Rust's structures, Python's objects,
places in a text that nobody sees. What is not known here is told by its first line, cleaned.
"""

import os
import re
import textwrap

from jobs.words import not_utf8, one_line

MAX_CHARACTERS = 120
OTHER_KIND = "a value in it is of another kind than is expected there"

# What stands in a text, and what it means; {0} is what the first group holds.
_CAUSES = tuple((re.compile(pattern), words) for pattern, words in (
    # tokenizers
    (r"enum PreTokenizer", "its pre_tokenizer is of no kind that is known"),
    (r"enum Normalizer", "its normalizer is of no kind that is known"),
    (r"enum PostProcessor", "its post_processor is of no kind that is known"),
    (r"enum PyDecoder|enum Decoder", "its decoder is of no kind that is known"),
    (r"enum MergeType", "its merges are no list of pairs"),
    (r"enum Model", "its model is of no kind that is known"),
    (r"enum \w+", "a part of it is of no kind that is known"),
    (r"Oniguruma error: (.+?)(?: at line|$)", "a regular expression in it is wrong, {0}"),
    (r"Onig: Regex search error", "a regular expression in it takes too long or too much"),
    (r"Token `([^`]*)` out of vocabulary", "a merge names the token {0}, which it lacks"),
    (r"Unknown tokenizer version '([^']*)'", "its version {0} is not known"),
    (r"UnkIdNotInVocabulary", "its unk_id is the id of no token"),
    (r"precompiled_charsmap", "its precompiled_charsmap is damaged"),
    (r"missing field `([^`]*)`", "it lacks {0}"),
    (r"unknown (?:variant|field) `([^`]*)`", "it has {0}, which is not known"),
    (r"invalid type: (\w+)", "it has a value of kind {0} where another is expected"),
    (r"(?:EOF|trailing characters|expected value|expected `.`).* at line", "it is no JSON"),
    # requests, gzip
    (r"BadStatusLine", "what answers speaks no HTTP"),
    (r"(?i)incompleteread|connection (?:broken|aborted)", "the connection broke off"),
    (r"(?i)not a gzipped file|while decompressing|crc check failed|compressed file ended",
     "its packed data is damaged"),
    # pyarrow
    (r"(?i)decompress|snappy|codec failed|zstd|brotli|lz4", "its packed data is damaged"),
    (r"(?i)utf-?8 sequence", "a text in it is not UTF-8"),
    (r"(?i)end of (?:stream|file)|too short|no more data|must be \d+ or larger", "it ends early"),
    (r"(?i)thrift|flatbuffers|base64|magic bytes|metadataversion", "its description is damaged"),
    (r"(?i)dictionary bounds|bit_width|data page|page header|encoding type|indices|page didn",
     "its pages are damaged"),
    # Jinja, and Python in code of theirs
    (r"dict object' has no (?:attribute|element) '?(\w+)", "it has no {0}"),
    (r"^'(\w+)' is undefined", "it has no {0}"),
    (r"to unpack|object is not|has no attribute|not subscriptable|indices must be", OTHER_KIND),
    (r"invalid literal for|could not convert", OTHER_KIND),
    # torch, transformers
    (r"(?i)weights only load failed|weights_only", "it holds more than tensors and plain values"),
    (r"(?i)pytorchstreamreader|failed finding central directory|invalid magic number|unpickl",
     "it is damaged"),
    (r"negative dimension", "a size in its config is below 0"),
    (r"(?:modulo|division) (?:or modulo )?by zero", "a number in its config is 0 that cannot be"),
    (r"Class validation error[^\n]*\n\s*\w+: ([^\n]+?)\.?(?:\n|$)", "{0}"),
    (r"ignore_mismatched_sizes", "its tensors have other shapes than its config says"),
    (r"Validation error for field '([\w.]+)'", "{0} has a value that cannot be"),
    (r"(?i)size mismatch for ([\w.]+)", "the tensor {0} has another shape than its config says"),
    (r"(?i)address already in use|EADDRINUSE", "another program uses their port"),
    (r"(?i)connection (?:refused|reset|closed)|broken pipe", "the connection broke off"),
    (r"(?i)timed? ?out", "no answer in time"),
    (r"HTTPS?ConnectionPool", "no connection"),
    (r"(?i)out of memory|can't allocate memory", "the memory is too small for it"),
))  # fmt: skip
_NAME = re.compile(r"'\w{1,60}'")
_PLACE = re.compile(r",? at line \d+,? column \d+")
_DUMPED = re.compile(r"""\w\("([^"]+)".*\)""")
"""A value as Rust's {:?} writes it: the text within it is for people."""
_OBJECT = re.compile(
    r"<class '|<[\w.]+ object|object at 0x|\w \{ \w+: |\bSome\(|\bErr\(|[\[({]\w+="
)
_MISTAKES = (TypeError, AttributeError, LookupError, NameError, AssertionError)
"""What code raises over a value that it did not look at; it names the code's variables."""


def cause(error: BaseException) -> str:
    """Why a library cannot take something, as printable ASCII without an end of its own.

    >>> cause(ValueError("data did not match any variant of untagged enum ModelUntagged at line 1"))
    'its model is of no kind that is known'
    >>> cause(ValueError('Precompiled: Error("Cannot be parsed", line: 0, column: 0)'))
    'cannot be parsed'
    """
    if isinstance(error, UnicodeDecodeError):
        return not_utf8(error)
    text = str(error)
    if isinstance(error, KeyError) and _NAME.fullmatch(text):
        return f"it has no {text[1:-1]}"
    for pattern, words in _CAUSES:
        if found := pattern.search(text):
            return words.format(*map(_plain, found.groups()))
    if isinstance(error, OSError) and error.errno is not None:
        where = f": {_plain(str(error.filename))}" if error.filename else ""
        return f"{os.strerror(error.errno)}{where}"
    if isinstance(error, _MISTAKES):
        return OTHER_KIND
    line = next((line for line in text.splitlines() if line.strip()), "")
    if not line or _OBJECT.search(line):
        return OTHER_KIND
    dumped = _DUMPED.search(line)
    return _sentence(dumped[1] if dumped else line)


def _sentence(line: str) -> str:
    """As the end of a line of ours."""
    said = _plain(_PLACE.sub("", line).rstrip(".: "))
    first = said.split(" ")[0]
    return said[0].lower() + said[1:] if first.istitle() else said


def _plain(text: str | None) -> str:
    said = ascii(one_line(" ".join((text or "").split())))[1:-1]
    return textwrap.shorten(said, MAX_CHARACTERS, placeholder=" ...")
