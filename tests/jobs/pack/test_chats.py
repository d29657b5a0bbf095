"""Conversations: the mask is exact, or the conversation is dropped and counted with its reason."""

import json
from pathlib import Path
from typing import Any

import pytest

from jobs.artifacts.reading import Artifact
from jobs.errors import BadInputError
from jobs.kinds.tokenizer import load_tokenizer
from jobs.pack import encoding
from jobs.pack.chats import Chats, Dropped, DroppedError, masked
from jobs.pack.encoder import CONVERSATIONS
from jobs.pack.encoding import conversation_document, encoder_of
from tests.support import tokenizers as shapes
from tests.support.pico import commit, run_job
from tests.support.tokenizers import write

PLAIN = (
    "{% for m in messages %}<|begin|> {{ m.role }} {{ m.content }} <|end|> {% endfor %}"
    "{% if add_generation_prompt %}<|begin|> assistant {% endif %}"
)
MARKED = (
    "{% for m in messages %}<|begin|> {{ m.role }} {% if m.role == 'assistant' %}"
    "{% generation %}{{ m.content }} <|end|>{% endgeneration %}{% else %}{{ m.content }} <|end|>"
    "{% endif %} {% endfor %}"
)
# As Qwen 3: thoughts of earlier turns are left out.
THOUGHTS = (
    "{% for m in messages %}<|begin|> {{ m.role }} {% if m.role == 'assistant' and not loop.last %}"
    "{{ m.content.split('think')[-1] }}{% else %}{{ m.content }}{% endif %} <|end|> {% endfor %}"
    "{% if add_generation_prompt %}<|begin|> assistant {% endif %}"
)
MARKED_BY_PLUS = MARKED.replace("{% generation %}", "{%+ generation +%}")
MARK_IN_A_COMMENT = "{# {% generation %} #}" + PLAIN
MARK_AS_TEXT = PLAIN + "{% if false %}{% raw %}{% generation %}{% endraw %}{% endif %}"
ONE = (("user", "the baker"), ("assistant", "makes bread"))
TWO = (*ONE, ("user", "and nails"), ("assistant", "hm"))
THINKING = (*ONE[:1], ("assistant", "hm think makes bread"))


def messages(*turns: tuple[str, str]) -> list[dict[str, str]]:
    return [{"role": role, "content": content} for role, content in turns]


def chats(folder: Path, template: str, tokenizer: Any = None) -> Chats:
    write(folder, tokenizer or shapes.words(), chat_template=template)
    return Chats(load_tokenizer(folder, "m"), "m")


def spelt(found: Any, folder: Path) -> str:
    """The tokens, those with loss in capitals."""
    ids, mask = found
    names = load_tokenizer(folder, "m").convert_ids_to_tokens(ids)
    return " ".join(n.upper() if on else n for n, on in zip(names, mask, strict=True))


ASKED = "<|begin|> user the baker <|end|> <|begin|> assistant "
LEARNED = f"{ASKED}MAKES BREAD <|END|>"
AGAIN = "<|begin|> user and nails <|end|> <|begin|> assistant "


@pytest.mark.parametrize(
    ("template", "turns", "expected"),
    [
        (PLAIN, ONE, LEARNED),
        (MARKED, ONE, LEARNED),
        (MARKED_BY_PLUS, ONE, LEARNED),
        (MARK_IN_A_COMMENT, ONE, LEARNED),
        (MARK_AS_TEXT, ONE, LEARNED),
        (PLAIN, TWO, f"{LEARNED} {AGAIN}HM <|END|>"),
        (MARKED, TWO, f"{LEARNED} {AGAIN}HM <|END|>"),
        (PLAIN, (("system", "hm"), *ONE), f"<|begin|> system hm <|end|> {LEARNED}"),
        (PLAIN, (*ONE, ("user", "nails")), f"{LEARNED} <|begin|> user nails <|end|>"),
        (THOUGHTS, THINKING, f"{ASKED}HM THINK MAKES BREAD <|END|>"),
        (THOUGHTS, TWO, f"{LEARNED} {AGAIN}HM <|END|>"),
        # The template marks only the first answer.
        (
            MARKED.replace("== 'assistant'", "== 'assistant' and loop.index < 3"),
            TWO,
            f"{LEARNED} {AGAIN}hm <|end|>",
        ),
    ],
)
def test_answers_alone_carry_loss(
    template: str, turns: tuple[tuple[str, str], ...], expected: str, tmp_path: Path
) -> None:
    found = chats(tmp_path, template).encode(messages(*turns))
    assert spelt(found, tmp_path) == expected


