# ruff: noqa: E501
"""What a fleet file is refused with, word for word: a line for each thing that is wrong."""

import os
import shutil
import time
from pathlib import Path

import pytest

from jobs.errors import BadInputError, BadInputsError
from jobs.suites import load_suite
from pipelines.fleet.reading import read_fleet
from tests.pipelines.conftest import FLEET
from tests.support.paths import ROOT


def told(folder: Path, text: str | bytes) -> list[str]:
    """The lines with which a fleet file of this text is refused."""
    (folder / "f.yaml").write_bytes(text if isinstance(text, bytes) else text.encode())
    before = Path.cwd()
    os.chdir(folder)
    try:
        with pytest.raises(BadInputError) as caught:
            read_fleet(Path("f.yaml"))
    finally:
        os.chdir(before)
    error = caught.value
    return [*error.lines] if isinstance(error, BadInputsError) else [str(error)]


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ('  epochs: 2', '  epochs: yes', 'f.yaml:14:11: train.epochs: expected a whole number, got yes'),
        ('  epochs: 2', '  epochs: 1.0', 'f.yaml:14:11: train.epochs: expected a whole number, got 1.0; write 1'),
        ('  epochs: 2', '  epochs: 1.5', 'f.yaml:14:11: train.epochs: expected a whole number, got 1.5'),
        ('  epochs: 2', '  epochs: 1e3', 'f.yaml:14:11: train.epochs: expected a whole number, got 1e3; write 1000'),
        ('  epochs: 2', '  epochs: two', "f.yaml:14:11: train.epochs: expected a whole number, got 'two'"),
        ('  epochs: 2', '  epochs:', 'f.yaml:14:10: train.epochs: is empty; give it a value, or leave the line out'),
        ('train:\n  epochs: 2\n  learning_rate: 3e-4\n', 'train:\n', 'f.yaml:13:7: train: is empty; give it a value, or leave the line out'),
        ('revision: abc', 'revision: 2026-10-01', "f.yaml:20:56: '2026-10-01' is a date; put a text in quotes"),
        ('name: nano', 'name: 2024', "f.yaml:29:11: families[1].name: 2024 is a number in YAML; put it in quotes: '2024'"),
        ('  epochs: 2', '  epochs: 1_000', "f.yaml:14:11: '1_000' is no decimal number; write 1000, or put a text in quotes"),
        ('  epochs: 2', '  epochs: 010', "f.yaml:14:11: '010' is no decimal number; write it as 4096 or 0.01, or put a text in quotes"),
        ('  epochs: 2', '  epochs: 1:30', "f.yaml:14:11: '1:30' is no decimal number; write it as 4096 or 0.01, or put a text in quotes"),
        ('[us, uk]', '[us, no]', "f.yaml:6:20: crawl.publishers[1]: no is false in YAML; put it in quotes: 'no'"),
        ('name: nano', 'name: off', "f.yaml:29:11: families[1].name: off is false in YAML; put it in quotes: 'off'"),
        ('revision: abc', 'revision: 1234567', "f.yaml:20:56: families[0].instruct.revision: 1234567 is a number in YAML; put it in quotes: '1234567'"),
        ('check_training_opt_out: false', 'check_training_opt_out: false\n  settings_digest: x', 'f.yaml:8:3: crawl.settings_digest: unknown field; the pipeline says it itself, as it does all inputs and outputs of crawl'),
        ('name: small', 'name: small\nplacement: {train_gpus: -1}', 'f.yaml:2:25: placement.train_gpus: expected at least 0, got -1'),
        ('name: small', 'name: small\nplacement: {gpu: 8}', 'f.yaml:2:13: placement.gpu: unknown field; write placement.train_gpus and placement.evaluate_gpus'),
        ('check_training_opt_out: false', 'check_training_opt_out: 0', 'f.yaml:7:27: crawl.check_training_opt_out: expected true or false, got 0'),
        ('check_training_opt_out: false', 'check_training_opt_out: maybe', "f.yaml:7:27: crawl.check_training_opt_out: expected true or false, got 'maybe'"),
        ('1.5M', '1.5e6', 'f.yaml:11:17: pack.token_budget: expected a count such as 4096 or 100M, got 1.5e6; write 1500000'),
        ('1.5M', '1e8', 'f.yaml:11:17: pack.token_budget: expected a count such as 4096 or 100M, got 1e8; write 100000000'),
        ('1.5M', '100 million', "f.yaml:11:17: pack.token_budget: expected a count such as 4096, 100M, 1B or 2GiB, got '100 million'"),
        ('1.5M', "'-5'", "f.yaml:11:17: pack.token_budget: '-5' begins with -, as flags do"),
        ('3e-4', 'fast', "f.yaml:15:18: train.learning_rate: expected a number, got 'fast'"),
        ('3e-4', 'true', 'f.yaml:15:18: train.learning_rate: expected a number, got true'),
        ('3e-4', '0', 'f.yaml:15:18: train.learning_rate: expected more than 0, got 0'),
        ('3e-4', '-1e-4', "f.yaml:15:18: train.learning_rate: expected more than 0, got '-1e-4'"),
        ('{from: ./family/base}', 'Qwen/Qwen2.5-0.5B', 'f.yaml:19:11: families[0].base: expected a mapping; write {from: Qwen/Qwen2.5-0.5B}'),
        ('{from: ./family/base}', '', 'f.yaml:19:10: families[0].base: is empty; give it a value'),
        ('[us, uk]', 'us', 'f.yaml:6:15: crawl.publishers: expected a list; write [us]'),
        ('[us, uk]', '[]', 'f.yaml:6:15: crawl.publishers: is empty; expected at least 1 entry'),
        ('[us, uk]', '{us: uk}', "f.yaml:6:15: crawl.publishers: expected a list; begin each entry with '- '"),
        ('- {name: chatty, from: owner/chatty}', '- owner/chatty', 'f.yaml:22:9: families[0].derived[0]: expected a mapping; write {from: owner/chatty}'),
        ('suite: demo', 'suite: demo\ntasks: [mmlu]', 'f.yaml:3:1: tasks: unknown field; tasks come from `suite`: paper, demo, or a file of your own (./my-suite.yaml)'),
        ('suite: demo', 'suite: demo\nepochs: 3', 'f.yaml:3:1: epochs: unknown field; it belongs elsewhere; write train.epochs'),
        ('    release: nano-chat', '    epochs: 3', 'f.yaml:32:5: families[1].epochs: unknown field; it belongs elsewhere; write families[1].train.epochs'),
        ('    release: nano-chat', '    crawl: {publishers: [us]}', 'f.yaml:32:5: families[1].crawl: unknown field; crawl is done once for all families; write it at the top level'),
        ('suite: demo', 'suite: demo\nprocesses: 3', 'f.yaml:3:1: processes: unknown field; it belongs elsewhere; write crawl.processes or train.processes'),
        ('suite: demo', 'suite: demo\nlearning_rte: 3', 'f.yaml:3:1: learning_rte: unknown field; did you mean train.learning_rate?'),
        ('suite: demo', 'suite: demo\nbase: {from: a/b}', 'f.yaml:3:1: base: unknown field; it belongs elsewhere; write families[…].base'),
        ('  epochs: 2', '  objective: sft', 'f.yaml:14:3: train.objective: unknown field; the pipeline says it itself, as it does all inputs and outputs of train'),
        ('suite: demo', 'suite: demo\nperiod: 2026-10', 'f.yaml:3:1: period: unknown field; it is given on the command line: --period 2026-10'),
        ('suite: demo', 'suite: demo\nstore: s3://x/y', 'f.yaml:3:1: store: unknown field; it is given on the command line: --store s3://bucket/prefix'),
        ('suite: demo', 'suite: demo\npromote: {override: why}', 'f.yaml:3:1: promote: unknown field; promote has no settings in a fleet file'),
        ('  epochs: 2', '  token_budget: 100M', 'f.yaml:14:3: train.token_budget: unknown field; it belongs elsewhere; write pack.token_budget'),
        ('  epochs: 2', '  epoch: 2', 'f.yaml:14:3: train.epoch: unknown field; did you mean epochs?'),
        ('  epochs: 2', '  zzz: 2', 'f.yaml:14:3: train.zzz: unknown field; known: replay, replay_share, epochs, mask_first_tokens, batch_rows, micro_batch_rows, learning_rate, warmup_ratio, final_ratio, weight_decay, gradient_clip, seed, zero_stage, activation_checkpointing, processes, checkpoint_steps, checkpoints_kept, heldout_steps, shard_bytes'),
        ('{name: chatty, from: owner/chatty}', '{name: chatty, form: owner/chatty}', 'f.yaml:22:24: families[0].derived[0].form: unknown field; did you mean from?'),
        ('    instruct: {from: owner/pico-1B-instruct, revision: abc}\n', '', 'f.yaml:18:5: families[0]: lacks instruct'),
        ('name: nano', 'name: pico', "f.yaml:29:11: families[1].name: the family 'pico' has the same name as the family of line 18; choose another"),
        ('release: nano-chat', 'release: pico-instruct', "f.yaml:32:14: families[1].release: the candidate 'pico-instruct' has the same name as the candidate that line 18 makes (<family>-instruct); choose another, or give its family a `release`"),
        ('name: chatty', 'name: instruct', "f.yaml:22:16: families[0].derived[0].name: the model 'instruct' has a name that every family scores (base, instruct, refreshed-base, s1); choose another"),
        ('name: chatty', 'name: older-base', "f.yaml:24:15: families[0].siblings[0].name: the model 'older-base' (made of it: <sibling>-base) has the same name as the model of line 22; choose another"),
        ('name: chatty', 'name: pico', "f.yaml:22:16: families[0].derived[0].name: the candidate 'pico-instruct' (made of it: <derived>-instruct) has the same name as the candidate that line 18 makes (<family>-instruct); choose another, or give its family a `release`"),
        ('name: older', 'name: chatty', "f.yaml:22:16: families[0].derived[0].name: the candidate 'chatty-instruct' (made of it: <derived>-instruct) has the same name as the model that line 24 makes (<sibling>-instruct); choose another"),
        ('name: nano', 'name: Nano', "f.yaml:29:11: families[1].name: expected a name of small letters and digits, with dots or dashes between, got 'Nano'"),
        ('name: nano', 'name: a/b', "f.yaml:29:11: families[1].name: expected a name of small letters and digits, with dots or dashes between, got 'a/b'"),
        ('name: nano', 'name: nnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnn', 'f.yaml:29:11: families[1].name: has 64 characters; expected at most 63'),
        ('name: nano', 'name: packed', 'f.yaml:29:11: families[1].name: the name packed is taken by what lies beside it in the store; choose another'),
        ('crawl:', 'placement: {gpu_pool: a b}\ncrawl:', "f.yaml:5:23: placement.gpu_pool: expected at most 63 letters, digits, dots, _ and -, as a label in Kubernetes, got 'a b'"),
        ('crawl:', 'placement: {train_cpu: 2}\ncrawl:', "f.yaml:5:24: placement.train_cpu: 2 is a number in YAML; put it in quotes: '2'"),
        ('crawl:', 'placement: {train_memory: 4 gigs}\ncrawl:', "f.yaml:5:27: placement.train_memory: expected a quantity such as 500m, 8 or 256Gi, got '4 gigs'"),
        ('    release: nano-chat', '    merge: {vocabulary: extnd}', "f.yaml:32:25: families[1].merge.vocabulary: expected refuse or extend, got 'extnd'; did you mean extend?"),
        ('    release: nano-chat', '    merge: {allow_config: rope_scaling}', 'f.yaml:32:27: families[1].merge.allow_config: expected a list; write [rope_scaling]'),
        ('suite: demo', 'suite: papr', "f.yaml:2:8: suite: no suite 'papr'; did you mean 'paper'?; or give the file of your own, as ./my-suite.yaml"),
        ('suite: demo', 'suite: [demo]', 'f.yaml:2:8: suite: expected a text, got a list of 1'),
        ('  epochs: 2', '  epochs: 2\n  epochs: 3', 'f.yaml:15:3: epochs is given twice; first on line 14; delete one'),
        ('  epochs: 2', '  processes: 3', 'f.yaml:13:1: train: batch_rows 64 is no multiple of 3 (micro_batch_rows 1 × 3 processes); batch_rows 66 would do'),
        ('train:\n  epochs: 2', 'placement: {train_gpus: 4}\ntrain:\n  processes: 2', 'f.yaml:15:3: train.processes: 2 for pico, but placement.train_gpus is 4; give both the same number, or 0 GPUs'),
        ('owner/older}', "'a{{=1+1}}'}", "f.yaml:25:22: families[0].siblings[0].base.from: 'a{{=1+1}}' has {{, which begins a workflow's tag and means nothing here"),
        ('  epochs: 2', '\tepochs: 2', 'f.yaml:14:1: not YAML: a tab; indent with spaces'),
        ('  token_budget: 1.5M', '  heldout_fraction: 1', 'f.yaml:11:21: pack.heldout_fraction: expected less than 1, got 1'),
        ('owner/older}', '123}', "f.yaml:25:22: families[0].siblings[0].base.from: 123 is a number in YAML; put it in quotes: '123'"),
        ('    release: nano-chat', '    evaluate: {limit: 0}', 'f.yaml:32:23: families[1].evaluate.limit: expected at least 1, got 0'),
        ('crawl:', 'crawl:\n  ccnews_server: news.example', "f.yaml:6:18: crawl.ccnews_server: expected http://host/ or https://host/, got 'news.example'"),
        ('name: nano', "name: ''", 'f.yaml:29:11: families[1].name: is empty; expected a name of small letters and digits, with dots or dashes between'),
        ('owner/older}', "''}", 'f.yaml:25:22: families[0].siblings[0].base.from: is empty; give it a value'),
    ],
)  # fmt: skip
def test_one_thing_is_wrong(tmp_path: Path, old: str, new: str, said: str) -> None:
    assert old in FLEET
    assert told(tmp_path, FLEET.replace(old, new, 1)) == [said]


