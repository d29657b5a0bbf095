"""What the hub says of models before any is fetched: one answer each, all asked at once.

The plan never waits for a network that is not there: whatever has not answered when the time is
up is unknown, and its thread is left to itself.
"""

import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from fnmatch import fnmatch
from typing import Any

from jobs.errors import BadInputError, TransientError
from jobs.hub import hub_errors
from jobs.kinds.model import CONFIG
from jobs.strict_json import check_memory, parse

MAX_SECONDS = 3.0
"""For all models together; one that the hub knows answers in a few tenths."""
MAX_CONFIG_BYTES = 2**24
WEIGHTS = "model*.safetensors"
"""As ingest chooses them."""

Asked = tuple[str, str | None]
"""Id and revision."""


@dataclass(frozen=True)
class HubAnswer:
    """Of one model; what is None the hub did not say."""

    parameters: int | None = None
    weight_bytes: int | None = None
    config: Mapping[str, Any] | None = None
    problem: str = ""
    """Why a run would fail: there is no such model, or it is gated."""
    unanswered: str = ""
    """Why it is not known whether one would."""


def ask_hub(models: Sequence[Asked], max_seconds: float = MAX_SECONDS) -> dict[Asked, HubAnswer]:
    """An answer for each, within `max_seconds`; never an error."""
    if models and (why := _why_not()):
        return dict.fromkeys(models, HubAnswer(unanswered=why))
    answers: dict[Asked, HubAnswer] = {}
    threads = [
        threading.Thread(target=_ask, args=(asked, max_seconds, answers), daemon=True)
        for asked in dict.fromkeys(models)
    ]
    deadline = time.monotonic() + max_seconds
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(max(0.0, deadline - time.monotonic()))
    late = HubAnswer(unanswered=f"the hub did not answer within {max_seconds:g} s")
    return {asked: answers.get(asked, late) for asked in models}


def _why_not() -> str:
    """Why the hub cannot be asked at all. (The import takes half a second, once.)"""
    try:
        from huggingface_hub import constants
    except ImportError:
        return "huggingface_hub is not installed here"
    return "HF_HUB_OFFLINE forbids to ask the hub" if constants.HF_HUB_OFFLINE else ""


def _ask(asked: Asked, max_seconds: float, answers: dict[Asked, HubAnswer]) -> None:
    """The thread: what the hub says of the model, then its config, which a gate may keep."""
    name, revision = asked
    answer = HubAnswer()
    try:
        with hub_errors("model", name, revision):
            answer, commit, has_config = _metadata(name, revision, max_seconds)
            answers[asked] = answer  # should the config come too late
            if has_config:
                answer = replace(answer, config=_config(name, commit, max_seconds))
    except BadInputError as error:
        answer = replace(answer, problem=str(error))
    except TransientError as error:
        answer = replace(answer, unanswered=str(error))
    answers[asked] = answer


def _metadata(
    name: str, revision: str | None, max_seconds: float
) -> tuple[HubAnswer, str | None, bool]:
    """What it says without the config; the commit; and whether there is a config."""
    from huggingface_hub import HfApi

    info = HfApi().model_info(name, revision=revision, timeout=max_seconds, files_metadata=True)
    files = {file.rfilename: file.size for file in info.siblings or []}
    sizes = [size for file, size in files.items() if fnmatch(file, WEIGHTS) and "/" not in file]
    known = [size for size in sizes if size is not None]
    total = info.safetensors.total if info.safetensors else None
    answer = HubAnswer(
        parameters=total if isinstance(total, int) and total > 0 else None,
        weight_bytes=sum(known) if known and len(known) == len(sizes) else None,
    )
    return answer, info.sha, CONFIG in files


def _config(name: str, commit: str | None, max_seconds: float) -> Mapping[str, Any] | None:
    """The file itself, as the metadata has but a part of it."""
    from huggingface_hub import get_session, hf_hub_url
    from huggingface_hub.utils import build_hf_headers, hf_raise_for_status

    url, headers = hf_hub_url(name, CONFIG, revision=commit), build_hf_headers()
    data = b""
    with get_session().stream(
        "GET", url, headers=headers, timeout=max_seconds, follow_redirects=True
    ) as response:
        hf_raise_for_status(response)
        for piece in response.iter_bytes():
            data += piece
            check_memory(f"{name}/{CONFIG}", MAX_CONFIG_BYTES, len(data))
    config = parse(data, f"{name}/{CONFIG}", MAX_CONFIG_BYTES, allow_nan=True)
    return config if isinstance(config, dict) else None
