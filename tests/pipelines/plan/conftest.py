"""The hub of a test, and weights that take no room."""

import json
import struct
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from huggingface_hub import constants

from tests.support.hub import Hub, serve_hub

LLAMA = {
    "architectures": ["LlamaForCausalLM"], "model_type": "llama", "hidden_size": 4096,
    "intermediate_size": 14336, "num_hidden_layers": 32, "num_attention_heads": 32,
    "num_key_value_heads": 8, "vocab_size": 128256, "tie_word_embeddings": False,
}  # fmt: skip
LLAMA_PARAMETERS = 8_030_261_248
"""Of Llama 3 8B, as published."""


@pytest.fixture
def hub(no_other_hub: None, monkeypatch: pytest.MonkeyPatch) -> Iterator[Hub]:
    with serve_hub() as (said, address):
        monkeypatch.setattr(constants, "ENDPOINT", address)
        template = constants.HUGGINGFACE_CO_URL_TEMPLATE
        template = template.replace(template.split("/{", 1)[0], address)
        monkeypatch.setattr(constants, "HUGGINGFACE_CO_URL_TEMPLATE", template)
        monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
        yield said


WriteWeights = Callable[..., Path]


@pytest.fixture
def write_weights() -> WriteWeights:
    """A file of weights of which only the header takes room: its data is a hole."""

    def write(
        file: Path, shape: tuple[int, ...] = (3, 5), dtype: str = "BF16", cut: int = 0
    ) -> Path:
        length = {"BF16": 2, "F32": 4}[dtype]
        for size in shape:
            length *= size
        entry = {"dtype": dtype, "shape": list(shape), "data_offsets": [0, length]}
        text = json.dumps({"w": entry}).encode()
        file.parent.mkdir(parents=True, exist_ok=True)
        with file.open("wb") as opened:
            opened.write(struct.pack("<Q", len(text)) + text)
            opened.truncate(8 + len(text) + length - cut)
        return file

    return write