def test_all_that_is_wrong_is_told_at_once_in_the_files_order(tmp_path: Path) -> None:
    text = FLEET
    for old, new in (
        ("suite: demo", "suite: papr"), ("[us, uk]", "[us, no]"), ("1.5M", "1_000"),
        ("  epochs: 2", "  epochs: yes\n  seeed: 1"), ("revision: abc", "revision: 010"),
        ("{name: chatty, from: owner/chatty}", "{name: pico}"), ("name: nano", "name: Nano"),
        ("release: nano-chat", "release: pico-instruct"),
    ):  # fmt: skip
        assert old in text
        text = text.replace(old, new, 1)
    assert told(tmp_path, text) == [
        "f.yaml:2:8: suite: no suite 'papr'; did you mean 'paper'?; or give the file of your own, as ./my-suite.yaml",
        "f.yaml:6:20: crawl.publishers[1]: no is false in YAML; put it in quotes: 'no'",
        "f.yaml:11:17: '1_000' is no decimal number; write 1000, or put a text in quotes",
        "f.yaml:14:11: train.epochs: expected a whole number, got yes",
        "f.yaml:15:3: train.seeed: unknown field; did you mean seed?",
        "f.yaml:21:56: '010' is no decimal number; write it as 4096 or 0.01, or put a text in quotes",
        "f.yaml:23:9: families[0].derived[0]: lacks from",
        "f.yaml:23:16: families[0].derived[0].name: the candidate 'pico-instruct' (made of it: <derived>-instruct) has the same name as the candidate that line 19 makes (<family>-instruct); choose another, or give its family a `release`",
        "f.yaml:30:11: families[1].name: expected a name of small letters and digits, with dots or dashes between, got 'Nano'",
        "f.yaml:33:14: families[1].release: the candidate 'pico-instruct' has the same name as the candidate that line 19 makes (<family>-instruct); choose another, or give its family a `release`",
    ]


