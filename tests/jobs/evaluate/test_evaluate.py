"""Scores: lm-eval's, on sealed data, equal to those worked out with plain transformers."""

import io
import json
import math
import os
import sys
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from jobs.artifacts.reading import Artifact
from jobs.command.running import begin, finish
from jobs.errors import BadInputError
from jobs.evaluate.examples import beginning
from jobs.evaluate.settings import EvaluateSettings
from jobs.evaluate.work import evaluate
from jobs.kinds.rows import HELDOUT_ARTICLES_SCHEMA
from jobs.suites import load_suite
from jobs.suites.harness import find_subtasks
from tests.jobs.evaluate.conftest import ARTICLES
from tests.jobs.evaluate.plain import Plain, best, bits_per_byte
from tests.support.hub_mirror import arc_rows, ifeval_rows, mmlu_rows, piqa_rows, winogrande_rows
from tests.support.pico import commit, run_job

BASE_LENGTH = 128


def score(out: Path, model: Artifact, task: str, **settings: Any) -> Artifact:
    """The job, in this process."""
    wanted = EvaluateSettings(out=str(out), model=model.uri, task=task, **settings)
    job = begin(wanted, wanted.open_inputs())
    assert job is not None
    return finish(job, evaluate(job))


def metrics(scores: Artifact) -> dict[str, float]:
    found = scores.read_json("results.json")["metrics"]
    return {name: metric["value"] for name, metric in found.items()}


def items(scores: Artifact) -> list[dict[str, Any]]:
    return [json.loads(line) for line in scores.read("items.jsonl").splitlines()]


def plain(model: Artifact) -> Plain:
    return Plain(Path(model.uri))


def test_arc_easy(base: Artifact, demo_bundle: Artifact, tmp_path: Path) -> None:
    rows, model = arc_rows(6), plain(base)
    found = [
        model.choices(f"Question: {row['question']}\nAnswer:", row["choices"]["text"])
        for row in rows
    ]
    right = ["ABCD".index(row["answerKey"]) for row in rows]
    by_length = [
        [log / len(text) for log, text in zip(logs, row["choices"]["text"], strict=True)]
        for logs, row in zip(found, rows, strict=True)
    ]
    scores = score(tmp_path, base, "arc_easy", bundle=demo_bundle.uri)
    for item, logs in zip(items(scores), found, strict=True):
        assert [log for log, _ in item["answers"]] == pytest.approx(logs, abs=1e-3)
    acc = sum(best(logs) == r for logs, r in zip(found, right, strict=True)) / 6
    acc_norm = sum(best(logs) == r for logs, r in zip(by_length, right, strict=True)) / 6
    assert metrics(scores) == {"acc": acc, "acc_norm": acc_norm}
    results = scores.read_json("results.json")
    assert results["metrics"]["acc"]["stderr"] == pytest.approx((acc * (1 - acc) / 5) ** 0.5)
    del results["metrics"]
    assert results == {
        "task": "arc_easy",
        "model_digest": base.digest,
        "num_items": 6,
        "limit": None,
        "lm_eval_version": "0.4.13",
        "task_version": "1.0",
        "num_fewshot": 0,
        "chat_template_applied": False,
        "generation": {},
    }


def test_a_limit_marks_the_scores(base: Artifact, demo_bundle: Artifact, tmp_path: Path) -> None:
    model, rows = plain(base), piqa_rows(2)
    right = [
        best(model.choices(f"Question: {row['goal']}\nAnswer:", [row["sol1"], row["sol2"]]))
        == row["label"]
        for row in rows
    ]
    scores = score(tmp_path, base, "piqa", bundle=demo_bundle.uri, limit=2)
    results = scores.read_json("results.json")
    assert (results["num_items"], results["limit"]) == (2, 2)
    assert scores.statistics["partial"] is True
    assert metrics(scores)["acc"] == sum(right) / 2


