"""What a page may not hold because libxml2 takes quadratic time for it: a tag of many attributes.

It compares each attribute with all before it: 40,000 of them, 400 KB, take a minute.
"""

import re

MAX_WORDS = 10_000
"""Of one tag: names of attributes, and values without quotes."""
_WORD = r"""[^\s>"'/=]"""
_TAG = re.compile(r"""<[A-Za-z](?:[^>"']++|"[^"]*+"|'[^']*+'|["'])*+""")
_QUOTED = re.compile(r""""[^"]*+"|'[^']*+'""")
_NAME = re.compile(rf"(?<!{_WORD}){_WORD}")


def has_endless_tag(text: str) -> bool:
    """Whether a tag has more than `MAX_WORDS`, as far as its quotes pair up."""
    long = (found[0] for found in _TAG.finditer(text) if len(found[0]) > MAX_WORDS)
    return any(len(_NAME.findall(_QUOTED.sub('"', tag))) > MAX_WORDS for tag in long)