def test_no_more_than_twenty_are_told(tmp_path: Path) -> None:
    lines = told(tmp_path, FLEET + "".join(f"field{n}: 1\n" for n in range(3000)))
    assert len(lines) == 21
    assert lines[0].startswith("f.yaml:35:1: field0: unknown field; known: name, suite, ")
    assert lines[-1] == "f.yaml: and 2980 more problems"


BEGIN = "begin with name, suite and families, as fleets/news.yaml does"
NO_FLEETS = {
    "words": ("just words\n", [f"f.yaml:1:1: fleet: expected a mapping; {BEGIN}"]),
    "a list": ("- a\n", [f"f.yaml:1:1: fleet: expected a mapping; {BEGIN}"]),
    "another mapping": ("nmae: a\n", [
        "f.yaml:1:1: fleet: lacks suite, families",
        "f.yaml:1:1: nmae: unknown field; did you mean name?",
    ]),
    "nothing": ("", ["f.yaml is empty"]),
    "no families": ("name: a\nsuite: demo\nfamilies: []\n", ["f.yaml:3:11: families: is empty; expected at least 1 entry"]),
    "families of null": ("name: a\nsuite: demo\nfamilies:\n", ["f.yaml:3:10: families: is empty; give it a value"]),
    "families as a mapping": ("name: a\nsuite: demo\nfamilies: {b: {base: c}}\n", ["f.yaml:3:11: families: expected a list; begin each entry with '- '"]),
    "two documents": (FLEET + "---\nname: x\n", ["f.yaml:35:1: not YAML: a second document begins here; a file holds one"]),
    "a tab": ("name: a\nsuite:\tdemo\nfamilies:\n\t- b\n", ["f.yaml:4:1: not YAML: a tab; indent with spaces"]),
    "a list without end": ("name: a\nfamilies: [\n  b\n", ["f.yaml:4:1: not YAML: a list [ ] lacks a comma or its end (begun on line 2)"]),
    "a mapping without end": ("name: {a: 1\n", ["f.yaml:2:1: not YAML: a mapping { } lacks a comma or its end (begun on line 1)"]),
    "quotes without end": ('name: "a\n', ["f.yaml:2:1: not YAML: a text in quotes lacks its end (begun on line 1)"]),
    "a colon in a text": ("name: a: b\n", ["f.yaml:1:8: not YAML: a ': ' cannot stand here; put the text in quotes, or correct the indentation"]),
    "an indentation": ("train:\n  a: 1\n b: 2\n", ["f.yaml:3:2: not YAML: expected a key and ': '; correct the indentation (begun on line 1)"]),
    "an at": ("name: @a\n", ["f.yaml:1:7: not YAML: a text cannot begin with @; put it in quotes"]),
    "a star": ("name: *a\n", ["f.yaml:1:7: not YAML: a text cannot begin with *; put it in quotes"]),
    "UTF-16": (FLEET.encode("utf-16"), ["f.yaml:1:1: not UTF-8: it is UTF-16; save it as a text in UTF-8"]),
    "Latin 1": (b"name: caf\xe9\n", ["f.yaml:1:10: not UTF-8: the byte 0xe9; save the file as UTF-8"]),
    "an archive": (b"PK\3\4", ["f.yaml:1:1: not UTF-8: it is a zip archive; save it as a text in UTF-8"]),
    "gzip": (b"\x1f\x8b\x08", ["f.yaml:1:1: not UTF-8: it is gzip; save it as a text in UTF-8"]),
}  # fmt: skip


