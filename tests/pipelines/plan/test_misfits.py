"""Models that do not fit: the plan says so of folders, and a run ends before anything is packed.

Each kind is tried on a fleet of pico models, whose ingest and check steps are really done; all that
comes after them is only noted. Where leave mends it, the very same run goes on with it.
"""

import asyncio
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import torch

from jobs.check.settings import CheckSettings
from jobs.check.work import Found, record
from jobs.command.running import begin, finish
from jobs.errors import BadInputError
from jobs.ingest.settings import IngestSettings
from jobs.ingest.work import import_model
from jobs.kinds.families import expected_tensors
from pipelines.commands.refreshing import intended
from pipelines.local.engine import Engine, Outcome, Runner, Step
from pipelines.plan.fitting import check_fit
from pipelines.plan.intent import Known
from pipelines.plan.mirror import Mirror
from pipelines.plan.models import fleet_models, know_models
from tests.jobs.ingest.sources import put, settings
from tests.support.pico import write_llama

FLEET = """
name: small
suite: demo
crawl: {publishers: [us], check_training_opt_out: false}
pack: {sequence_length: 64}
families:
  - name: pico
    base: {from: ./base}
    instruct: {from: ./instruct}
"""
DERIVED = "    derived: [{name: chatty, from: ./chatty}]\n"
SIBLING = """\
    siblings: [{name: older, base: {from: ./older}, instruct: {from: ./older-instruct}}]
"""
HEAD = "lm_head.weight"
YARN = {"rope_type": "yarn", "factor": 4.0, "original_max_position_embeddings": 64}


def built(**changes: Any) -> Callable[[Path], None]:
    """Another model in the folder: its config changed, and all tensors made as that says."""

    def build(folder: Path) -> None:
        settings(**changes)(folder)
        config = json.loads((folder / "config.json").read_text())
        shapes = expected_tensors(config, config["num_hidden_layers"])
        assert shapes is not None
        tensors = {
            name: torch.ones([size or 0 for size in shape], dtype=torch.bfloat16)
            for name, shape in shapes.items()
        }
        put(folder, tensors)

    return build


def reworded(folder: Path) -> None:
    """A tokenizer in which two words have each other's ids."""
    path = folder / "tokenizer.json"
    tree = json.loads(path.read_text())
    words = tree["model"]["vocab"]
    words["bread"], words["nails"] = words["nails"], words["bread"]
    path.write_text(json.dumps(tree))


def without_tokenizer(folder: Path) -> None:
    (folder / "tokenizer.json").unlink()


class Case(NamedTuple):
    """A model of the fleet that is wrong."""

    model: str
    change: Callable[[Path], None]
    planned: str
    """What the plan says; "" where it leaves that to ingest."""
    step: str
    """The step in which the run ends."""
    said: str
    leave: str = ""
    """What mends it beside another model: the family's section merge."""


INSTRUCT = "check-residuals/pico-instruct"
CASES = {
    "vocabulary padded": Case(
        "instruct", built(vocab_size=64),
        "[64, 16] in instruct", INSTRUCT, "merge: {vocabulary: extend}", "{vocabulary: extend}",
    ),
    "vocabulary padded, of a derived model": Case(
        "chatty", built(vocab_size=64),
        "merge: {vocabulary: extend} takes the rows from where they are",
        "check-derived/chatty-instruct", "merge: {vocabulary: extend}", "{vocabulary: extend}",
    ),
    "tied beside untied": Case(
        "instruct", built(tie_word_embeddings=True),
        f"instruct ties {HEAD} to model.embed_tokens.weight, and base", INSTRUCT,
        "merge models that are all tied or all untied",
    ),
    "more layers": Case(
        "instruct", built(num_hidden_layers=3),
        "num_hidden_layers is 2 in base ", INSTRUCT, "('num_hidden_layers' must be the same)",
    ),
    "another size": Case(
        "older-instruct", built(hidden_size=32, intermediate_size=64),
        "families[0].siblings[0]: the models' config.json differ: ", f"{INSTRUCT}-from-older",
        "('head_dim', 'hidden_size', 'intermediate_size' must be the same)",
    ),
    "other groups of heads": Case(
        "instruct", built(num_key_value_heads=2),
        "num_key_value_heads is 1 in base ", INSTRUCT, "('num_key_value_heads' must be the same)",
    ),
    "another base of RoPE": Case(
        "instruct", settings(rope_parameters={"rope_theta": 500000.0, "rope_type": "default"}),
        "rope_theta is absent in base ", INSTRUCT, "('rope_theta' must be the same)",
        "{allow_config: [rope_theta]}",
    ),
    "a longer context": Case(
        "instruct", settings(max_position_embeddings=32),
        "7:5: families[0].merge.allow_config: config.json of its models differ: "
        "max_position_embeddings is 64 in base, 32 in instruct; between versions of one "
        "architecture this is harmless; write into the family: merge: "
        "{allow_config: [max_position_embeddings]}",
        INSTRUCT, "merge: {allow_config: [max_position_embeddings]} in the fleet file",
        "{allow_config: [max_position_embeddings]}",
    ),
    "RoPE stretched": Case(
        "chatty", settings(rope_parameters={"rope_theta": 10000.0, **YARN}),
        "merge: {allow_config: [rope_scaling]}", "check-derived/chatty-instruct",
        "merge: {allow_config: [rope_scaling]} in the fleet file", "{allow_config: [rope_scaling]}",
    ),
    "a sliding window": Case(
        "instruct", settings(sliding_window=32),
        "merge: {allow_config: [sliding_window]}", INSTRUCT,
        "merge: {allow_config: [sliding_window]} in the fleet file",
        "{allow_config: [sliding_window]}",
    ),
    "another activation": Case(
        "instruct", settings(hidden_act="gelu"),
        'hidden_act is "silu" in base ', INSTRUCT, "('hidden_act' must be the same)",
    ),
    "another norm": Case(
        "chatty", settings(rms_norm_eps=0.01),
        "10:15: families[0].derived[0]: the models' config.json differ: rms_norm_eps is ",
        "check-derived/chatty-instruct",
        "('rms_norm_eps' must be the same)",
    ),
    "another family's model": Case(
        "chatty", built(model_type="qwen2", architectures=["Qwen2ForCausalLM"]),
        'model_type is "llama" in base ', "check-derived/chatty-instruct",
        "('architectures', 'model_type' must be the same)",
    ),
    "another family's tokenizer": Case(
        "instruct", reworded,
        "tokens mean other rows in base ", INSTRUCT, "merge models of one vocabulary",
    ),
    "quantised": Case(
        "instruct", settings(quantization_config={"quant_method": "gptq", "bits": 4}),
        "has quantization_config", "instruct", "quant",
    ),
    "no tokenizer": Case("instruct", without_tokenizer, "", "instruct", "tokenizer.json"),
}  # fmt: skip


