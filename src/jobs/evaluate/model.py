"""A model of the store as lm-eval's language model."""

import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from lm_eval.models.huggingface import HFLM
from transformers import AutoModelForCausalLM

from jobs.artifacts.reading import Artifact
from jobs.command.progress import Progress
from jobs.errors import BadInputError
from jobs.evaluate.chats import chat_tokenizer
from jobs.kinds.model import CONFIG, check_loadable


class LanguageModel(HFLM):  # type: ignore[misc]  # lm-eval has no types
    """lm-eval's transformers model, which reports its progress as other jobs do."""

    def loglikelihood(self, requests: list[Any], **_: Any) -> Any:
        return self._counted(super().loglikelihood, requests)

    def loglikelihood_rolling(self, requests: list[Any], **_: Any) -> Any:
        return self._counted(super().loglikelihood_rolling, requests)

    def generate_until(self, requests: list[Any], **_: Any) -> Any:
        return self._counted(super().generate_until, requests)

    def _counted(self, run: Callable[..., Any], requests: list[Any]) -> Any:
        """Runs `requests`; rows of forward passes are counted, which is about one a request."""
        with Progress("evaluate", len(requests), "requests") as self._progress:
            return run(requests, disable_tqdm=True)

    def _loglikelihood_tokens(self, *requests: Any, **options: Any) -> Any:
        return super()._loglikelihood_tokens(*requests, **{**options, "disable_tqdm": True})

    def _model_call(self, inps: torch.Tensor, *rest: Any, **options: Any) -> Any:
        logits = super()._model_call(inps, *rest, **options)
        self._progress.advance(len(inps))
        return logits

    def _model_generate(self, context: torch.Tensor, *rest: Any, **options: Any) -> Any:
        tokens = super()._model_generate(context, *rest, **options)
        self._progress.advance(len(context))
        return tokens


def check_model(model: Artifact) -> None:
    """Raises BadInputError for what cannot be a causal language model that runs no code."""
    check_loadable(model)
    if "auto_map" in model.read_json(CONFIG):
        raise BadInputError(f"{model.uri} needs code of its own (auto_map), which is never run")


def load_model(model: Artifact, scratch: Path, batch_size: int) -> LanguageModel:
    """The model on the GPU in bfloat16 where there is one, else on the CPU in float32.

    Raises BadInputError where a weight is missing: it would be made up at random.
    """
    check_model(model)
    cuda = torch.cuda.is_available()
    folder = model.local_copy(scratch)
    try:
        network, loading = AutoModelForCausalLM.from_pretrained(
            folder,
            dtype=torch.bfloat16 if cuda else torch.float32,
            use_safetensors=True,
            output_loading_info=True,
        )
        tokenizer = chat_tokenizer(folder, model.uri)
    except (OSError, ValueError, RuntimeError) as error:
        said = (str(error).strip() or repr(error)).splitlines()[0]
        raise BadInputError(f"{model.uri} is no model that can be scored: {said}") from error
    if loading["missing_keys"]:
        missing = ", ".join(sorted(loading["missing_keys"])[:5])
        raise BadInputError(f"{model.uri} lacks weights that its config asks for: {missing}")
    # lm-eval's advice about its own command line is not for our reader; what its models say
    # later is, as that a prompt is too long and was cut.
    logging.getLogger("lm_eval").setLevel(logging.ERROR)
    network.to("cuda" if cuda else "cpu")
    scored = LanguageModel(pretrained=network, tokenizer=tokenizer, batch_size=batch_size)
    logging.getLogger("lm_eval.models").setLevel(logging.WARNING)
    return scored