@pytest.mark.parametrize(("text", "said"), NO_FLEETS.values(), ids=NO_FLEETS.keys())
def test_what_is_no_fleet(tmp_path: Path, text: str | bytes, said: list[str]) -> None:
    assert told(tmp_path, text) == said


def test_a_file_of_windows_and_one_with_a_mark_are_read(tmp_path: Path) -> None:
    for data in (FLEET.replace("\n", "\r\n").encode(), FLEET.encode("utf-8-sig")):
        (tmp_path / "f.yaml").write_bytes(data)
        assert read_fleet(tmp_path / "f.yaml").name == "small"


def test_the_nearest_file_is_named(tmp_path: Path) -> None:
    (tmp_path / "news.yaml").write_text(FLEET)
    (tmp_path / "notes.txt").touch()
    for path, said in {
        "nwes.yaml": f"there is no such file; did you mean {tmp_path}/news.yaml?",
        "other.yaml": "there is no such file; files of YAML there: 'news.yaml'",
        "fleets/news.yaml": f"there is no folder {tmp_path}/fleets",
        "": "it is a folder; files of YAML there: 'news.yaml'",
        "a\0b": "no file can have this name",
    }.items():
        with pytest.raises(BadInputError) as caught:
            read_fleet(tmp_path / path)
        assert str(caught.value) == f"{tmp_path / path} cannot be read: {said}"


