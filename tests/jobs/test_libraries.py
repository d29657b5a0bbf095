# ruff: noqa: E501
"""Texts of libraries, as they raise them, in our words: never a dump, an object, or a place that nobody sees."""

import doctest
import re

import pytest

from jobs import libraries
from jobs.libraries import OTHER_KIND, cause

SAID = [
    # tokenizers 0.22
    ("data did not match any variant of untagged enum PreTokenizerUntagged at line 1 column 348", "its pre_tokenizer is of no kind that is known"),
    ("data did not match any variant of untagged enum NormalizerUntagged at line 1 column 9", "its normalizer is of no kind that is known"),
    ("data did not match any variant of untagged enum PostProcessorWrapper at line 1 column 9", "its post_processor is of no kind that is known"),
    ("data did not match any variant of untagged enum PyDecoderWrapper at line 1 column 9", "its decoder is of no kind that is known"),
    ("data did not match any variant of untagged enum MergeType at line 1 column 546", "its merges are no list of pairs"),
    ("data did not match any variant of untagged enum ModelUntagged at line 1 column 9", "its model is of no kind that is known"),
    ("data did not match any variant of untagged enum Quux at line 3 column 9", "a part of it is of no kind that is known"),
    ("Oniguruma error: end pattern with unmatched parenthesis at line 1 column 348", "a regular expression in it is wrong, end pattern with unmatched parenthesis"),
    ("Onig: Regex search error: retry-limit-in-match over", "a regular expression in it takes too long or too much"),
    ("Token `x\x1b` out of vocabulary at line 1 column 550", r"a merge names the token x\\x1b, which it lacks"),
    ("Unknown tokenizer version '9.9' at line 1 column 17", "its version 9.9 is not known"),
    ("Unable to load vocab UnkIdNotInVocabulary at line 1 column 393", "its unk_id is the id of no token"),
    ("missing field `model` at line 1 column 2", "it lacks model"),
    ("unknown variant `Qux`, expected one of `A`, `B` at line 1 column 2", "it has Qux, which is not known"),
    ("invalid type: integer `3`, expected a string at line 1 column 394", "it has a value of kind integer where another is expected"),
    ('Precompiled: Error("Cannot parse precompiled_charsmap", line: 0, column: 0)', "its precompiled_charsmap is damaged"),
    ('Quux: Error("Cannot be used", line: 0, column: 0)', "cannot be used"),
    ("EOF while parsing an object at line 1 column 1", "it is no JSON"),
    # requests, gzip
    ("HTTPSConnectionPool(host='x', port=443): Read timed out. (read timeout=3)", "no answer in time"),
    ("('Connection broken: IncompleteRead(3 bytes read, 5 more expected)', IncompleteRead(3))", "the connection broke off"),
    ("HTTPSConnectionPool(host='x', port=443): Max retries exceeded with url: / (Caused by", "no connection"),
    ("('Connection aborted.', BadStatusLine('SSH-2.0'))", "what answers speaks no HTTP"),
    ("Not a gzipped file (b'<h')", "its packed data is damaged"),
    ("Error -3 while decompressing data: invalid block type", "its packed data is damaged"),
    # pyarrow 23
    ("Corrupt snappy compressed data.", "its packed data is damaged"),
    ("ZSTD decompression failed: Data corruption detected", "its packed data is damaged"),
    ("GZipCodec failed: invalid distance too far back", "its packed data is damaged"),
    ("In column 0: Invalid: Invalid UTF8 sequence at string index 3", "a text in it is not UTF-8"),
    ("Unexpected end of stream", "it ends early"),
    ("File too short: expected to be able to read 100 bytes, got 3", "it ends early"),
    ("Couldn't deserialize thrift: TProtocolException: Invalid data\nDeserializing page header failed.\n", "its description is damaged"),
    ("Invalid flatbuffers message.", "its description is damaged"),
    ("Index not in dictionary bounds", "its pages are damaged"),
    ("Received invalid number of bytes (corrupt data page?)", "its pages are damaged"),
    ("Page didn't decompress to expected size, expected: 3, but got:4", "its packed data is damaged"),
    # torch and transformers
    ("Weights only load failed. This file can still be loaded, to do so you have two options", "it holds more than tensors and plain values"),
    ("PytorchStreamReader failed reading zip archive: failed finding central directory", "it is damaged"),
    ("Validation error for field 'num_hidden_layers':\n    TypeError: Field 'num_hidden_layers' expected int, got str (value: 'two')", "num_hidden_layers has a value that cannot be"),
    ("Class validation error for validator 'validate_architecture':\n    ValueError: The hidden size (16) is no multiple of the heads (3).", "The hidden size (16) is no multiple of the heads (3)"),
    ("Trying to create tensor with negative dimension -16: [19, -16]", "a size in its config is below 0"),
    ("integer modulo by zero", "a number in its config is 0 that cannot be"),
    ("invalid literal for int() with base 10: 'x'", OTHER_KIND),
    ("You set `ignore_mismatched_sizes` to `False`, thus raising an error. For details look", "its tensors have other shapes than its config says"),
    ("size mismatch for model.embed_tokens.weight: copying a param with shape", "the tensor model.embed_tokens.weight has another shape than its config says"),
    ("CUDA out of memory. Tried to allocate 20.00 MiB. GPU 0 has a total", "the memory is too small for it"),
    ("The server socket has failed to listen. port: 9, code: -98, name: EADDRINUSE", "another program uses their port"),
    # Jinja
    ("'dict object' has no attribute 'answer'", "it has no answer"),
    ("'question' is undefined", "it has no question"),
    # what is not known: its first line, cleaned
    ("\n  Head dimension must be even.\nTraceback", "head dimension must be even"),
    ("`rope_theta` must be a number, got x", "`rope_theta` must be a number, got x"),
    ("GPT needs it", "GPT needs it"),
    ("at \u202e\x07 https://me:hunter2@host/?sig=1", r"at \\u202e\\x07 https://***@host/?***"),
    ("Config { layers: 3, name: Some(\"x\") }", OTHER_KIND),
    ("got <class 'str'> for it", OTHER_KIND),
    ("<torch.Foo object at 0x7f00>", OTHER_KIND),
    ("cannot be: LlamaConfig(vocab_size=3)", OTHER_KIND),
    ("too many values to unpack (expected 2)", OTHER_KIND),
    ("", OTHER_KIND),
]  # fmt: skip