class Halfway(Runner):
    """Does ingest and check within this process, and only notes what else is begun."""

    def __init__(self) -> None:
        self.begun: set[str] = set()
        self.failed: dict[str, str] = {}

    async def run(self, step: Step, attempt: int) -> Outcome:
        self.begun.add(step.job)
        try:
            if step.job == "ingest":
                self._ingest(step)
            elif step.job == "check":
                self._check(step)
        except BadInputError as error:
            self.failed[step.name] = str(error)
            return Outcome("Failed", exit_code=64)
        return await super().run(step, attempt)

    def _ingest(self, step: Step) -> None:
        job = begin(IngestSettings.from_flags(step.argv[3:]), {})
        if job is not None:
            finish(job, import_model(job))

    def _check(self, step: Step) -> None:
        found = Found()
        wanted = CheckSettings.from_flags(step.argv[3:])
        job = begin(wanted, found.check(wanted))
        if job is not None:
            finish(job, record(job, found))


@pytest.fixture(scope="module")
def llama(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_llama(tmp_path_factory.mktemp("pico") / "llama")


def fleet_file(folder: Path, llama: Path, case: Case | None, leave: str = "") -> Path:
    """The fleet with its models beside it, one of them wrong."""
    wrong = case.model if case else ""
    more = DERIVED * (wrong == "chatty") + SIBLING * wrong.startswith("older")
    for name in ("base", "instruct", "chatty", "older", "older-instruct"):
        if not (folder / name).exists():
            shutil.copytree(llama, folder / name)
            if case and name == wrong:
                case.change(folder / name)
    file = folder / "fleet.yaml"
    file.write_text(FLEET + more + (f"    merge: {leave}\n" if leave else ""))
    return file


def planned(file: Path, store: Path) -> list[str]:
    meant = intended(file, "2026-10", str(store), None, ())
    known = Known(meant, know_models(fleet_models(meant.fleet), str(store)), None, Mirror())
    return [str(finding).removeprefix(f"{file}:") for finding in check_fit(known)]


def walked(file: Path, store: Path) -> Halfway:
    runner, meant = Halfway(), intended(file, "2026-10", str(store), None, ())
    asyncio.run(Engine(meant.workflow, meant.parameters, runner).run())
    return runner


@pytest.mark.parametrize("kind", CASES)
def test_what_does_not_fit_is_told_by_the_plan_and_ends_a_run_before_training(
    kind: str, llama: Path, tmp_path: Path
) -> None:
    case, store = CASES[kind], tmp_path / "store"
    file = fleet_file(tmp_path, llama, case)
    if case.planned:
        (said,) = planned(file, store)
        assert case.planned in said
        assert "--" not in said, "flags are no words of a fleet file"
    ran = walked(file, store)
    ((step, why),) = ran.failed.items()
    assert step == f"family/pico/{case.step}"
    assert case.said in why
    assert ran.begun <= {"bundle", "crawl", "curate", "ingest", "check"}
    if case.leave:
        file = fleet_file(tmp_path, llama, case, case.leave)
        assert planned(file, store) == []
        ran = walked(file, store)
        assert ran.failed == {}
        assert {"pack", "train", "merge", "evaluate", "report", "promote"} <= ran.begun


def test_what_fits_goes_through(llama: Path, tmp_path: Path) -> None:
    """All kinds of merges; of other types, too, which are summed exactly."""
    file = fleet_file(tmp_path, llama, None)
    file.write_text(file.read_text() + DERIVED + SIBLING)
    settings(dtype="float32")(tmp_path / "instruct")
    built_in_float = {
        name: torch.zeros([size or 0 for size in shape])
        for name, shape in (
            expected_tensors(json.loads((llama / "config.json").read_text()), 2) or {}
        ).items()
    }
    put(tmp_path / "instruct", built_in_float)
    assert planned(file, tmp_path / "store") == []
    ran = walked(file, tmp_path / "store")
    assert ran.failed == {}
    assert planned(file, tmp_path / "store") == [], "of what lies in the store now"
    assert {"train", "merge"} <= ran.begun
