"""Texts that mean something to a shell, to Argo, to Kubernetes or to YAML, through `argo submit`.

Each arrives byte for byte among the words that a pod's program is started with, or is refused
before any pod starts.
"""

import json
import subprocess

import pytest

from tests.cluster.conftest import Namespace
from tests.cluster.workflows import printed_by_pods, wait_for

pytestmark = [pytest.mark.cluster, pytest.mark.slow]

PLACES = {
    "period": ("crawl", "--period", ""),
    "crawl-publishers": ("crawl", "--publishers", ""),
    "crawl-ccnews-server": ("crawl", "--ccnews-server", ""),
    "crawl-retry-seconds": ("crawl", "--retry-seconds", ""),
    "curate-min-characters": ("curate", "--min-characters", ""),
    "curate-max-characters": ("curate", "--max-characters", ""),
    "suite-definition": ("bundle", "--suite", ""),
    "bundle-from": ("bundle", "--from", ""),
    "store": ("bundle", "--out", "/eval-data/demo"),
}
"""Parameter → the job and flag that get it, and what follows it there."""
TEXTS = [
    "it's", 'say "no"', "`id`", "a\\b\\\\c\\", "\\n \\x00 \\u0000 \\0", "a;b|c&d>e", "$HOME",
    "*?[a]~!#", "two\nlines", "\n", "ends with one\n", "\ttab", "\r\n", " ends ", "  ", "", "$",
    "--out=/elsewhere", "-", "--", "-p store=x", "a=b=c", "{x} } }} {", '{"a": ["b", null]}',
    "- &a [*a]", "!!python/object:os.system", "null", "1e5", "007", "true", "<b>&amp;</b>",
    "%s%00%2e", "../../etc/passwd", "Ελλάδα 中文 नमस्ते", "👩\u200d👩\u200d👧🇩🇪🚀", "שלום \u202eabc",
    "a\u200b\u2028\ufeff", "e\u0301 \u00e9", "x" * 60_000,
]  # fmt: skip
"""None of these would a cluster alter or not take."""
REFUSED = [
    ("crawl-publishers", "{{workflow.name}}"),
    ("crawl-publishers", "x{{ workflow.parameters.store }}"),
    ("bundle-from", "{{=1+1}}"),
    ("bundle-from", "{{=sprig.env('HOME')}}"),
    ("suite-definition", "{{x}}"),
    ("suite-definition", "{{item}}"),
    ("suite-definition", "{{"),
    ("curate-min-characters", "{{tasks.crawl.outputs.parameters.digest}}"),
    ("curate-min-characters", "{{tasks.none.outputs.parameters.digest}}"),
    ("store", "s3://{{workflow.uid}}"),
    ("period", "{{inputs.parameters.out}}"),
    ("period", "{{retries}}"),
    ("period", "{{=let tick = 1; string(tick)}}"),
    ("fleet", "{{pod.name}}"),
    ("crawl-publishers", "$(PERENNIAL_OUTPUTS)"),
    ("crawl-publishers", "$(AWS_SECRET_ACCESS_KEY)"),
    ("store", "s3://$(PERENNIAL_IMAGE)"),
    ("crawl-publishers", "US$$"),
    ("crawl-publishers", "$$(id)"),
    ("crawl-publishers", "\x1b[2J"),
    ("crawl-publishers", "\x07"),
    ("bundle-from", "\x7f"),
    ("bundle-from", "\U000e0001"),
    ("crawl-publishers", "x" * 110_000),
    ("families", '[{"name": "a", "base-from": "$(HOME)"}]'),
    ("families", "x"),
    ("families", "[1]"),
    ("families", '[{"a": "b"}]'),
    ("families", '[{"name": "../a"}]'),
    ("data-cpu", '1"}}}, {"name": "other", "image": "x'),
    ("data-memory", "1Gi\n"),
    ("registry", "example.org/x y"),
    ("crawl-image", "crawl:1\n"),
    ("cpu-pool", "--x y"),
]


@pytest.fixture
def installed(namespace: Namespace) -> Namespace:
    namespace.helm(1)
    return namespace


def submit(namespace: Namespace, given: dict[str, str]) -> str | None:
    """The run of a refresh of no family, or None where `argo submit` itself refuses it."""
    words = ["argo", "-n", namespace.name, "submit", "-o", "name"]
    words += ["--from", "workflowtemplate/perennial-refresh"]
    for name, value in ({"period": "2026-10", "families": "[]"} | given).items():
        words += ["-p", f"{name}={value}"]
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    return done.stdout.strip().rpartition("/")[2] if done.returncode == 0 else None


@pytest.mark.timeout(900)
def test_what_arrives_is_what_was_given(installed: Namespace) -> None:
    assert len(TEXTS) + len(REFUSED) >= 50
    size = len(PLACES)
    given = [
        dict(zip(PLACES, TEXTS[first : first + size], strict=False))
        for first in range(0, len(TEXTS), size)
    ]
    runs = [submit(installed, one) for one in given]
    workflows = wait_for(installed, [run for run in runs if run], seconds=600)
    argvs = printed_by_pods(installed)
    for run, values in zip(runs, given, strict=True):
        assert run
        status = workflows[run]["status"]
        assert status["phase"] == "Succeeded", status.get("message")
        by_job = {
            node["templateName"]: argvs[name]
            for name, node in status["nodes"].items()
            if name in argvs
        }
        for parameter, value in values.items():
            job, flag, rest = PLACES[parameter]
            words = by_job[job]
            assert words[words.index(flag) + 1] == value + rest, parameter


@pytest.mark.timeout(600)
def test_what_would_be_altered_starts_no_pod(installed: Namespace) -> None:
    runs = [submit(installed, {name: value}) for name, value in REFUSED]
    workflows = wait_for(installed, [run for run in runs if run], seconds=120)
    ends = {
        given: workflows[run]["status"] for given, run in zip(REFUSED, runs, strict=True) if run
    }
    assert {given: status["phase"] for given, status in ends.items()} == dict.fromkeys(
        ends, "Error"
    )
    assert json.loads(installed.kubectl("get", "pods", "-o", "json"))["items"] == []
