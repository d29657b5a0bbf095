"""What each step costs: time, GPUs, bytes, by its job's own settings and what its inputs are.

What is not known is None, with the name of what would have to be known, and hides nothing else. The
figures that stand behind it are in `pipelines.plan.assumptions`.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from math import ceil

from jobs.crawl.settings import CrawlSettings
from jobs.errors import BadInputError
from jobs.evaluate.settings import EvaluateSettings
from jobs.kinds.promises import KeptArticles, PackedRows
from jobs.kinds.scores import HELDOUT_TASK
from jobs.pack.settings import PackSettings
from jobs.suites import Suite
from jobs.train.settings import TrainSettings
from jobs.words import shown
from pipelines.plan import assumptions as assumed
from pipelines.plan.benchmarks import Work, benchmark_of, work_of
from pipelines.plan.memory import training_of
from pipelines.plan.mirror import Mirror
from pipelines.plan.models import ModelFacts
from pipelines.plan.planned import Cost, Planned, step_settings

BEFORE_DAYS = 1
"""Crawl reads the archives that were begun on the day before the period, too."""


@dataclass(frozen=True)
class _Rows:
    """What a family trains on; None is unknown."""

    tokens: float | None
    heldout_tokens: float | None
    sequence_length: int


class Reckoner:
    """Reckons a workflow's steps, each after those that it depends on."""

    def __init__(
        self,
        models: Mapping[str, tuple[str, ModelFacts]],
        parameters: Mapping[str, str],
        suite: Suite,
        mirror: Mirror,
    ) -> None:
        """`models` are the originals by URI, each with the name that a person knows it by."""
        self._models = dict(models)
        self._parameters, self._suite, self._mirror = parameters, suite, mirror
        self._articles: float | None = None
        self._sealed: Mapping[str, int] = {}
        self._rows: dict[str | None, _Rows] = {}

    def cost(self, planned: Planned) -> Cost:
        """Of the next step."""
        by_job: dict[str, Callable[[Planned], Cost]] = {
            "ingest": self._ingest, "bundle": self._bundle, "crawl": self._crawl,
            "curate": self._curate, "pack": self._pack, "train": self._train,
            "merge": self._merge, "evaluate": self._evaluate,
        }  # fmt: skip
        reckon = by_job.get(planned.step.job)
        if reckon is None:
            return Cost(seconds=assumed.START_SECONDS, processors=0.25)
        return reckon(planned)

    def _ingest(self, planned: Planned) -> Cost:
        name, facts = self._models[planned.step.inputs["out"]]
        weights, lacks = _weights(name, facts)
        fetched = weights if facts.bytes_to_fetch is None else facts.bytes_to_fetch
        seconds = None
        if weights is not None and fetched is not None:
            seconds = assumed.START_SECONDS + fetched / assumed.HUB_RATE
            seconds += weights / assumed.STORE_RATE
        return self._data(seconds, fetched, weights, lacks)

    def _bundle(self, planned: Planned) -> Cost:
        if planned.manifest:
            items = planned.manifest.statistics.get("items")
            items = items if isinstance(items, dict) else {}
            self._sealed = {path: n for path, n in items.items() if isinstance(n, int)}
        if mirror := self._parameters["bundle-from"]:
            fetched = self._mirror.bytes_to_fetch
            if fetched is None:
                return self._data(None, None, 0, f"the size of {shown(mirror)}")
            return self._data(assumed.START_SECONDS + fetched / assumed.HUB_RATE, fetched, 0)
        if unknown := [task.name for task in self._suite.tasks if benchmark_of(task) is None]:
            return self._data(None, None, None, f"the data of task {', '.join(unknown)}")
        size = assumed.BUNDLE_BYTES
        return self._data(assumed.BUNDLE_SECONDS, size, size)

    def _crawl(self, planned: Planned) -> Cost:
        settings = step_settings(planned.step)
        assert isinstance(settings, CrawlSettings)
        self._articles = _kept(planned)
        if self._articles is None and settings.publishers == ("all",):
            self._articles = assumed.ARTICLES_PER_MONTH
        stored = _times(self._articles, assumed.ARTICLE_BYTES)
        server = settings.ccnews_server
        if server != CrawlSettings.model_fields["ccnews_server"].default:
            return self._data(None, None, stored, f"the archives of {server}")
        start = datetime.strptime(settings.period, "%Y-%m").replace(tzinfo=UTC)
        days = BEFORE_DAYS + ((start + timedelta(days=31)).replace(day=1) - start).days
        days += settings.capture_days_after
        fetched = days * assumed.ARCHIVES_PER_DAY * assumed.ARCHIVE_BYTES
        rate = min(assumed.ARCHIVE_RATE * max(1, settings.processes), assumed.HUB_RATE)
        lacks = "" if stored is not None else "the articles of a choice of publishers"
        return self._data(assumed.START_SECONDS + fetched / rate, fetched, stored, lacks)

    def _curate(self, planned: Planned) -> Cost:
        kept = _kept(planned)
        if kept is not None:
            self._articles = kept
        if self._articles is None:
            return self._data(None, 0, None, "the articles of a choice of publishers")
        seconds = assumed.START_SECONDS + self._articles / assumed.CURATE_RATE
        return self._data(seconds, 0, self._articles * assumed.ARTICLE_BYTES)

    def _pack(self, planned: Planned) -> Cost:
        settings = step_settings(planned.step)
        assert isinstance(settings, PackSettings)
        all_tokens = _times(self._articles, assumed.TOKENS_PER_ARTICLE)
        heldout = _times(all_tokens, settings.heldout_fraction)
        tokens: float | None = settings.token_budget
        if all_tokens is not None and heldout is not None:
            tokens = min(all_tokens - heldout, tokens or all_tokens)
        if planned.manifest and not planned.conflict:
            told = PackedRows.told(planned.manifest.statistics, planned.step.inputs["out"])
            tokens, heldout = told.tokens, told.heldout_tokens
        elif heldout is None:
            heldout = _times(tokens, settings.heldout_fraction)
        self._rows[planned.family] = _Rows(tokens, heldout, settings.sequence_length)
        read = all_tokens if all_tokens is not None else tokens
        if read is None or tokens is None:
            return self._data(None, 0, None, "the tokens of all articles")
        seconds = assumed.TORCH_START_SECONDS + read / assumed.PACK_RATE
        return self._data(seconds, 0, tokens * assumed.BYTES_PER_TOKEN)

    def _train(self, planned: Planned) -> Cost:
        settings = step_settings(planned.step)
        assert isinstance(settings, TrainSettings)
        name, facts = self._models[planned.step.inputs["model"]]
        self._models[planned.step.inputs["out"]] = name, replace(facts, manifest=None)
        rows, held = self._rows[planned.family], self._held("train", settings.processes)
        held = replace(held, tokens=rows.tokens, epochs=settings.epochs)
        if held.gpus and facts.parameters:
            train = settings.model_dump()
            told = training_of(train, rows.sequence_length, facts.parameters, facts.config or {})
            held = replace(held, memory=told.memory)
        weights, lacks = _weights(name, facts)
        saved = _times(facts.parameters, assumed.CHECKPOINT_BYTES)
        together = _times(1.0 + settings.checkpoints_kept, saved)
        flops = _times(6.0 * settings.epochs, _times(facts.parameters, rows.tokens))
        if rows.tokens is None:
            lacks = lacks or "the tokens of all articles"
        if saved is None or weights is None:
            return replace(held, seconds=None, artifact_bytes=weights, meanwhile_bytes=together,
                           scratch_bytes=None, flops=None, lacks=lacks)  # fmt: skip
        cost = replace(held, seconds=None, artifact_bytes=weights, meanwhile_bytes=together,
                       scratch_bytes=weights, flops=flops, lacks=lacks)  # fmt: skip
        if flops is None or rows.tokens is None:
            return cost
        rate = assumed.GPU_FLOPS * assumed.MFU if held.gpus else assumed.CPU_FLOPS
        batch_tokens = rows.sequence_length * settings.batch_rows
        saves = ceil(rows.tokens * settings.epochs / batch_tokens) // settings.checkpoint_steps
        working = flops / (rate * settings.processes)
        # Checkpoints are written behind the steps: training waits for what takes longer than those.
        waiting = max(0.0, saves * saved / assumed.STORE_RATE - working)
        moving = 2 * weights / assumed.STORE_RATE
        seconds = assumed.TORCH_START_SECONDS + working + waiting + moving
        return replace(cost, seconds=seconds)

    def _merge(self, planned: Planned) -> Cost:
        inputs = planned.step.inputs
        read = [self._models[inputs[name]] for name in ("base", "instruct", "onto")]
        known = [_weights(name, facts) for name, facts in read]
        self._models[inputs["out"]] = read[1][0], replace(read[1][1], manifest=None)
        made, _ = known[1]
        sizes = [size for size, _ in known if size is not None]
        lacks = next((lacks for _, lacks in known if lacks), "")
        if made is None or len(sizes) < len(known):
            return self._data(None, 0, made, lacks)
        seconds = assumed.START_SECONDS + (sum(sizes) + made) / assumed.STORE_RATE
        return self._data(seconds, 0, made)

    def _evaluate(self, planned: Planned) -> Cost:
        settings, held = step_settings(planned.step), self._held("evaluate", 1)
        assert isinstance(settings, EvaluateSettings)
        name, facts = self._models[planned.step.inputs["model"]]
        weights, lacks = _weights(name, facts)
        work = self._work(settings, planned.family)
        if work is None:
            lacks = lacks or f"the work of task {settings.task}"
        records = None if work is None else work.items * assumed.ITEM_BYTES
        cost = replace(held, seconds=None, artifact_bytes=records, scratch_bytes=weights,
                       lacks=lacks)  # fmt: skip
        if weights is None or facts.parameters is None or work is None:
            return cost
        passes = work.steps(settings.batch_size)
        if held.gpus:
            rate = assumed.GPU_FLOPS * assumed.SCORING_MFU
            reading = weights / (assumed.GPU_BANDWIDTH * assumed.GENERATING_SHARE)
            each = max(reading, assumed.GENERATION_STEP_SECONDS)
        else:
            rate = float(assumed.CPU_FLOPS)
            each = max(
                2.0 * facts.parameters * settings.batch_size / rate, assumed.CPU_STEP_SECONDS
            )
        seconds = assumed.TORCH_START_SECONDS + weights / assumed.STORE_RATE
        seconds += 2.0 * facts.parameters * work.scored_tokens / rate + passes * each
        return replace(cost, seconds=seconds)

    def _work(self, settings: EvaluateSettings, family: str | None) -> Work | None:
        if settings.task == HELDOUT_TASK:
            tokens = self._rows[family].heldout_tokens
            if tokens is None:
                return None
            return Work(tokens, ceil(tokens / assumed.TOKENS_PER_ARTICLE))
        task, folder = self._suite.task(settings.task), self._parameters["bundle-from"]
        return work_of(task, settings.limit, self._sealed, folder)

    def _data(
        self, seconds: float | None, fetched: float | None, stored: float | None, lacks: str = ""
    ) -> Cost:
        """Of a step of the data's size, which keeps no file of its own."""
        processors = _processors(self._parameters["data-cpu"])
        return Cost(seconds, processors=processors, fetched_bytes=fetched, artifact_bytes=stored,
                    lacks=lacks)  # fmt: skip

    def _held(self, size: str, processes: int) -> Cost:
        """What a step of train's or evaluate's size holds: one GPU a process, or processors."""
        gpus = _whole(self._parameters[f"{size}-gpus"], f"{size}-gpus")
        if gpus == 0:
            processors = _processors(self._parameters[f"{size}-cpu"])
            return Cost(processors=processors, slots=processes)
        return Cost(gpus=processes if size == "train" else gpus, slots=processes)


def _weights(name: str, facts: ModelFacts) -> tuple[float | None, str]:
    """Bytes of a model's weights; and its name where its number of parameters is not known."""
    lacks = "" if facts.parameters is not None else f"the size of {name}"
    if facts.weight_bytes is not None:
        return facts.weight_bytes, lacks
    return _times(facts.parameters, assumed.BYTES_PER_PARAMETER), lacks


def _kept(planned: Planned) -> float | None:
    if planned.manifest is None or planned.conflict:
        return None
    return KeptArticles.told(planned.manifest.statistics, planned.step.inputs["out"]).kept


def _times(one: float | None, other: float | None) -> float | None:
    return None if one is None or other is None else one * other


def _whole(text: str, name: str) -> int:
    if not text.isascii() or not text.isdecimal() or len(text) > 9:
        raise BadInputError(f"{name} is {shown(text)}, expected a whole number")
    return int(text)


def _processors(text: str) -> float:
    """Of a quantity as Kubernetes writes it: 8, 0.5 or 500m."""
    number, thousandths = text.removesuffix("m"), text.endswith("m")
    try:
        return float(number) / (1000 if thousandths else 1)
    except ValueError as error:
        raise BadInputError(f"{shown(text)} is no number of processors") from error