@pytest.mark.parametrize("text", ["http://" * 10**5, "key=" * 10**5, "//a:" * 10**5, "x" * 10**6])
def test_a_long_text_takes_no_time(tmp_path: Path, text: str) -> None:
    """What looks for secrets in a text takes the square of its length, which was minutes."""
    began = time.monotonic()
    (said,) = told(tmp_path, FLEET.replace("abc", f'"{text}"', 1))
    assert said.startswith("f.yaml:20:56: families[0].instruct.revision: '")
    assert said.endswith(f" has {len(text)} characters; expected at most 1000")
    assert time.monotonic() - began < 10


def test_a_suite_of_ones_own(tmp_path: Path) -> None:
    """By its path from the fleet file; what is wrong with its file is told after the fleet's."""
    suites = ROOT / "fleets/suites"
    shutil.copytree(suites, tmp_path / "suites")
    for given in (
        "./suites/geography.yaml",
        "suites/geography.yaml",
        str(suites / "geography.yaml"),
    ):
        (tmp_path / "f.yaml").write_text(FLEET.replace("suite: demo", f"suite: {given}"))
        parameters = read_fleet(tmp_path / "f.yaml").parameters()
        assert parameters["suite"].startswith("geography-")
        assert load_suite(parameters["suite-definition"]).name == parameters["suite"]
        assert parameters["tasks"] == '["piqa", "capitals", "countries"]'
    text = FLEET.replace("suite: demo", "suite: ./suites/geography.yaml")
    path = tmp_path / "suites/geography.yaml"
    path.write_text(path.read_text().replace("num_fewshot: 2", "num_fewshots: 2\n    x: 1"))
    assert told(tmp_path, text.replace("  epochs: 2", "  epochs: yes")) == [
        "f.yaml:14:11: train.epochs: expected a whole number, got yes",
        "suites/geography.yaml:9:5: tasks[1].num_fewshots: unknown field; did you mean num_fewshot?",
        "suites/geography.yaml:10:5: tasks[1].x: unknown field; known: name, lm_eval_task, folder, num_fewshot, apply_chat_template, generation, data_columns, sentence_model, columns",
    ]
    assert told(tmp_path, FLEET.replace("suite: demo", "suite: ./geography.yaml")) == [
        "f.yaml:2:8: suite: geography.yaml cannot be read: there is no such file; files of YAML there: 'f.yaml'"
    ]
