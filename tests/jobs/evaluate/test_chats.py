"""lm-eval's prompts come from the model's chat template, rendered within bounds."""

from pathlib import Path
from typing import Any

import pytest
from jinja2 import TemplateError

from jobs.errors import BadInputError
from jobs.evaluate import chats
from jobs.evaluate.chats import chat_tokenizer
from jobs.kinds.tokenizer import load_tokenizer
from tests.support import tokenizers as shapes
from tests.support.tokenizers import write

TEMPLATE = (
    "{% if messages[0].role == 'system' %}{{ raise_exception('no\nsystem') }}{% endif %}"
    "{{ bos_token }}{% for m in messages %}{{ m.role }}: {{ m.content | trim }}{{ eos_token }}"
    "{% endfor %}{% if add_generation_prompt %}assistant:{% endif %}"
    "{% if 'loop' in messages[0].content %}{% for a in range(9999) %}{% for b in range(9999) %}"
    "{% for c in range(9999) %}{% endfor %}{% endfor %}{% endfor %}{% endif %}"
    "{% if 'fail' in messages[0].content %}{{ 1 / 0 }}{% endif %}"
)


def asked(content: str, role: str = "user") -> list[dict[str, str]]:
    return [{"role": role, "content": content}, {"role": "assistant", "content": "é 東 "}]


def test_prompts_are_rendered_within_bounds(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(chats, "bounds", lambda _: (1.0, 2**28))
    tokenizer: Any = chat_tokenizer(write(tmp_path, shapes.words(), chat_template=TEMPLATE), "m")
    own: Any = load_tokenizer(tmp_path, "m")
    options: dict[str, bool]
    for options in (
        {"add_generation_prompt": True, "continue_final_message": False},
        {"add_generation_prompt": False, "continue_final_message": True},
    ):
        text = tokenizer.apply_chat_template(asked("the"), tokenize=False, **options)
        assert text == own.apply_chat_template(asked("the"), tokenize=False, **options)
    assert text == "<|begin|>user: the<|end|>assistant: é 東"
    with pytest.raises(TemplateError, match=r"^no.*system$"):  # lm-eval leaves the system out
        tokenizer.apply_chat_template(asked("the", "system"), tokenize=False)
    with pytest.raises(BadInputError, match=r"^m: its chat template: m has .* that fails"):
        tokenizer.apply_chat_template(asked("fail"), tokenize=False)
    with pytest.raises(BadInputError, match="its chat template took more than 1 s of processor"):
        tokenizer.apply_chat_template(asked("loop"), tokenize=False)
