"""What libyaml says of a text that is no YAML, in a user's words."""

import yaml

_WORDS = {
    "mapping values are not allowed in this context": (
        "a ': ' cannot stand here; put the text in quotes, or correct the indentation"
    ),
    "did not find expected key": "expected a key and ': '; correct the indentation",
    "did not find expected ',' or ']'": "a list [ ] lacks a comma or its end",
    "did not find expected ',' or '}'": "a mapping { } lacks a comma or its end",
    "did not find expected node content": "expected a value; put a text in quotes",
    "did not find expected '-' indicator": "expected '- '; correct the indentation",
    "could not find expected ':'": "a key lacks its ': '",
    "found unexpected end of stream": "a text in quotes lacks its end",
    "block sequence entries are not allowed in this context": (
        "a '- ' cannot stand here; begin a list on a line of its own"
    ),
    "found unknown escape character": "a \\ means nothing here; use single quotes",
    "found undefined alias": "a text cannot begin with *; put it in quotes",
    "found a tab character that violates indentation": "a tab; indent with spaces",
    "did not find expected comment or line break": (
        "after | or > nothing can stand on its line; put the text in quotes"
    ),
    "did not find expected alphabetic or numeric character": (
        "a text cannot begin with & or *; put it in quotes"
    ),
    "but found another document": "a second document begins here; a file holds one",
    "did not find expected <document start>": "a second document begins here; a file holds one",
    "expected a mapping or list of mappings for merging, but found scalar": (
        "<< takes a mapping, as *anchor"
    ),
}


def in_plain_words(error: yaml.MarkedYAMLError, text: str) -> str:
    """The error in one line, with the fix where it is known and else as libyaml has it."""
    said, mark = error.problem or "it cannot be read", error.problem_mark
    if said == "found character that cannot start any token" and mark:
        lines = text.splitlines()
        odd = lines[mark.line][mark.column : mark.column + 1] if mark.line < len(lines) else ""
        if odd == "\t":
            return "a tab; indent with spaces"
        return f"a text cannot begin with {odd}; put it in quotes"
    words = _WORDS.get(said, said)
    begun = error.context_mark
    if begun and mark and begun.line < mark.line and "document" not in said:
        words += f" (begun on line {begun.line + 1})"
    return words