@pytest.mark.parametrize(
    ("template", "turns", "reason"),
    [
        (THOUGHTS, (*THINKING, *TWO[2:]), "rewritten_turns"),
        ("{{ messages | length }} {{ messages[-1].content }}", ONE, "rewritten_turns"),
        ("{{ messages[-1].content }}", TWO, "rewritten_turns"),
        ("{% for m in messages | reverse %}{{ m.content }} {% endfor %}", ONE, "rewritten_turns"),
        (PLAIN, ONE[:1], "no_answer"),
        (
            "{% for m in messages if m.role == 'user' %}{{ m.content }}{% endfor %}",
            ONE,
            "no_answer",
        ),
        (MARKED.replace("{{ m.content }} <|end|>{% endg", "{% endg"), ONE, "no_answer"),
        (PLAIN, (("user", "the <|end|>"), ONE[1]), "control_token"),
        (PLAIN, (ONE[0], ("assistant", "x<|begin|>")), "control_token"),
        ("{{ raise_exception('roles\n must alternate') }}", ONE, "template_refuses"),
        ("{{ 1 / 0 }}", ONE, "template_refuses"),
        ("{{ messages[7].content.x.y }}", ONE, "template_refuses"),
        ("{% for %}", ONE, "template_refuses"),
        ("{% macro f() %}{{ f() }}{% endmacro %}{{ f() }}", ONE, "template_refuses"),
        ("{{ ''.__class__.__mro__ }}{{ cycler.__init__.__globals__.os }}", ONE, "template_refuses"),
        ("{% include '/etc/passwd' %}", ONE, "template_refuses"),
        (PLAIN.replace("{{ m.role }}", "{{ m.role }} {{ '\\ud800' }}"), ONE, "template_refuses"),
    ],
)
def test_a_surprise_drops_the_conversation(
    template: str, turns: tuple[tuple[str, str], ...], reason: str, tmp_path: Path
) -> None:
    found = chats(tmp_path, template).encode(messages(*turns))
    assert isinstance(found, Dropped)
    assert found.reason == reason
    assert "\n" not in found.said


def test_a_token_over_the_border_of_an_answer_drops_it(tmp_path: Path) -> None:
    """The prompt ends with a blank, and " baker" is one token: what is learned never follows it."""
    turns = messages(("user", "the"), ("assistant", "baker"))
    text = "{% for m in messages %}{{ m.role }}: {{ m.content }}<|end|>{% endfor %}"
    prompt = "{% if add_generation_prompt %}assistant:"
    found = chats(tmp_path, text + prompt + " {% endif %}", shapes.byte_level()).encode(turns)
    assert isinstance(found, Dropped)
    assert found.reason == "token_across_turns"
    found = chats(tmp_path, text + prompt + "{% endif %}", shapes.byte_level()).encode(turns)
    assert spelt(found, tmp_path).endswith(" : ĠBAKER <|END|>")


def test_tokens_carry_loss_by_their_places() -> None:
    places = [(0, 2), (2, 2), (2, 3), (2, 3), (3, 5), (5, 5), (5, 6)]  # two share a character
    on = [False, True, True, True, True, False, False]
    assert masked(6, [(2, 5)], places) == on
    assert masked(6, [(2, 3), (3, 5)], places) == on
    for span in ((1, 5), (2, 4)):
        with pytest.raises(DroppedError, match="over the border"):
            masked(6, [span], places)


