# ruff: noqa: E501
"""What the engine does not know is refused by name, before any step."""

from pathlib import Path

import pytest

from jobs.errors import BadInputError
from pipelines.local.tags import check_references
from pipelines.local.workflow import read_workflow

GOOD = """\
apiVersion: argoproj.io/v1alpha1
kind: WorkflowTemplate
metadata: {name: small}
spec:
  entrypoint: main
  arguments:
    parameters:
    - {name: p, value: 1}
  templates:
  - name: main
    dag:
      tasks:
      - name: one
        template: leaf
        arguments: {parameters: [{name: x, value: "{{workflow.parameters.p}}"}]}
      - name: two
        template: leaf
        depends: one
        arguments: {parameters: [{name: x, value: "{{tasks.one.outputs.parameters.o}}"}]}
  - name: leaf
    inputs: {parameters: [{name: x}]}
    outputs: {parameters: [{name: o, valueFrom: {path: /tmp/outputs/o}}]}
    nodeSelector: {pool: gpu}
    container:
      image: example.org/leaf:1
      command: [python, -c, pass]
      env: [{name: PERENNIAL_OUTPUTS, value: /tmp/outputs}]
"""


def check(path: Path, text: str) -> None:
    path.write_text(text)
    check_references(read_workflow(path))


def test_the_good_one_passes(tmp_path: Path) -> None:
    check(tmp_path / "w.yaml", GOOD)


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ("    dag:\n", "    memoize: {}\n    dag:\n", r"w.yaml:11:5: spec.templates.0.memoize: the local"),
        ("  entrypoint: main", "  entrypoint: main\n  onExit: x", r"spec.onExit: the local engine does"),
        ("  entrypoint: main", "  entrypoint: main\n  hooks: {}", r"w.yaml:6:3: spec.hooks"),
        ("depends: one", "depends: one\n        hooks: {}", r"tasks.1.hooks: the local engine"),
        ("depends: one", "dependencies: [one]", r"tasks.1.dependencies: the local engine"),
        ("valueFrom: {path: /tmp/outputs/o}", "valueFrom: {expression: a}", r"valueFrom.expression"),
        ("image: example.org/leaf:1", "workingDir: /x", r"container.workingDir: the local engine"),
        ("value: /tmp/outputs}", "valueFrom: {}}", r"container.env.0.value"),
        ("{pool: gpu}", "{pool: gpu}\n    retryStrategy: {affinity: {}}", r"retryStrategy.affinity"),
        ("kind: WorkflowTemplate", "kind: CronWorkflow", r"kind is 'CronWorkflow'"),
        ("depends: one", "depends: three", r"main.two: depends on 'three'"),
        ("depends: one", "depends: two", r"main.two: depends on itself"),
        ("depends: one", "depends: one.AnySucceeded", r"depends on 'one.AnySucceeded'; did you mean Succeeded"),
        ("depends: one", "depends: one +", r"cannot read '\+'"),
        ("        depends: one\n", "", r"does not know \{\{tasks.one.outputs.parameters.o\}\} here"),
        ("workflow.parameters.p", "workflow.parameters.q", r"main.one: the local engine does not know"),
        ('"{{workflow.parameters.p}}"', '"{{=1+1}}"', r"does not know \{\{=1\+1\}\} here"),
        ('"{{workflow.parameters.p}}"', '"{{item}}"', r"\{\{item\}\} without withItems"),
        ("template: leaf\n        depends", "template: laef\n        depends", r"no template 'laef'"),
        ("[{name: x}]", "[{name: y}]", r"template leaf has no input 'x'"),
        ("[{name: x}]", "[{name: x}, {name: y}]", r"input 'y' of template leaf is not given"),
        ("{pool: gpu}", "{pool: gpu}\n    retryStrategy: {limit: 1, retryPolicy: Always, expression: a == 1}", r"unknown name 'a'"),
        ("{pool: gpu}", "{pool: gpu}\n    retryStrategy: {limit: 1, retryPolicy: OnError, expression: a == 1}", r"retryPolicy: Input should be 'Always'"),
        ("path: /tmp/outputs/o", "path: /etc/passwd", r"is not below PERENNIAL_OUTPUTS"),
        ("    - {name: p, value: 1}", "    - {name: p, value: 1}\n    - {name: p, value: 1, name: q}", r"name is given twice"),
    ],
)  # fmt: skip
def test_refused(tmp_path: Path, old: str, new: str, says: str) -> None:
    assert old in GOOD
    with pytest.raises(BadInputError, match=says):
        check(tmp_path / "w.yaml", GOOD.replace(old, new, 1))
