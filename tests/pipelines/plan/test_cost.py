"""What steps cost, against numbers worked out by hand from the assumptions."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from jobs.artifacts.manifest import Work
from jobs.artifacts.writing import ArtifactWriter
from jobs.crawl.settings import CrawlSettings
from jobs.curate.settings import CurateSettings
from jobs.errors import BadInputError
from jobs.store.prefix import Prefix
from pipelines.commands.parameters import WORKFLOW, run_parameters
from pipelines.fleet.prices import Prices
from pipelines.fleet.reading import read_fleet
from pipelines.local.reading import read_workflow
from pipelines.plan.plan import Plan, make_plan
from pipelines.plan.planned import Cost

LLAMA = """\
name: news
suite: paper
pack: {token_budget: 100M}
train: {epochs: 5, processes: 8}
placement: {train_gpus: 8}
prices: {currency: EUR, gpu: 2.5, cpu: 0.05}
families:
  - name: llama
    base: {from: owner/llama-8B}
    instruct: {from: owner/llama-8B-instruct}
"""


@dataclass(frozen=True)
class Planning:
    """Makes plans of variants of a fleet, for one store."""

    folder: Path

    @property
    def store(self) -> Path:
        return self.folder / "store"

    def plan(self, *changes: tuple[str, str], given: tuple[str, ...] = (), **room: Any) -> Plan:
        text = LLAMA
        for old, new in changes:
            assert old in text
            text = text.replace(old, new)
        file = self.folder / "fleet.yaml"
        file.write_text(text)
        fleet = read_fleet(file)
        parameters = run_parameters(fleet, "2026-10", str(self.store), "r", given)
        return make_plan(fleet, read_workflow(*WORKFLOW), parameters, **room)

    def holds(self, out: str, settings: Mapping[str, Any], statistics: dict[str, Any]) -> None:
        """An artifact that a crawl or curate left in the store."""
        model = CrawlSettings if out.startswith(f"{self.store}/articles/") else CurateSettings
        wanted = model.model_validate({**settings, "out": out})
        work = Work(kind="articles", producer=f"{wanted.job} {wanted.version}",
                    settings=wanted.identity(), inputs={})  # fmt: skip
        ArtifactWriter(Prefix(out), work, {}).commit(statistics)


@pytest.fixture
def planning(tmp_path: Path) -> Planning:
    return Planning(tmp_path)


def costs(plan: Plan) -> dict[str, Cost]:
    return {planned.step.name.removeprefix("family/llama/"): planned.cost for planned in plan.steps}


def test_each_job(planning: Planning) -> None:
    """8e9 parameters, by the name: 16e9 bytes at 1e8 a second from the hub, 5e8 to the store.

    crawl     1 + 31 + 7 days · 20 archives · 1.07e9 bytes at 2.5e7 a second; 2e5 articles of 2000
    pack      2e5 · 650 tokens at 2e5 a second; 1e8 of them kept, 4 bytes each
    train     6 · 8e9 · 1e8 · 5 = 2.4e19 FLOP at 8 · 312e12 · 0.4: 24038.46 s; weights read and
              written: 32e9 bytes, 64 s; 1908 steps, so 19 checkpoints of 12 · 8e9 bytes, two of
              them at a time, 3648 s behind the steps
    merge     three models read, one written: 64e9 bytes
    """
    found = costs(planning.plan())
    base, crawl, train, merge = (
        found[name] for name in ("base", "crawl", "train", "residuals/llama-instruct/merge")
    )
    assert base.seconds == 2 + 160 + 32
    assert (base.fetched_bytes, base.stored_bytes, base.scratch_bytes) == (16e9, 16e9, 0)
    assert crawl.fetched_bytes == pytest.approx(834.6e9)
    assert crawl.seconds == pytest.approx(2 + 33_384)
    assert crawl.stored_bytes == found["curate"].stored_bytes == 4e8
    assert found["curate"].seconds == 2 + 400
    assert (found["bundle"].seconds, found["bundle"].fetched_bytes) == (300, 3e8)
    assert (found["pack"].seconds, found["pack"].stored_bytes) == (5 + 650, 4e8)
    assert (train.flops, train.tokens) == (2.4e19, 1e8)
    assert train.seconds == pytest.approx(5 + 24_038.461538 + 64)
    assert train.gpu_hours == pytest.approx(8 * 24_107.461538 / 3600)
    assert (train.artifact_bytes, train.meanwhile_bytes) == (16e9, 192e9)
    assert (train.stored_bytes, train.scratch_bytes) == (208e9, 16e9)
    assert (merge.seconds, merge.stored_bytes, merge.gpu_hours) == (2 + 128, 16e9, 0)
    assert (found["report"].seconds, found["promote/llama-instruct"].seconds) == (2, 2)


def test_evaluation(planning: Planning) -> None:
    """Each step starts in 5 s and reads 16e9 bytes in 32; 9.36e13 FLOP/s in scoring.

    piqa     1838 · 2 · 35 tokens · 16e9 FLOP
    gsm8k    1319 · (65 + 5 · 180) tokens; then 165 batches · 256 tokens · 0.025 s
    heldout  1 % of 2e5 articles of 650 tokens
    """
    found = costs(planning.plan())
    seconds = {
        task: found[f"scores-base/{path}"].seconds
        for task, path in {
            "piqa": "evaluate/piqa", "gsm8k": "evaluate/gsm8k", "heldout": "heldout",
        }.items()
    }  # fmt: skip
    assert seconds == {
        "piqa": pytest.approx(37 + 21.99316),
        "gsm8k": pytest.approx(37 + 217.57863 + 1056),
        "heldout": pytest.approx(37 + 222.22222),
    }
    piqa = found["scores-base/evaluate/piqa"]
    assert (piqa.scratch_bytes, piqa.stored_bytes) == (16e9, 1838 * 400)
    assert piqa.gpu_hours == pytest.approx(58.99316 / 3600)
    quick = costs(planning.plan(("families:", "evaluate: {limit: 10}\nfamilies:")))
    assert quick["scores-base/evaluate/piqa"].seconds == pytest.approx(
        37 + 20 * 35 * 16e9 / 9.36e13
    )
    mmlu = quick["scores-base/evaluate/mmlu"].seconds  # the limit is of each of 57 subjects
    assert mmlu == pytest.approx(37 + 570 * (110 + 5 * 115) * 16e9 / 9.36e13)


def test_without_gpus(planning: Planning) -> None:
    """4e10 FLOP/s a process; no step holds a GPU, and their pods' processors are paid."""
    found = costs(
        planning.plan(("train_gpus: 8", "train_gpus: 0, evaluate_gpus: 0, evaluate_cpu: 500m"))
    )
    train, piqa = found["train"], found["scores-base/evaluate/piqa"]
    assert train.seconds == pytest.approx(5 + 2.4e19 / 3.2e11 + 64)
    assert (train.gpu_hours, train.processors, train.slots) == (0, 32, 8)
    assert piqa.seconds == pytest.approx(37 + 1838 * 70 * 16e9 / 4e10)
    assert (piqa.gpus, piqa.processors) == (0, 0.5)


