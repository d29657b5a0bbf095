"""A store with one family's run: real manifests, tiny files, chosen scores."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from jobs.artifacts.manifest import Input, Work, find_manifest
from jobs.artifacts.reading import Artifact
from jobs.artifacts.writing import ArtifactWriter
from jobs.store.prefix import Prefix
from jobs.suites import load_suite
from jobs.suites.sealed import SealedSuite

RUN = "2026-10"
CANDIDATE = "pico-instruct"
DIGEST = "0f3a"  # of a tokenizer
TRAINED: dict[str, Any] = {
    "steps": 3,
    "tokens": 600,
    "resumed_at_step": 0,
    "tokens_per_second": 1234.5,
    "mfu": 0.41,
    "heldout_loss_before": 3.0,
    "heldout_loss_after": 2.5,
    "processes": 8,
    "device": "NVIDIA A100-SXM4-80GB",
    "software": {"torch": "2.13.0"},
    "history": [
        {"step": step, "loss": 4.0 - step, "rate": 1e-5, "tokens": 200} for step in range(3)
    ],
    "seconds": 900.0,
}
"""What train tells of 15 minutes on 8 GPUs."""


class FakeRun:
    """Writes artifacts below `store`, as the jobs would."""

    def __init__(
        self,
        store: Path,
        family: str = "pico",
        suite: str = "demo",
        run: str = RUN,
        candidate: str = CANDIDATE,
    ) -> None:
        self.store, self.family, self.suite, self.run = store, family, load_suite(suite), run
        self.candidate = candidate
        self.bundle = f"eval-data/{self.suite.name}"
        self.uri = f"{store}/runs/{run}/{family}"

    def make(
        self,
        path: str,
        made_by: tuple[str, str],
        inputs: Mapping[str, str] = {},
        files: Mapping[str, str] | None = None,
        settings: Mapping[str, Any] = {},
        statistics: Mapping[str, Any] = {},
    ) -> Artifact:
        """An artifact at `path` below the store; `made_by` is (job, kind), inputs are paths."""
        job, kind = made_by
        if find_manifest(Prefix(f"{self.store}/{path}")):
            return Artifact.open(f"{self.store}/{path}")  # of an earlier run in this store
        sources = {name: Artifact.open(f"{self.store}/{source}") for name, source in inputs.items()}
        work = Work(
            kind=kind,
            producer=f"{job} 1",
            settings=dict(settings),
            inputs={name: source.digest for name, source in sources.items()},
        )
        named = {name: Input(uri=item.uri, digest=item.digest) for name, item in sources.items()}
        writer = ArtifactWriter(Prefix(f"{self.store}/{path}"), work, named)
        for name, text in (files or {"content": path}).items():
            writer.write(name, text.encode())
        return writer.commit(statistics)

    def path(self, below: str) -> str:
        """A path below the family's run."""
        return f"runs/{self.run}/{self.family}/{below}"

    def make_sources(self, statistics: Mapping[str, Mapping[str, Any]] = {}) -> None:
        """Everything before the scores; `statistics` by job."""
        months, models = f"articles/{self.run}", f"models/{self.family}"
        clean, rows = f"articles-clean/{self.run}", f"runs/{self.run}/packed/{DIGEST}"
        told = {
            job: statistics.get(job, {}) for job in ("crawl", "curate", "pack", "train", "merge")
        }
        self.make(
            months, ("crawl", "articles"), settings={"period": self.run}, statistics=told["crawl"]
        )
        self.make(clean, ("curate", "articles"), {"articles": months}, statistics=told["curate"])
        for model in ("base", "instruct"):
            source = {"source": f"example/{self.family}-{model}"}
            self.make(f"{models}/{model}", ("ingest", "model"), settings=source)
        base, instruct, cpt = f"{models}/base", f"{models}/instruct", self.path("cpt")
        packed = {"articles": clean, "tokenizer": base}
        self.make(rows, ("pack", "rows"), packed, statistics=told["pack"])
        trained = {"model": base, "rows": rows}
        self.make(cpt, ("train", "model"), trained, statistics=told["train"])
        merged = {"base": base, "instruct": instruct, "onto": cpt}
        self.make_candidate(self.candidate, merged, told["merge"])
        sealed = SealedSuite(suite=self.suite, lm_eval_version="0", subtasks={})
        files = {"suite.json": sealed.model_dump_json()}
        self.make(self.bundle, ("bundle", "bundle"), files=files)

    def make_candidate(
        self, name: str, inputs: Mapping[str, str], statistics: Mapping[str, Any] = {}
    ) -> Artifact:
        path = self.path(f"candidates/{name}")
        return self.make(path, ("merge", "model"), inputs, statistics=statistics)

    def make_control(self, name: str = "s1") -> Artifact:
        """The instruct model, trained on the rows of the base."""
        inputs = {"model": self.model_path("instruct"), "rows": f"runs/{self.run}/packed/{DIGEST}"}
        return self.make(self.path(f"controls/{name}"), ("train", "model"), inputs)

    def model_path(self, name: str) -> str:
        if name in ("base", "instruct"):
            return f"models/{self.family}/{name}"
        if name == "s1":
            return self.path("controls/s1")
        return self.path("cpt" if name == "refreshed-base" else f"candidates/{name}")

    def score(
        self,
        name: str,
        task: str,
        metrics: Mapping[str, tuple[float | None, float | None]],
        num_items: int = 100,
        limit: int | None = None,
        examples: Sequence[Mapping[str, Any]] = (),
        of: str | None = None,
    ) -> Artifact:
        """One score artifact, of the model `of` or `name`; metrics are (value, stderr)."""
        model = self.model_path(of or name)
        results = {
            "task": task,
            "model_digest": Artifact.open(f"{self.store}/{model}").digest,
            "num_items": num_items,
            "limit": limit,
            "metrics": {
                metric: {"value": value, "stderr": stderr, "higher_is_better": task != "heldout"}
                for metric, (value, stderr) in metrics.items()
            },
            "lm_eval_version": "0",
            "task_version": "1",
            "num_fewshot": 0,
            "chat_template_applied": False,
            "generation": {},
        }
        return self.make(
            self.path(f"scores/{name}/{task}"),
            ("evaluate", "scores"),
            {"model": model, "bundle": self.bundle},
            {"results.json": json.dumps(results), "items.jsonl": ""},
            {"task": task, "limit": limit},
            {"seconds": 2.5, "examples": list(examples)},
        )

    def score_all(self, name: str, value: float, bits: float | None, stderr: float = 0.01) -> None:
        """Every column of the suite at `value`, and the held-out articles at `bits`."""
        for task in self.suite.tasks:
            self.score(name, task.name, {c.metric: (value, stderr) for c in task.columns})
        if bits is not None:
            self.score(name, "heldout", {"bits_per_byte": (bits, None)})


def make_run(
    store: Path,
    candidate: float = 0.31,
    bits: float = 1.2,
    merge: Mapping[str, Any] = {},
    train: Mapping[str, Any] = {},
    name: str = RUN,
) -> FakeRun:
    """A whole run: instruct at 0.31 and 1.5 bits per byte, the candidate as given.

    `merge` and `train` are what the manifests of the candidate and the refreshed base tell.
    """
    run = FakeRun(store, run=name)
    run.make_sources({"merge": merge, "train": train})
    run.score_all("base", 0.2, 1.4)
    run.score_all("instruct", 0.31, 1.5)
    run.score_all("refreshed-base", 0.21, 1.1)
    run.score_all(CANDIDATE, candidate, bits)
    return run