@pytest.mark.parametrize(("text", "says"), SAID)
def test_what_a_library_says(text: str, says: str) -> None:
    assert cause(ValueError(text)) == says


@pytest.mark.parametrize(
    ("error", "says"),
    [
        (KeyError("question"), "it has no question"),
        (KeyError(("a", 1)), OTHER_KIND),
        (TypeError("'<' not supported between instances of 'str' and 'int'"), OTHER_KIND),
        (AttributeError("'NoneType' object has no attribute 'get'"), OTHER_KIND),
        (IndexError("list index out of range"), OTHER_KIND),
        (OSError(28, "No space left on device"), "No space left on device"),
        (OSError(28, "No space", "/tmp/x\n"), r"No space left on device: /tmp/x"),
        (UnicodeDecodeError("utf-8", b"ab\xff", 2, 3, "invalid"), "the byte 0xff at 2 is not UTF-8"),
    ],
)  # fmt: skip
def test_what_python_says(error: Exception, says: str) -> None:
    assert cause(error) == says


def test_one_that_is_long_ends_at_a_word() -> None:
    said = cause(RuntimeError("words " * 1000))
    assert len(said) <= 120
    assert re.fullmatch(r"(words )+\.\.\.", said)


def test_examples() -> None:
    assert doctest.testmod(libraries).failed == 0
