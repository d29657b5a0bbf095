"""What the models' ``config.json`` must have in common, and the candidate's own. Pure.

Included: the comparison of architectures and the candidate's config. Not included: reading the
files; which fields are compared (`jobs.fit.normal_config`); whether embeddings are tied
(`jobs.fit.tying`).

Refused whatever the others say: ``quantization_config`` (sums of codes mean nothing) and
``text_config`` (several modalities, whose language model has other names and rules).
"""

import json
from collections.abc import Collection, Iterable, Mapping, Sequence
from itertools import chain
from typing import Any

from jobs.errors import BadInputError
from jobs.fit.normal_config import (
    GENERATION_FIELDS,
    ROPE_FIELDS,
    TOKEN_IDS,
    Config,
    normal_form,
)
from jobs.words import listed, nearest_of, shortened, shown

_MAY_BE_HARMLESS = (
    "max_position_embeddings", "rope_scaling",
    "sliding_window", "max_window_layers", "layer_types",
)  # fmt: skip
"""Fields in which an instruct model may differ from its own base, or versions of one architecture
from each other, and still be added. No tensor has its shape or its meaning by them; the candidate
has those of the model that it is merged onto.

    field                    why it may differ                             where it does
    -----------------------  --------------------------------------------  ------------------------
    max_position_embeddings  how long a text may be: with RoPE a promise   Qwen 2, 2.5: a longer
                             to whoever runs the model, that no weight     base than instruct model;
                             knows of (learned positions are rows, and     Llama 3 (8192) and 3.1
                             refused by their shape)                       (131072)
    rope_scaling             stretches the slowest turns of RoPE, for      Llama 3 (none) and 3.1:
                             texts longer than it was pre-trained on;      the paper moves residuals
                             what is near turns as before. Residuals are   both ways (its Table 3)
                             carried over all the same
    sliding_window,          which layers look how far back: a mask, the   Qwen 2, 2.5 have the
    max_window_layers,       same for all that lies within the window.     first two, switched off
    layer_types              Not compared where use_sliding_window is      (so they need no leave);
    (of windows)             false                                         Mistral 0.1 and 0.2

Not rope_theta: it turns every position by other angles, near ones too. Not partial_rotary_factor,
nor anything else: whoever knows better names the field all the same.
"""
_OF_WINDOWS = ("full_attention", "sliding_attention")
_EXCERPT_CHARACTERS = 60
_MOST_TOLD = 12


class DifferingConfigsError(BadInputError):
    """Configs differ in fields that were not allowed to: which, and what would allow them."""

    def __init__(
        self, told: list[str], values: Mapping[str, list[Any]], allowed: Collection[str],
        meant: Mapping[str, str],
    ) -> None:  # fmt: skip
        """`values` of each field that was refused; `meant`: names in `allowed` that are no fields
        → the refused field that was meant.
        """
        self.graver = [field for field in values if not _is_harmless(field, values[field])]
        """Fields whose differences are not known to be harmless."""
        self.allow = sorted({*values, *allowed} - meant.keys())
        """All that would have to be allowed."""
        more = [f"and {len(told) - _MOST_TOLD} fields more"] if len(told) > _MOST_TOLD else []
        self.misspelt = {
            name: f"{shown(name)} in allow_config is no field of theirs ({field} is)"
            for name, field in meant.items()
        }
        said = "; ".join([*told[:_MOST_TOLD], *more, *self.misspelt.values()])
        super().__init__(f"the models' config.json differ: {said}; {self._fix()}")

    def _fix(self) -> str:
        if self.graver:
            return f"merge models of one architecture ({listed(self.graver)} must be the same)"
        return (
            "between versions of one architecture this is harmless; allow it: merge: "
            f"{{allow_config: [{', '.join(self.allow)}]}} in the fleet file "
            f"(--allow-config {','.join(self.allow)})"
        )