def test_heldout_articles(base: Artifact, rows: Artifact, tmp_path: Path) -> None:
    model = plain(base)
    texts = [f"{article['title']}\n\n{article['body']}" for article in ARTICLES]
    logs = [model.text(text, BASE_LENGTH) for text in texts]
    assert len(model.tokenizer(texts[1])["input_ids"]) > 2 * BASE_LENGTH
    scores = score(tmp_path, base, "heldout", rows=rows.uri)
    assert [item["answers"][0] for item in items(scores)] == pytest.approx(logs, abs=1e-2)
    bits = bits_per_byte(sum(logs), "".join(texts))
    assert metrics(scores) == pytest.approx(
        {"bits_per_byte": bits, "byte_perplexity": 2**bits}, rel=1e-5
    )
    assert set(scores.manifest.inputs) == {"model", "rows"}
    assert scores.statistics["examples"] == [
        {
            "prompt": article["title"],
            "bits_per_byte": pytest.approx(bits_per_byte(log, text), rel=1e-4),
        }
        for article, log, text in zip(ARTICLES[:4], logs, texts, strict=False)
    ]
    better = scores.read_json("results.json")["metrics"]["bits_per_byte"]["higher_is_better"]
    assert better is False


def test_mmlu_with_five_examples(
    instruct: Artifact, paper_bundle: Artifact, tmp_path: Path
) -> None:
    model, right, count = plain(instruct), 0, 0
    for subtask in find_subtasks(load_suite("paper").task("mmlu")):
        subject = str(subtask.data.config)
        shots = "".join(
            f"{_mmlu(row)} {'ABCD'[row['answer']]}\n\n" for row in mmlu_rows(subject, 5)
        )
        topic = subject.replace("_", " ")
        start = f"The following are multiple choice questions (with answers) about {topic}.\n\n"
        for row in mmlu_rows(subject, 1):
            logs = model.choices(f"{start}{shots}{_mmlu(row)}", list("ABCD"))
            right, count = right + (best(logs) == row["answer"]), count + 1
    scores = score(tmp_path, instruct, "mmlu", bundle=paper_bundle.uri, batch_size=32)
    results = scores.read_json("results.json")
    assert (results["num_items"], results["num_fewshot"]) == (count, 5) == (57, 5)
    assert results["task_version"] == "2"
    assert metrics(scores) == pytest.approx({"acc": right / count})
    assert results["metrics"]["acc"]["stderr"] is None  # one item a subject


def _mmlu(row: dict[str, Any]) -> str:
    letters = "".join(
        f"\n{letter}. {text}" for letter, text in zip("ABCD", row["choices"], strict=True)
    )
    return f"{row['question']}{letters}\nAnswer:"


def test_winogrande(instruct: Artifact, paper_bundle: Artifact, tmp_path: Path) -> None:
    model, rows = plain(instruct), winogrande_rows(4)
    right = []
    for row in rows:
        before, after = (part.strip() for part in row["sentence"].split("_"))
        logs = [
            model.choices(f"{before} {row[name]}", [after])[0] for name in ("option1", "option2")
        ]
        right.append(best(logs) == int(row["answer"]) - 1)
    scores = score(tmp_path, instruct, "winogrande", bundle=paper_bundle.uri)
    assert metrics(scores) == {"acc": sum(right) / 4}


@pytest.mark.parametrize(
    ("task", "count", "longest"),
    [("mmlu_pro", 14, 512), ("gsm8k", 3, 256), ("hellaswag", 4, 0), ("truthfulqa_mc2", 4, 0)],
)
def test_the_rest_of_the_papers_tasks_run(
    instruct: Artifact, paper_bundle: Artifact, tmp_path: Path, task: str, count: int, longest: int
) -> None:
    """An answer may take half of the model's 1024 tokens, if the task would allow more."""
    scores = score(tmp_path, instruct, task, bundle=paper_bundle.uri, batch_size=16)
    results = scores.read_json("results.json")
    assert results["num_items"] == count
    assert set(metrics(scores)) == {item.metric for item in load_suite("paper").task(task).columns}
    assert all(0 <= value <= 1 for value in metrics(scores).values())
    lengths = {item["max_gen_toks"] for item in results["generation"].values()}
    assert lengths == ({longest} if longest else set())


