"""What character set a page is read in, as a browser would, and in what time."""

import codecs
import time

import pytest

from jobs.crawl.characters import Decoded, decoded, without_prolog

GERMAN = "Die Brücke über den Fluß wurde am Montag für Fußgänger geöffnet. " * 20
RUSSIAN = "Мэр открыл новый мост в понедельник, старый простоял девяносто лет. " * 20
JAPANESE = "市長は月曜日に新しい橋を開通させた。古い橋は九十年間使われていた。" * 20
CHINESE = "市长星期一为新桥揭幕，旧桥已经使用了九十年。" * 20
KOREAN = "시장은 월요일에 새 다리를 개통했다. 옛 다리는 구십 년 동안 서 있었다. " * 20
POLISH = "Burmistrz otworzył w poniedziałek nowy most, który łączy źródła rzeki. " * 20
QUOTED = "The mayor’s “new” bridge — €4 million… " * 20


def text_of(page: bytes, declared: str | None) -> str | None:
    read = decoded(page, declared)
    assert read is None or read.num_replaced == 0
    return read.text if read else None


@pytest.mark.parametrize(
    ("text", "codec", "declared"),
    [
        (GERMAN, "utf-8", "iso-8859-1"),
        (GERMAN, "utf-8", "windows-1252"),
        (GERMAN, "utf-8", "utf-16"),
        (GERMAN, "utf-8", "no-such-set"),
        (GERMAN, "utf-8", None),
        (GERMAN, "utf-8-sig", None),
        (GERMAN, "utf-8-sig", "iso-8859-1"),
        (GERMAN, "cp1252", "iso-8859-1"),
        (GERMAN, "cp1252", "utf-8"),
        (GERMAN, "cp1252", "us-ascii"),
        (GERMAN, "cp1252", None),
        (QUOTED, "cp1252", "iso-8859-1"),
        (QUOTED, "cp1252", "Latin1"),
        (QUOTED, "cp1252", " 'ISO-8859-1' "),
        (QUOTED, "cp1254", "iso-8859-9"),
        (RUSSIAN, "cp1251", "windows-1251"),
        (RUSSIAN, "cp1251", None),
        (RUSSIAN, "koi8-r", "koi8-r"),
        (RUSSIAN, "koi8-r", "utf-7"),
        (POLISH, "iso-8859-2", "iso-8859-2"),
        (JAPANESE + "①㈱", "cp932", "shift_jis"),
        (JAPANESE, "cp932", "x-sjis"),
        (JAPANESE, "euc-jp", "euc-jp"),
        (JAPANESE, "euc-jp", None),
        (JAPANESE, "iso2022_jp", "iso-2022-jp"),
        (JAPANESE, "iso2022_jp", None),
        (CHINESE, "gbk", "gb2312"),
        (CHINESE + "䶮", "gb18030", "gbk"),
        (CHINESE, "gbk", None),
        (KOREAN + "똠", "cp949", "euc-kr"),
        (KOREAN, "cp949", "ks_c_5601-1987"),
        (GERMAN, "utf-16-le", "utf-16"),
        (GERMAN, "utf-16-be", "utf-16be"),
        ("<html>" + RUSSIAN, "utf-16", None),
        ("<html><head><meta name='x'>" * 50 + RUSSIAN, "utf-16-le", None),
        ("<html><head><meta name='x'>" * 50 + RUSSIAN, "utf-16-be", None),
        ("", "utf-8", None),
    ],
)
def test_a_page_is_read_as_the_web_reads_it(text: str, codec: str, declared: str | None) -> None:
    assert text_of(text.encode(codec), declared) == text


@pytest.mark.parametrize(
    "label",
    [
        "undefined", "unicode_escape", "raw_unicode_escape", "idna", "punycode", "rot13", "base64",
        "zip", "mbcs", "oem", "utf-7", "utf-32", "cp437", "utf-8\0", "a" * 10_000, "", "%s", "٣",
        "x-user-defined",
    ],
)  # fmt: skip
def test_what_only_python_knows_is_no_set(label: str) -> None:
    assert text_of(QUOTED.encode(), label) == QUOTED
    assert text_of(RUSSIAN.encode("cp1251"), label) == RUSSIAN
    assert text_of(b"\\x41+AOk-", label) == "\\x41+AOk-"


