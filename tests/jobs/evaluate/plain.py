"""Scores worked out with plain transformers, without lm-eval, to compare with."""

import math
from collections.abc import Sequence
from pathlib import Path

import torch
from transformers import AutoModelForCausalLM, AutoTokenizer


class Plain:
    """A model and its tokenizer, one sequence at a time."""

    def __init__(self, folder: Path) -> None:
        self.network = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32).eval()
        self.tokenizer = AutoTokenizer.from_pretrained(folder)

    def log_probability(self, context: Sequence[int], answer: Sequence[int]) -> float:
        """Natural logarithm of the probability of `answer` after `context`."""
        ids = torch.tensor([[*context, *answer]])
        with torch.no_grad():
            logs: torch.Tensor = self.network(ids).logits[0].log_softmax(-1)
        places = range(len(context) - 1, ids.shape[1] - 1)
        return sum(logs[place, token].item() for place, token in zip(places, answer, strict=True))

    def choices(self, question: str, answers: Sequence[str]) -> list[float]:
        """The log probability of each answer, put after the question and a blank."""
        found = []
        for answer in answers:
            context = self.tokenizer(question)["input_ids"]
            whole = self.tokenizer(f"{question} {answer}")["input_ids"]
            found.append(self.log_probability(context, whole[len(context) :]))
        return found

    def text(self, text: str, length: int) -> float:
        """The log probability of a text: windows of `length` tokens, after a start token.

        The last window is filled up with the tokens before it.
        """
        ids = [self.tokenizer.bos_token_id, *self.tokenizer(text)["input_ids"]]
        total = 0.0
        for start in range(1, len(ids), length):
            answer = ids[start : start + length]
            context = ids[max(0, start + len(answer) - length - 1) : start]
            total += self.log_probability(context, answer)
        return total

    def chat(self, prompt: str, max_tokens: int) -> str:
        """The greedy answer to one user's message."""
        ids = self.tokenizer.apply_chat_template(
            [{"role": "user", "content": prompt}],
            add_generation_prompt=True,
            return_tensors="pt",
            return_dict=True,
        )
        made = self.network.generate(**ids, do_sample=False, max_new_tokens=max_tokens)
        new = made[0, ids["input_ids"].shape[1] :].tolist()
        until = (
            new.index(self.tokenizer.eos_token_id) if self.tokenizer.eos_token_id in new else None
        )
        text: str = self.tokenizer.decode(new[:until], skip_special_tokens=True)
        return text


def best(values: Sequence[float]) -> int:
    """Place of the largest value."""
    return max(range(len(values)), key=values.__getitem__)


def bits_per_byte(log_probability: float, text: str) -> float:
    return -log_probability / len(text.encode()) / math.log(2)
