"""The world of docs/first-refresh.md: its hub, and its fleet with models that a test can train."""

from pathlib import Path
from typing import Any

import yaml

from demo.__main__ import SAMPLE
from jobs.promote.work import promote
from tests.docs.worlds import World
from tests.jobs.promote.test_promote import settings
from tests.jobs.report.fake_run import make_run
from tests.jobs.report.test_report import report
from tests.support.hub import Hub
from tests.support.paths import ROOT
from tests.support.pico import CHAT_TEMPLATE, write_llama

FLEET = "fleets/one-gpu.yaml"
QWEN_PARAMETERS, QWEN_BYTES = 494_032_768, 988_097_824
"""Of Qwen2.5 0.5B and its file of weights, as published."""
QWEN: dict[str, Any] = {
    "architectures": ["Qwen2ForCausalLM"], "hidden_act": "silu", "hidden_size": 896,
    "intermediate_size": 4864, "max_position_embeddings": 32768, "model_type": "qwen2",
    "num_attention_heads": 14, "num_hidden_layers": 24, "num_key_value_heads": 2,
    "rms_norm_eps": 1e-06, "rope_theta": 1000000.0, "sliding_window": 32768,
    "tie_word_embeddings": True, "use_sliding_window": False, "vocab_size": 151936,
}  # fmt: skip
SUITE = "tasks: [arc_easy]\n"


def publish_models(hub: Hub) -> None:
    """Those of the fleet, with what the hub tells of them."""
    for name in ("Qwen/Qwen2.5-0.5B", "Qwen/Qwen2.5-0.5B-Instruct"):
        hub.holds(name, QWEN_PARAMETERS, {"model.safetensors": QWEN_BYTES}, **QWEN)


def make_trainable(world: World, ccnews_server: str) -> None:
    """Puts pico models, invented news and one task in the places of the fleet's."""
    folder = world.folder / "fleets"
    folder.unlink()
    folder.mkdir()
    write_llama(folder / "base")
    write_llama(folder / "instruct", chat_template=CHAT_TEMPLATE)
    (folder / "suite.yaml").write_text(SUITE)
    text = yaml.safe_dump(_pico(yaml.safe_load((ROOT / FLEET).read_text()), ccnews_server))
    (world.folder / FLEET).write_text(text)


def _pico(fleet: dict[str, Any], ccnews_server: str) -> dict[str, Any]:
    (family,) = fleet["families"]
    return fleet | {
        "suite": "suite.yaml",
        "eval_data": str(SAMPLE.parent / "eval-data"),
        "crawl": {
            "publishers": ["us.VoiceOfAmerica"],
            "check_training_opt_out": False,
            "ccnews_server": ccnews_server,
        },
        "pack": {"sequence_length": 64, "heldout_fraction": 0.05},
        "families": [family | {name: {"from": f"./{name}"} for name in ("base", "instruct")}],
    }


def make_store(store: Path) -> None:
    """A store with one run, reported and released."""
    run = make_run(store)
    report(run)
    promote(settings(run))
