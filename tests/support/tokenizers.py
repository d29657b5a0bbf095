"""Small tokenizer files of the shapes that models have, each as its tokenizer.json's tree."""

import json
from pathlib import Path
from typing import Any

from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, normalizers
from tokenizers import pre_tokenizers as pre
from tokenizers import processors as post

CL100K = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}"
    r"| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
)
WORDS = ("the", "baker", "makes", "bread", "and", "nails")


def tree(tokenizer: Tokenizer) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(tokenizer.to_str())
    return found


def bytes_bpe(*words: str) -> models.BPE:
    """Ids 0–255 for bytes, then one token for each beginning of each word."""
    ids = {letter: number for number, letter in enumerate(sorted(pre.ByteLevel.alphabet()))}
    merges = []
    for word in words:
        for end in range(1, len(word)):
            if word[: end + 1] not in ids:
                merges.append((word[:end], word[end]))
                ids[word[: end + 1]] = len(ids)
    return models.BPE(ids, merges)


def byte_level(*added: AddedToken | str) -> Tokenizer:
    """As Llama 3, Qwen and GPT have them, with cl100k's pattern; ``<|end|>`` ends texts."""
    tokenizer = Tokenizer(bytes_bpe(*(f"Ġ{word}" for word in WORDS), *WORDS, "1234567"))
    split = pre.Split(Regex(CL100K), "isolated")
    tokenizer.pre_tokenizer = pre.Sequence([split, pre.ByteLevel(False, use_regex=False)])
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.add_special_tokens(["<|begin|>", "<|end|>"])
    for one in added:
        tokenizer.add_tokens([one])
    return tokenizer


def llama_3() -> Tokenizer:
    """A start token before every text."""
    tokenizer = byte_level()
    begin = tokenizer.token_to_id("<|begin|>")
    template = post.TemplateProcessing("<|begin|> $A", special_tokens=[("<|begin|>", begin)])
    tokenizer.post_processor = post.Sequence([post.ByteLevel(trim_offsets=False), template])
    return tokenizer


def metaspace() -> Tokenizer:
    """As Llama 2: blanks as ▁, bytes for what is unknown."""
    ids = {"<unk>": 0, "<|begin|>": 1, "<|end|>": 2}
    ids |= {f"<0x{byte:02X}>": 3 + byte for byte in range(256)}
    for letter in "▁abcdefghijklmnopqrstuvwxyz<|>/[]":
        ids[letter] = len(ids)
    merges = []
    for word in [f"▁{word}" for word in WORDS]:
        for end in range(1, len(word)):
            if word[: end + 1] not in ids:
                merges.append((word[:end], word[end]))
                ids[word[: end + 1]] = len(ids)
    tokenizer = Tokenizer(models.BPE(ids, merges, unk_token="<unk>", byte_fallback=True))
    tokenizer.normalizer = normalizers.Sequence(
        [normalizers.Prepend("▁"), normalizers.Replace(" ", "▁")]
    )
    tokenizer.add_special_tokens(["<unk>", "<|begin|>", "<|end|>"])
    return tokenizer


def word_piece() -> Tokenizer:
    """As BERT: control tokens stand in the vocabulary, and around every text."""
    names = ["[UNK]", "[CLS]", "[SEP]", *WORDS, *"abcdefgs<|>[]", *(f"##{x}" for x in "abcdegmnrs")]
    ids = {name: number for number, name in enumerate(names)}
    tokenizer = Tokenizer(models.WordPiece(ids, unk_token="[UNK]"))
    tokenizer.pre_tokenizer = pre.BertPreTokenizer()
    tokenizer.post_processor = post.BertProcessing(("[SEP]", 2), ("[CLS]", 1))
    tokenizer.add_special_tokens(["[UNK]", "[CLS]", "[SEP]"])
    return tokenizer


def unigram() -> Tokenizer:
    """As T5: the model itself would find ``</s>`` in a text."""
    pieces = [("<unk>", 0.0), ("<s>", 0.0), ("</s>", 0.0)]
    pieces += [(f"▁{word}", -2.0) for word in WORDS]
    pieces += [(letter, -8.0) for letter in "▁abcdefghijklmnopqrstuvwxyz<|>/"]
    tokenizer = Tokenizer(models.Unigram(pieces, 0, False))
    tokenizer.pre_tokenizer = pre.Metaspace()
    return tokenizer


def words() -> Tokenizer:
    """Each word is a token; marks of turns are control tokens."""
    names = ["<unk>", "<|begin|>", "<|end|>", *WORDS, "user", "assistant", "system", "hm", "think"]
    tokenizer = Tokenizer(models.WordLevel({name: i for i, name in enumerate(names)}, "<unk>"))
    tokenizer.pre_tokenizer = pre.WhitespaceSplit()
    tokenizer.add_special_tokens(["<unk>", "<|begin|>", "<|end|>"])
    return tokenizer


def write(folder: Path, file: Tokenizer | dict[str, Any], **settings: Any) -> Path:
    """A folder with a tokenizer's two files."""
    folder.mkdir(parents=True, exist_ok=True)
    if isinstance(file, Tokenizer):
        file = tree(file)
    (folder / "tokenizer.json").write_text(json.dumps(file))
    settings = {"bos_token": "<|begin|>", "eos_token": "<|end|>"} | settings
    (folder / "tokenizer_config.json").write_text(json.dumps(settings))
    return folder