def test_money() -> None:
    """2 h of 8 GPUs at 2.50; 90 min of 4 processors at 0.05."""
    prices = Prices(currency="EUR", gpu=2.5, cpu=0.05)
    assert Cost(seconds=7200, gpus=8, processors=99).money(prices) == 40
    assert Cost(seconds=5400, processors=4).money(prices) == pytest.approx(0.3)
    assert Cost(seconds=None).money(prices) is None


def test_what_is_not_known_hides_nothing_else(planning: Planning) -> None:
    plan = planning.plan(("owner/llama-8B-instruct", "owner/phi"))
    found = costs(plan)
    lacking = {name: cost.lacks for name, cost in found.items() if cost.lacks}
    merge = "residuals/llama-instruct/merge"
    scored = {name for name in found if name.startswith(("scores-instruct/", "residuals/llama-"))}
    assert set(lacking) == {"instruct", merge, *scored}
    assert set(lacking.values()) == {"the size of llama/instruct"}
    assert found[merge].seconds is None
    assert found["train"].gpu_hours == pytest.approx(53.572137)
    assert found["scores-base/heldout"].seconds is not None
    assert plan.clock_seconds > 33_384 + 24_107


def test_what_a_choice_of_publishers_has_is_not_known_before(planning: Planning) -> None:
    """Until it is crawled: then by the articles that were kept."""
    chosen = ("families:", "crawl: {publishers: [us]}\nfamilies:")
    unlimited = ("token_budget: 100M", "token_budget: null")
    plan = planning.plan(chosen)
    outs = {planned.step.name: planned.step.inputs.get("out", "") for planned in plan.steps}
    found = costs(plan)
    assert (found["curate"].seconds, found["curate"].lacks) == (
        None, "the articles of a choice of publishers",
    )  # fmt: skip
    assert found["crawl"].stored_bytes is None
    assert found["crawl"].seconds == pytest.approx(33_386)
    assert found["train"].flops == 2.4e19
    found = costs(planning.plan(chosen, unlimited))
    assert (found["train"].flops, found["train"].lacks) == (None, "the tokens of all articles")
    assert found["train"].stored_bytes == 208e9
    planning.holds(outs["crawl"], {"period": "2026-10", "publishers": ("us",)}, {"kept": 9000})
    assert costs(planning.plan(chosen))["curate"].seconds == 2 + 18
    planning.holds(outs["curate"], {"articles": "/x"}, {"kept": 1000})
    packed = costs(planning.plan(chosen, unlimited))["train"]
    assert packed.tokens == pytest.approx(1000 * 650 * 0.99)
    assert costs(planning.plan(chosen))["train"].tokens == pytest.approx(643_500)