@pytest.mark.parametrize(
    ("head", "codec"),
    [
        ('<meta charset="windows-1251">', "cp1251"),
        ("<META CHARSET=koi8-r>", "koi8-r"),
        ('<meta http-equiv="Content-Type" content="text/html; charset=windows-1251">', "cp1251"),
        ('<!-- <meta charset="koi8-r"> --><meta charset=windows-1251>', "cp1251"),
        ('<?xml version="1.0" encoding="koi8-r"?>', "koi8-r"),
        ('<?xml version="1.0" encoding="koi8-r"?><meta charset="windows-1251">', "cp1251"),
        ('<meta charset="utf-16">', "utf-8"),
    ],
)
def test_a_page_may_say_its_set_itself(head: str, codec: str) -> None:
    text = head + "<p>Мост</p>"
    assert text_of(text.encode(codec), None) == text
    assert text_of(text.encode(codec), "no-such-set") == text


def test_the_answer_goes_before_the_page() -> None:
    text = '<meta charset="koi8-r"><p>Мост</p>'
    assert text_of(text.encode("cp1251"), "windows-1251") == text


@pytest.mark.parametrize(
    ("page", "declared", "replaced"),
    [
        (QUOTED.encode() + b"\xff" + QUOTED.encode(), "utf-8", 1),
        (QUOTED.encode() + b"\xff" + QUOTED.encode(), "iso-8859-1", 1),
        (QUOTED.encode() + b"\xe2\x80", None, 1),  # cut within a character
        (b"plain " * 100 + b"\xc3" + b"plain", "utf-8", 1),
        (b"plain " * 4000 + b"\xff \xfe \xfd \x81 \x9d" * 4, "utf-8", 20),
        (GERMAN.encode("cp1252") + b"\x81\x8d", "windows-1252", 2),
        (GERMAN.encode() + b"\0\0", "utf-8", 2),
        (JAPANESE.encode("cp932") + b"\x81", "shift_jis", 1),
        (codecs.BOM_UTF16_LE + GERMAN.encode("utf-16-le") + b"\0", None, 1),
        (codecs.BOM_UTF8 + QUOTED.encode() + b"\xff", "iso-8859-1", 1),
    ],
)
def test_few_broken_bytes_are_replaced_and_counted(
    page: bytes, declared: str | None, replaced: int
) -> None:
    read = decoded(page, declared)
    assert read is not None
    assert read.num_replaced == replaced == read.text.count("\ufffd")
    assert "\0" not in read.text


def test_a_replaced_character_of_the_page_itself_is_none_of_ours() -> None:
    assert decoded("a\ufffdb".encode(), "utf-8") == Decoded("a\ufffdb", 0, 0)


@pytest.mark.parametrize(
    ("page", "declared"),
    [
        (b"\x80\x81\xfe\xff\x00\x9d", "utf-8"),
        (b"\0" * 100, "utf-8"),
        (bytes(range(256)) * 10, None),
        (KOREAN.encode("iso2022_kr"), "iso-2022-kr"),  # given up by the web, for its safety
        (CHINESE.encode("hz"), "hz-gb-2312"),
    ],
)
def test_what_is_no_text_has_no_set(page: bytes, declared: str | None) -> None:
    assert decoded(page, declared) is None


@pytest.mark.parametrize(
    "page",
    [
        b"\xbd\0" + b"S" * 2**20,
        b"\xbd" + b"S" * 2**20,
        b"\xbd" * 2**20,
        b"a\xe9" * 2**19,
        (b"\xe9" + b"a" * 31) * 2**15,
        (b"\xe9" + b"a" * 33) * 2**15,
        b"\x81\x40" * 2**19,
        b"\x1b$\xe9" * 2**18,
        b"<\xe9>" * 2**18,
        b"~{\xe9" * 2**18,
        bytes((7919 * at + 13) % 256 for at in range(2**18)) * 4,
        b"<meta " * 2**17 + b"\xe9",
        b"<!--" * 2**17 + b"\xe9",
        b"<?xml " + b" " * 2**20 + b"\xe9",
        b"S" * 2**20 + b"\xbd",
    ],
)
def test_a_mebibyte_is_read_in_bounded_time(page: bytes) -> None:
    started = time.process_time()
    read = decoded(page, None)
    assert read is None or without_prolog(read.text) is not None
    assert time.process_time() - started < 2  # seconds; at most 0.1 as measured


@pytest.mark.parametrize(
    ("text", "rest"),
    [
        ('<?xml version="1.0"?>\n<html>', "\n<html>"),
        ("  <?xml?> <?php x ?><html>", "<html>"),
        ("<?xml never ends", ""),
        ("<html><?xml?>", "<html><?xml?>"),
        ("", ""),
    ],
)
def test_a_prolog_is_left_out(text: str, rest: str) -> None:
    assert without_prolog(text) == rest