@pytest.mark.slow
def test_ifeval_as_a_process_that_cannot_reach_the_network(
    instruct: Artifact, demo_bundle: Artifact, tmp_path: Path
) -> None:
    """Every try to resolve or connect leaves a mark, and fails."""
    mark = tmp_path / "tried"
    (tmp_path / "sitecustomize.py").write_text(
        "import socket, pathlib\n"
        "def refuse(*_, **__):\n"
        f"    pathlib.Path({str(mark)!r}).touch()\n"
        "    raise OSError('no network in this test')\n"
        "socket.getaddrinfo = socket.socket.connect = socket.socket.connect_ex = refuse\n"
    )
    os.environ["PYTHONPATH"] = os.pathsep.join([str(tmp_path), *sys.path])
    out = tmp_path / "out"
    done = run_job(
        "evaluate", "--model", instruct.uri, "--task", "ifeval", "--bundle", demo_bundle.uri,
        "--out", str(out),
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert not mark.exists()
    scores = Artifact.open(str(out), "scores")
    results = scores.read_json("results.json")
    assert results["chat_template_applied"] is True
    assert results["generation"]["ifeval"]["max_gen_toks"] == 64
    model = plain(instruct)
    answers = [model.chat(row["prompt"], 64) for row in ifeval_rows()]
    assert [item["answers"] for item in items(scores)] == [[answer] for answer in answers]
    assert scores.statistics["examples"] == [
        {"prompt": beginning(row["prompt"]), "answer": beginning(answer)}
        for row, answer in zip(ifeval_rows(), answers, strict=True)
    ]
    assert metrics(scores) == _followed([item["scores"] for item in items(scores)], answers)


def _followed(recorded: list[dict[str, Any]], answers: list[str]) -> dict[str, float]:
    """The four metrics, of which the strict ones are worked out from the answers."""
    for row, answer, item in zip(ifeval_rows(), answers, recorded, strict=True):
        checks = {
            "punctuation:no_comma": "," not in answer,
            "length_constraints:number_words": len(answer.split()) < 5,
        }
        followed = item["inst_level_strict_acc"]
        for name, value in zip(row["instruction_id_list"], followed, strict=True):
            assert value == checks.get(name, value)
        assert item["prompt_level_strict_acc"] == all(followed)
    flat = {
        kind: [value for item in recorded for value in item[f"inst_level_{kind}_acc"]]
        for kind in ("strict", "loose")
    }
    return {
        "inst_level_loose_acc": sum(flat["loose"]) / 6,
        "inst_level_strict_acc": sum(flat["strict"]) / 6,
        "prompt_level_loose_acc": sum(item["prompt_level_loose_acc"] for item in recorded) / 4,
        "prompt_level_strict_acc": sum(item["prompt_level_strict_acc"] for item in recorded) / 4,
    }


def test_wrong_tasks_end_with_64(base: Artifact, demo_bundle: Artifact, tmp_path: Path) -> None:
    flags = ("--model", base.uri, "--bundle", demo_bundle.uri, "--out", str(tmp_path))
    done = run_job("evaluate", "--task", "arc-easy", *flags)
    assert done.returncode == 64
    assert "has no task 'arc-easy'; did you mean 'arc_easy'?" in done.stderr
    with pytest.raises(BadInputError, match="did you mean 'heldout'"):
        score(tmp_path, base, "held-out", bundle=demo_bundle.uri)
    with pytest.raises(BadInputError, match="--task heldout needs --rows"):
        EvaluateSettings.from_flags(["--task", "heldout", *flags])
    with pytest.raises(BadInputError, match="--task piqa needs --bundle"):
        EvaluateSettings.from_flags(["--task", "piqa", *flags[:2], *flags[4:]])


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"config.json": None}, r"lacks config\.json or its tokenizer"),
        ({"tokenizer.json": None}, r"lacks config\.json or its tokenizer"),
        ({"model.safetensors": None}, "only safetensors are read"),
        ({"config.json": {"model_type": "llamb"}}, "has no causal language model built in"),
        ({"config.json": {"num_hidden_layers": 2}}, r"lacks weights .* model\.layers\.1\."),
        ({"config.json": {"hidden_size": 32}}, "is no model that can be loaded"),
        ({"config.json": {"max_position_embeddings": 0}}, "expected a number of 2 or more"),
        ({"config.json": {"num_key_value_heads": 3}}, "is no model that can be loaded"),
        ({"generation_config.json": {"repetition_penalty": -1}}, "is no model that can be loaded"),
        ({"generation_config.json": {"eos_token_id": ["x"]}}, "is no model that can be"),
        (
            {"config.json": {"rope_parameters": {"rope_type": "default", "rope_theta": math.nan}}},
            "computes NaN: its weights or a number in its config.json are not finite",
        ),
    ],
)
def test_a_wrong_model_is_refused(
    base: Artifact, rows: Artifact, tmp_path: Path, change: dict[str, Any], said: str
) -> None:
    files = {path: base.read(path) for path in base.paths}
    for path, values in change.items():
        if values is None:
            del files[path]
        else:
            files[path] = json.dumps(json.loads(files[path]) | values).encode()
    wrong = commit(str(tmp_path / "model"), "model", files)
    with pytest.raises(BadInputError, match=said):
        score(tmp_path / "out", wrong, "heldout", rows=rows.uri)