def check_configs(configs: Mapping[str, Config], allowed: Collection[str]) -> dict[str, list[str]]:
    """Raises BadInputError unless all architectures are one; `configs` maps roles to configs.

    Returns the differences that `allowed` names: field → what each role has, as text. A name
    that does not differ, or that these configs lack, is no error, since a fleet's settings serve
    all of its families.
    """
    for role, config in configs.items():
        _refuse_unsupported(role, config)
    normal = {role: normal_form(role, config) for role, config in configs.items()}
    fields = sorted({field for config in normal.values() for field in config})
    differences = {}
    for field in fields:
        values = [config.get(field) for config in normal.values()]
        if any(value != values[0] for value in values):
            texts = zip(_excerpts(values), normal, strict=True)
            differences[field] = [f"{text} in --{role}" for text, role in texts]
    refused = {field: texts for field, texts in differences.items() if field not in allowed}
    if refused:
        said = [
            f"{shortened(ascii(field)[1:-1])} is {', '.join(texts)}"
            for field, texts in refused.items()
        ]
        meant = _meant(allowed, {*fields, *chain(*configs.values())}, list(refused))
        unlike = {field: [config.get(field) for config in normal.values()] for field in refused}
        raise DifferingConfigsError(said, unlike, allowed, meant)
    return differences


def merged_config(
    onto: Config, instruct: Config, vocabulary_rows: int | None, *, types_differ: bool = False
) -> dict[str, Any]:
    """The candidate's config.json, in the order of `onto`'s.

    field                              from       why
    ---------------------------------  ---------  ------------------------------------------
    *_token_id                         instruct   where an answer begins and ends
    temperature, top_p, max_length, …  instruct   version 4 kept generation settings here
    use_cache                          instruct   training turns it off; answering needs it
    vocab_size                         onto, or `vocabulary_rows` where rows were added
    dtype, torch_dtype                 onto, or instruct where `types_differ`, as its tensors' are
    _name_or_path                      neither    says where a file once lay
    auto_map                           neither    names code, and no code goes with a candidate
    everything else                    onto       it describes the weights, which are onto's

    A field of the second column that the instruct model lacks, the candidate lacks too.
    """
    taken = TOKEN_IDS | GENERATION_FIELDS | {"use_cache"}
    if types_differ:
        taken |= {"dtype", "torch_dtype"}
    merged = {}
    for field, value in onto.items():
        if field in taken:
            if field in instruct:
                merged[field] = instruct[field]
        elif field not in ("_name_or_path", "auto_map"):
            merged[field] = value
    merged.update({field: value for field, value in instruct.items() if field in taken})
    if vocabulary_rows is not None:
        merged["vocab_size"] = vocabulary_rows
    return merged


def _refuse_unsupported(role: str, config: Any) -> None:
    if not isinstance(config, Mapping):
        raise BadInputError(f"config.json of --{role} is not an object: {shown(config)}")
    if config.get("quantization_config"):
        raise BadInputError(
            f"config.json of --{role} has quantization_config: a quantised model cannot be "
            "added to; use the model as it was before"
        )
    if config.get("text_config"):
        raise BadInputError(
            f"config.json of --{role} has text_config: a model of several modalities is not "
            "supported; save its language model alone"
        )


def _is_harmless(field: str, values: Iterable[Any]) -> bool:
    """Whether versions of one architecture may differ so; layers of other kinds have tensors of
    their own.
    """
    if field == "layer_types":
        types = chain.from_iterable(value if isinstance(value, list) else () for value in values)
        return all(type_ in _OF_WINDOWS for type_ in types)
    return field in _MAY_BE_HARMLESS


def _meant(
    allowed: Collection[str], known: Collection[str], refused: Sequence[str]
) -> dict[str, str]:
    """Allowed names that are no field of these configs → the refused field that was meant."""
    meant = {}
    for name in allowed:
        of_rope = [field for field in refused if field in ROPE_FIELDS]
        if name == "rope_parameters" and of_rope:  # the file's name for what is compared as three
            meant[name] = of_rope[0]
        elif name not in known and (near := nearest_of(name, refused)):
            meant[name] = near
    return meant


def _excerpts(values: list[Any]) -> list[str]:
    """Values as short texts that show where they differ."""
    texts = [_text(value) for value in values]
    if max(map(len, texts)) <= _EXCERPT_CHARACTERS:
        return texts
    long = [text for text in texts if len(text) > _EXCERPT_CHARACTERS]
    same = next((i for i, at in enumerate(zip(*long, strict=False)) if len(set(at)) > 1), 0)
    start = max(0, same - 20) if len(long) > 1 else 0
    return [text if text not in long else _cut(text, start) for text in texts]


def _cut(text: str, start: int) -> str:
    before = "…" if start else ""
    return before + text[start : start + _EXCERPT_CHARACTERS] + "…"


def _text(value: Any) -> str:
    return "absent" if value is None else json.dumps(value, sort_keys=True)