def test_a_mirror_of_the_archives_may_hold_anything(planning: Planning) -> None:
    found = costs(planning.plan(given=("crawl-ccnews-server=http://127.0.0.1:9/",)))["crawl"]
    assert (found.seconds, found.fetched_bytes) == (None, None)
    assert found.lacks == "the archives of http://127.0.0.1:9/"


def test_items_are_counted_where_they_lie(planning: Planning) -> None:
    """A mirror of the data, 3 of PIQA; the limit is above it."""
    file = planning.folder / "data/baber/piqa/validation.jsonl"
    file.parent.mkdir(parents=True)
    file.write_text("{}\n" * 3)
    found = costs(planning.plan(("suite: paper", "suite: paper\neval_data: ./data")))
    piqa, bundle = found["scores-base/evaluate/piqa"], found["bundle"]
    assert piqa.seconds == pytest.approx(37 + 3 * 70 * 16e9 / 9.36e13)
    assert (bundle.seconds, bundle.fetched_bytes) == (2, 0)


def test_a_fleet_without_prices_has_no_money(planning: Planning) -> None:
    plan = planning.plan(("prices: {currency: EUR, gpu: 2.5, cpu: 0.05}\n", ""))
    assert plan.prices is None
    assert plan.expected("llama").currency is None
    assert plan.expected("llama").jobs["train"].money is None


def test_what_a_family_expects(planning: Planning) -> None:
    plan = planning.plan(processes=2)
    text = plan.expected("llama").to_text()
    expected = json.loads(text)
    assert list(expected["jobs"]) == [*dict.fromkeys(p.step.job for p in plan.steps)]
    assert expected["jobs"]["train"] == {
        "seconds": pytest.approx(24_107.461538), "gpu_hours": pytest.approx(53.572137),
        "bytes": 16 * 10**9, "money": pytest.approx(133.930342),
    }  # fmt: skip
    assert expected["jobs"]["ingest"]["bytes"] == 32 * 10**9
    assert expected["jobs"]["merge"] == {
        "seconds": 130, "gpu_hours": 0, "bytes": 16 * 10**9,
        "money": pytest.approx(130 / 3600 * 8 * 0.05),
    }  # fmt: skip
    assert expected["currency"] == "EUR"
    assert expected["clock_seconds"] == pytest.approx(
        plan.clock_seconds, rel=1e-6
    )  # nothing is there yet


def test_fewer_gpus_take_longer(planning: Planning) -> None:
    """With one at a time the evaluations follow each other, four models on ten tasks."""
    many, one = planning.plan(), planning.plan(gpus=8)
    assert one.clock_seconds > many.clock_seconds
    alone = planning.plan(gpus=1)
    gpu_seconds = sum(p.cost.seconds or 0 for p in alone.steps if p.cost.gpus)
    assert alone.clock_seconds > gpu_seconds


@pytest.mark.parametrize("given", ["train-gpus=three", "train-gpus=1.5", "data-cpu=many"])
def test_parameters_that_are_no_numbers(planning: Planning, given: str) -> None:
    with pytest.raises(BadInputError, match=r"expected a whole number|is no number of processors"):
        planning.plan(given=(given,))


def test_of_an_own_suite_what_is_not_known_is_told(planning: Planning) -> None:
    """Piqa is the paper's; of copa, lm-eval's, and of a task that is here called gsm8k nothing is
    known, so that their data and work are not either.
    """
    (planning.folder / "mine.yaml").write_text(
        "tasks:\n"
        "  - piqa\n"
        "  - {name: copa, folder: super_glue/copa, columns: [{metric: acc}]}\n"
        "  - {name: gsm8k, folder: ./own, columns: [{metric: exact_match}]}\n"
    )
    (planning.folder / "own").mkdir()
    (planning.folder / "own/items.jsonl").write_text("{}\n")
    (planning.folder / "own/gsm8k.yaml").write_text(
        "task: gsm8k\ndataset_path: json\ndataset_kwargs: {data_files: {test: items.jsonl}}\n"
        "output_type: generate_until\ntest_split: test\ndoc_to_text: a\ndoc_to_target: b\n"
        "metric_list: [{metric: exact_match}]\n"
    )
    found = costs(planning.plan(("suite: paper", "suite: mine.yaml")))
    assert found["scores-base/evaluate/piqa"].seconds == pytest.approx(37 + 21.99316)
    lacking = {
        task: (cost.seconds, cost.artifact_bytes, cost.lacks)
        for task in ("copa", "gsm8k")
        for cost in [found[f"scores-base/evaluate/{task}"]]
    }
    assert lacking == {task: (None, None, f"the work of task {task}") for task in ("copa", "gsm8k")}
    assert (found["bundle"].fetched_bytes, found["bundle"].lacks) == (
        None, "the data of task copa, gsm8k",
    )  # fmt: skip
