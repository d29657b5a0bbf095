"""The pico family's beginnings: a tokenizer trained on the sample, and weights not trained at all.

A Llama of about two million parameters; base and instruct share the vocabulary, and only the
instruct side has a chat template.

python -m demo.seed ARTICLES CONVERSATIONS FOLDER
"""

import shutil
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from jobs.artifacts.reading import Artifact
from jobs.kinds.articles import read_articles

VOCABULARY = 1536
MAX_POSITIONS = 512
BOS, EOS, START, END = "<|begin|>", "<|end|>", "<|start|>", "<|stop|>"
CHAT_TEMPLATE = (
    "{{ bos_token }}{% for message in messages %}"
    f"{START}{{{{ message['role'] }}}}\n{{{{ message['content'] }}}}{END}"
    "{% endfor %}"
    f"{{% if add_generation_prompt %}}{START}assistant\n{{% endif %}}"
)


def main(articles: str, conversations: str, folder: str) -> None:
    """Both models below `folder`, whole or not at all."""
    seeds, half = Path(folder), Path(f"{folder}-half")
    if seeds.exists():
        return
    shutil.rmtree(half, ignore_errors=True)
    write_base(half / "base", _texts(articles, Path(conversations)))
    write_instruct(half / "instruct", half / "base")
    half.rename(seeds)


def _texts(articles: str, conversations: Path) -> Iterator[str]:
    """All that the tokenizer is trained on."""
    for batch in read_articles(Artifact.open(articles)):
        for article in batch.to_pylist():
            yield f"{article['title']}\n\n{article['body']}"
    yield from conversations.read_text().splitlines()


def write_base(folder: Path, texts: Iterable[str]) -> None:
    """Untrained weights in bfloat16, seeded, with the tokenizer of a base model."""
    import torch
    from transformers import GenerationConfig, LlamaConfig, LlamaForCausalLM, logging

    logging.disable_progress_bar()
    tokenizer = _tokenizer(texts)
    tokenizer.save_pretrained(folder)
    config = LlamaConfig(
        vocab_size=VOCABULARY,
        hidden_size=192,
        intermediate_size=512,
        num_hidden_layers=4,
        num_attention_heads=6,
        num_key_value_heads=3,
        max_position_embeddings=MAX_POSITIONS,
        tie_word_embeddings=True,
        bos_token_id=tokenizer.bos_token_id,
        eos_token_id=tokenizer.eos_token_id,
        dtype="bfloat16",
    )
    torch.manual_seed(0)
    model = LlamaForCausalLM(config).to(torch.bfloat16)
    model.generation_config = GenerationConfig(
        bos_token_id=tokenizer.bos_token_id, eos_token_id=tokenizer.eos_token_id
    )
    model.save_pretrained(folder)


def write_instruct(folder: Path, base: Path) -> None:
    """The base's files again, with a chat template and the stop token of a turn."""
    from transformers import AutoModelForCausalLM, AutoTokenizer, GenerationConfig

    tokenizer = AutoTokenizer.from_pretrained(base)
    tokenizer.chat_template = CHAT_TEMPLATE
    tokenizer.eos_token = END
    tokenizer.save_pretrained(folder)
    model = AutoModelForCausalLM.from_pretrained(base, dtype="bfloat16")
    model.generation_config = GenerationConfig(
        bos_token_id=tokenizer.bos_token_id, eos_token_id=tokenizer.eos_token_id
    )
    model.save_pretrained(folder)


def _tokenizer(texts: Iterable[str]) -> Any:
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, processors, trainers
    from transformers import PreTrainedTokenizerFast

    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=VOCABULARY,
        special_tokens=[BOS, EOS, START, END],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator(texts, trainer)
    tokenizer.post_processor = processors.TemplateProcessing(
        single=f"{BOS} $A", special_tokens=[(BOS, tokenizer.token_to_id(BOS))]
    )
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        bos_token=BOS,
        eos_token=EOS,
        pad_token=EOS,
        model_max_length=MAX_POSITIONS,
    )


if __name__ == "__main__":
    main(*sys.argv[1:])