def test_a_token_without_a_row_is_refused(base: Artifact, rows: Artifact, tmp_path: Path) -> None:
    """As ingest lets through for special tokens that no text has; here one has it."""
    files = {path: base.read(path) for path in base.paths}
    tree = json.loads(files["tokenizer.json"])
    rows_there = json.loads(files["config.json"])["vocab_size"]
    tree["added_tokens"].append({
        "id": rows_there, "content": "Bread", "special": True, "single_word": False,
        "lstrip": False, "rstrip": False, "normalized": False,
    })  # fmt: skip
    files["tokenizer.json"] = json.dumps(tree).encode()
    wrong = commit(str(tmp_path / "model"), "model", files)
    said = rf"gives the id {rows_there} \('Bread'\), and the model has {rows_there} rows"
    with pytest.raises(BadInputError, match=said):
        score(tmp_path / "out", wrong, "heldout", rows=rows.uri)


def test_a_bundle_of_other_definitions_is_refused(
    base: Artifact, demo_bundle: Artifact, tmp_path: Path
) -> None:
    files = {path: demo_bundle.read(path) for path in demo_bundle.paths}
    suite = json.loads(files["suite.json"])
    suite["subtasks"]["piqa"][0]["version"] = "0.9"
    files["suite.json"] = json.dumps(suite).encode()
    other = commit(str(tmp_path / "bundle"), "bundle", files)
    with pytest.raises(BadInputError, match="sealed for another definition of piqa"):
        score(tmp_path / "out", base, "piqa", bundle=other.uri)


def test_rows_without_heldout_articles_are_refused(base: Artifact, tmp_path: Path) -> None:
    file = io.BytesIO()
    pq.write_table(HELDOUT_ARTICLES_SCHEMA.empty_table(), file)
    for files, said in (
        ({"x": b""}, r"lack heldout-articles\.parquet"),
        ({"heldout-articles.parquet": file.getvalue()}, "hold no held-out article"),
    ):
        rows = commit(str(tmp_path / said[:4]), "rows", files)
        with pytest.raises(BadInputError, match=said):
            score(tmp_path / "out", base, "heldout", rows=rows.uri)