def test_the_template_is_the_one_that_transformers_takes(tmp_path: Path) -> None:
    """Of those by name, the default one goes before chat_template.jinja."""
    from transformers import AutoTokenizer

    write(tmp_path, shapes.words(), chat_template="other")
    named = tmp_path / "additional_chat_templates"
    named.mkdir(exist_ok=True)
    (named / "default.jinja").write_text(PLAIN)
    assert load_tokenizer(tmp_path, "m").chat_template == PLAIN
    (tmp_path / "chat_template.jinja").unlink(missing_ok=True)
    assert load_tokenizer(tmp_path, "m").chat_template == PLAIN
    assert AutoTokenizer.from_pretrained(tmp_path).chat_template == PLAIN


def test_without_a_template_there_are_no_chats(tmp_path: Path) -> None:
    with pytest.raises(BadInputError, match="has no chat template"):
        Chats(load_tokenizer(write(tmp_path, shapes.words()), "m"), "m")


def pack(tmp_path: Path, template: str, *conversations: list[dict[str, str]]) -> tuple[int, str]:
    lines = "".join(json.dumps({"messages": one}) + "\n" for one in conversations)
    commit(f"{tmp_path}/chat", "conversations", {"conversations.jsonl": lines.encode()})
    folder = write(tmp_path / "files", shapes.words(), chat_template=template)
    files = {path.name: path.read_bytes() for path in folder.iterdir()}
    commit(f"{tmp_path}/model", "model", {"config.json": b"{}", **files})
    flags = [f"--conversations={tmp_path}/chat", f"--tokenizer={tmp_path}/model"]
    result = run_job("pack", *flags, f"--out={tmp_path}/rows")
    return result.returncode, result.stderr


def test_what_is_dropped_is_counted_and_the_rest_packed(tmp_path: Path) -> None:
    good, rewritten = messages(*TWO), messages(*THINKING, *TWO[2:])
    silent = messages(*ONE[:1])
    code, error = pack(tmp_path, THOUGHTS, rewritten, good, silent, rewritten, good)
    assert code == 0, error
    statistics = Artifact.open(f"{tmp_path}/rows").statistics
    assert statistics["conversations"] == 2
    assert statistics["conversations_dropped"] == {"rewritten_turns": 2, "no_answer": 1}
    assert statistics["tokens"] == 2 * (5 + 5 + 5 + 4)
    assert statistics["tokens_with_loss"] == 2 * (3 + 2)
    assert "dropped reason=rewritten_turns conversations=2 first=line 1: the chat" in error


def test_where_none_is_left_the_job_says_why(tmp_path: Path) -> None:
    template = "{{ raise_exception('never\n' * 3) }}"
    code, error = pack(tmp_path, template, messages(*ONE), messages(*ONE[:1]))
    assert code == 64
    (line,) = [line for line in error.splitlines() if "ERROR" in line]
    assert "can be packed (template_refuses, line 1: the chat template refuses it: never" in line
    assert "no_answer, line 2" in line


@pytest.mark.parametrize(
    ("template", "said"),
    [
        (
            "{% for a in range(9999) %}" * 4 + "{% endfor %}" * 4,
            "its tokenizer or chat template took more than 1 s of processor time",
        ),
        (
            "{% set n=namespace(x='a') %}{% for _ in range(99) %}{% set n.x=n.x*2 %}{% endfor %}",
            "its tokenizer or chat template takes more than 256 MiB of memory",
        ),
    ],
)
def test_a_template_without_end_is_refused(
    template: str, said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(encoding, "bounds", lambda _: (1.0, 2**28))
    folder = write(tmp_path / "files", shapes.words(), chat_template=template)
    files = {path.name: path.read_bytes() for path in folder.iterdir()}
    model = commit(f"{tmp_path}/model", "model", {"config.json": b"{}", **files})
    with (
        encoder_of(model, CONVERSATIONS, tmp_path / "scratch") as encoder,
        pytest.raises(BadInputError, match=said),
    ):
        conversation_document(encoder, messages(*ONE))
