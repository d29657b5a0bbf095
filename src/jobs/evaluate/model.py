"""A model of the store as lm-eval's language model."""

import logging
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from lm_eval.models.huggingface import HFLM
from transformers import GenerationConfig

from jobs.artifacts.reading import Artifact
from jobs.command.progress import Progress
from jobs.errors import BadInputError
from jobs.evaluate.chats import chat_tokenizer
from jobs.kinds.model import CONFIG, GENERATION, check_loadable
from jobs.kinds.network import MAX_CONFIG_BYTES, load_network, refusing
from jobs.words import shown

GENERATION_KEPT = (
    "bos_token_id", "eos_token_id", "pad_token_id", "decoder_start_token_id",
    "forced_bos_token_id", "forced_eos_token_id", "suppress_tokens", "begin_suppress_tokens",
    "bad_words_ids", "repetition_penalty", "no_repeat_ngram_size", "do_sample", "temperature",
    "top_k", "top_p", "min_p", "typical_p", "epsilon_cutoff", "eta_cutoff",
)  # fmt: skip


class LanguageModel(HFLM):  # type: ignore[misc]  # lm-eval has no types
    """lm-eval's transformers model, which reports its progress as other jobs do."""

    where: str
    """URI of the model, for errors."""
    failed: Exception | None = None
    """What ended its work, as no fault of the items."""

    def loglikelihood(self, requests: list[Any], **_: Any) -> Any:
        return self._counted(super().loglikelihood, requests)

    def loglikelihood_rolling(self, requests: list[Any], **_: Any) -> Any:
        return self._counted(super().loglikelihood_rolling, requests)

    def generate_until(self, requests: list[Any], **_: Any) -> Any:
        return self._counted(super().generate_until, requests)

    def _counted(self, run: Callable[..., Any], requests: list[Any]) -> Any:
        """Runs `requests`; rows of forward passes are counted, which is about one a request."""
        with Progress("evaluate", len(requests), "requests") as self._progress:
            try:
                return run(requests, disable_tqdm=True)
            except Exception as error:
                self.failed = error
                raise

    def _loglikelihood_tokens(self, *requests: Any, **options: Any) -> Any:
        """Raises BadInputError for what is no number: of answers lm-eval would take the first."""
        found = super()._loglikelihood_tokens(*requests, **{**options, "disable_tqdm": True})
        if any(math.isnan(logarithm) for logarithm, _ in found):
            raise _no_number(self.where)
        return found

    def _check_ids(self, ids: torch.Tensor) -> None:
        """Raises BadInputError for a token without a row, which on a GPU ends the process."""
        rows, highest = self.model.get_input_embeddings().num_embeddings, int(ids.max())
        if highest >= rows:
            token = self.tokenizer.convert_ids_to_tokens(highest)
            raise BadInputError(
                f"the tokenizer or chat template of {self.where} gives the id {highest} "
                f"({shown(token)}), and the model has {rows} rows; use the files that the model "
                "was published with"
            )

    def _model_call(self, inps: torch.Tensor, *rest: Any, **options: Any) -> Any:
        self._check_ids(inps)
        logits = super()._model_call(inps, *rest, **options)
        self._progress.advance(len(inps))
        return logits

    def _model_generate(self, context: torch.Tensor, *rest: Any, **options: Any) -> Any:
        self._check_ids(context)
        tokens = super()._model_generate(context, *rest, **options)
        self._progress.advance(len(context))
        return tokens


def load_model(model: Artifact, scratch: Path, batch_size: int) -> LanguageModel:
    """The model on the GPU in bfloat16 where there is one, else on the CPU in float32.

    It has made one token, so that what a config breaks only later is met here. Raises
    BadInputError.
    """
    check_loadable(model)
    cuda = torch.cuda.is_available()
    with refusing(model):
        generation = GenerationConfig(**_generation(model))
    dtype = torch.bfloat16 if cuda else torch.float32
    network = load_network(model, scratch, dtype, generation)
    with refusing(model):
        tokenizer = chat_tokenizer(scratch, model.uri)
    # lm-eval's advice about its own command line is not for our reader; what its models say
    # later is, as that a prompt is too long and was cut.
    logging.getLogger("lm_eval").setLevel(logging.ERROR)
    network.to("cuda" if cuda else "cpu")
    with refusing(model):
        made = network.generate(
            input_ids=torch.zeros((1, 2), dtype=torch.long, device=network.device),
            attention_mask=torch.ones((1, 2), dtype=torch.long, device=network.device),
            pad_token_id=0,
            max_new_tokens=1,
            do_sample=False,
            return_dict_in_generate=True,
            output_logits=True,
        )
        if torch.isnan(made.logits[0]).any():
            raise _no_number(model.uri)
        scored = LanguageModel(
            pretrained=network,
            tokenizer=tokenizer,
            batch_size=batch_size,
            backend="causal",
            trust_remote_code=False,
        )
        scored.where = model.uri
        _check_length(model, scored.max_length)
    logging.getLogger("lm_eval.models").setLevel(logging.WARNING)
    return scored


def _generation(model: Artifact) -> dict[str, Any]:
    """What the model's settings say of one sequence's tokens.

    Left out is the rest: lengths, which the task sets; beams; and what fetches or compiles code
    (assistants, caches, ``custom_generate``, modes that transformers moved to the hub).
    """
    file = GENERATION if GENERATION in model else CONFIG
    values = model.read_json(file, MAX_CONFIG_BYTES)
    if type(values) is not dict:
        raise BadInputError(f"{model.uri}/{file} is {shown(values)}; expected an object")
    return {field: values[field] for field in GENERATION_KEPT if field in values}


def _no_number(where: str) -> BadInputError:
    return BadInputError(
        f"{where} computes NaN: its weights or a number in its {CONFIG} are not finite; import or "
        "train the model again"
    )


def _check_length(model: Artifact, length: object) -> None:
    if type(length) is not int or length < 2:
        raise BadInputError(
            f"{model.uri}/{CONFIG} says that the model reads {shown(length)} tokens; "
            "expected a number of 2 or more"
        )
