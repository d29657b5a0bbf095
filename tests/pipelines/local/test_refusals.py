# ruff: noqa: E501
"""The engine knows what is rendered, all of it and no more: the rest is refused by name and place."""

import asyncio
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel

from jobs.errors import BadInputError
from pipelines.commands.parameters import WORKFLOW
from pipelines.local import workflow as known
from pipelines.local.engine import Engine, Runner
from pipelines.local.reading import read_workflow

EXPRESSION = "lastRetry.status == 'Error' || asInt(lastRetry.exitCode) in [-1, 75]"
GOOD = f"""\
apiVersion: argoproj.io/v1alpha1
kind: WorkflowTemplate
metadata: {{name: small}}
spec:
  entrypoint: main
  arguments:
    parameters:
    - {{name: p, value: "1"}}
  templates:
  - name: main
    dag:
      failFast: false
      tasks:
      - name: one
        template: leaf
        arguments: {{parameters: [{{name: x, value: "{{{{workflow.parameters.p}}}}"}}]}}
      - name: two
        template: leaf
        depends: one
        arguments: {{parameters: [{{name: x, value: "{{{{item}}}}"}}]}}
        withParam: "{{{{workflow.parameters.list}}}}"
  - name: leaf
    inputs: {{parameters: [{{name: x}}, {{name: y, default: ""}}]}}
    outputs: {{parameters: [{{name: o, valueFrom: {{path: /tmp/outputs/o}}}}]}}
    nodeSelector: {{pool: gpu}}
    activeDeadlineSeconds: 60
    container:
      image: example.org/leaf:1
      command: [python, -c, pass]
      args: ["{{{{inputs.parameters.x}}}}"]
      env: [{{name: PERENNIAL_OUTPUTS, value: /tmp/outputs}}]
    retryStrategy:
      limit: "2"
      retryPolicy: Always
      expression: {EXPRESSION}
      backoff: {{duration: 30s, factor: "2"}}
"""


def check(path: Path, text: str) -> None:
    path.write_text(text)
    read_workflow(path)


def test_the_good_one_passes(tmp_path: Path) -> None:
    check(tmp_path / "w.yaml", GOOD)


def test_every_construct_that_is_rendered_is_known() -> None:
    """Also those of the families' lists: all that the refresh of the default fleet walks."""
    given = {"period": "2026-10", "store": "/store"}
    walked: list[str] = []

    class Noting(Runner):
        def ended(self, step: Any, outcome: Any) -> None:  # noqa: ARG002
            walked.append(step.job)

    workflow = read_workflow(*WORKFLOW)
    asyncio.run(Engine(workflow, given, Noting()).run())
    templates = [t for one in (workflow, *workflow.others.values()) for t in one.spec.templates]
    steps = [t.name for t in templates if isinstance(t, known.StepTemplate)]
    assert sorted(set(walked)) == sorted(steps)


def models(value: object) -> Iterator[BaseModel]:
    """A model and all models within it."""
    if isinstance(value, BaseModel):
        yield value
        for name in type(value).model_fields:
            yield from models(getattr(value, name))
    elif isinstance(value, tuple):
        for inner in value:
            yield from models(inner)


def test_every_field_that_is_known_is_rendered() -> None:
    rendered: dict[type[BaseModel], set[str]] = defaultdict(set)
    workflow = read_workflow(*WORKFLOW)
    for spec in (workflow.spec, *(other.spec for other in workflow.others.values())):
        for model in models(spec):
            rendered[type(model)] |= model.model_fields_set
    rendered.pop(known.Parameters)  # of a template without inputs
    assert {model: set(model.model_fields) for model in rendered} == rendered
    used = {model.__name__ for model in rendered}
    assert {"DagTemplate", "StepTemplate", "FamilyTemplate", "RetryStrategy", "Input"} <= used


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        # Fields that nothing renders.
        ("depends: one", "depends: one\n        when: a == b", r"w.yaml:20:9: spec.templates.0.dag.tasks.1.when: the local engine does not know this field"),
        ("depends: one", "depends: one\n        withItems: [a]", r"20:9: spec.templates.0.dag.tasks.1.withItems: the local"),
        ("depends: one", "depends: one\n        withSequence: {count: 2}", r"tasks.1.withSequence: the local"),
        ("depends: one", "depends: one\n        hooks: {}", r"tasks.1.hooks: the local"),
        ("depends: one", "depends: one\n        onExit: leaf", r"tasks.1.onExit: the local"),
        ("depends: one", "depends: one\n        continueOn: {failed: true}", r"tasks.1.continueOn: the local"),
        ("depends: one", "dependencies: [one]", r"tasks.1.dependencies: the local"),
        ("template: leaf\n        depends", "templateRef: {name: leaf}\n        depends", r"tasks.1.templateRef: the local"),
        ("  entrypoint: main", "  entrypoint: main\n  onExit: x", r"w.yaml:6:3: spec.onExit: the local"),
        ("  entrypoint: main", "  entrypoint: main\n  hooks: {}", r"spec.hooks: the local"),
        ("  entrypoint: main", "  entrypoint: main\n  templateDefaults: {}", r"spec.templateDefaults: the local"),
        ("    dag:\n", "    steps: []\n    dag:\n", r"spec.templates.0.steps: the local"),
        ("    dag:\n", "    memoize: {}\n    dag:\n", r"w.yaml:11:5: spec.templates.0.memoize: the local"),
        ("    dag:\n", "    retryStrategy: {}\n    dag:\n", r"spec.templates.0.retryStrategy: the local"),
        ("    dag:\n", "    container: {}\n    dag:\n", r"spec.templates.0.container: the local"),
        ("      failFast: false\n", "      failFast: false\n      target: one\n", r"dag.target: the local"),
        ("    container:\n", "    script:\n", r"w.yaml:27:5: spec.templates.1.script: the local"),
        ("    container:\n", "    suspend: {}\n    other:\n", r"spec.templates.1.suspend: the local"),
        ("    container:\n", "    steps: []\n    container:\n", r"spec.templates.1.steps: the local"),
        ("    container:\n", "    sidecars: []\n    container:\n", r"spec.templates.1.inputs: the local"),
        ("image: example.org/leaf:1", "workingDir: /x", r"container.workingDir: the local"),
        ("value: /tmp/outputs}", "valueFrom: {}}", r"container.env.0.valueFrom: the local"),
        ("valueFrom: {path: /tmp/outputs/o}", "valueFrom: {expression: a}", r"valueFrom.expression: the local"),
        ("valueFrom: {path: /tmp/outputs/o}", "valueFrom: {path: /tmp/outputs/o, default: a}", r"valueFrom.default: the local"),
        ("outputs: {parameters: [", "outputs: {artifacts: [], parameters: [", r"outputs.artifacts: the local"),
        ('{name: p, value: "1"}', '{name: p, default: "1"}', r"arguments.parameters.0.default: the local"),
        ('default: ""', 'value: ""', r"inputs.parameters.1.value: the local"),
        ('default: ""', "enum: [a]", r"inputs.parameters.1.enum: the local"),
        ('limit: "2"', 'limit: "2"\n      affinity: {}', r"retryStrategy.affinity: the local"),
        ("duration: 30s", "maxDuration: 1h, duration: 30s", r"backoff.maxDuration: the local"),
        # Fields of which one form is rendered.
        ("kind: WorkflowTemplate", "kind: CronWorkflow", r"w.yaml:2:7: kind: the local engine does not know 'CronWorkflow': expected WorkflowTemplate"),
        ("apiVersion: argoproj.io/v1alpha1", "apiVersion: v1", r"apiVersion: the local engine does not know 'v1'"),
        ("failFast: false", "failFast: true", r"12:17: spec.templates.0.dag.failFast: the local engine does not know True"),
        ("      failFast: false\n", "", r"dag.failFast: the local engine does not know how to do without this field"),
        ("depends: one", "depends: one || one", r"w.yaml:19:18: spec.templates.0.dag.tasks.1.depends: the local engine does not know 'one || one': expected names of tasks, as one && other"),
        ("depends: one", 'depends: "!one"', r"depends: the local engine does not know '!one'"),
        ("depends: one", "depends: one.Failed", r"depends: the local engine does not know 'one.Failed'"),
        ("depends: one", "depends: one.Succeeded", r"depends: the local engine does not know 'one.Succeeded'"),
        ("depends: one", "depends: (one)", r"depends: the local engine does not know '\(one\)'"),
        ("depends: one", "depends: one and one", r"depends: the local engine does not know 'one and one'"),
        ("depends: one", "depends: [one]", r"depends: the local engine does not know a list of 1"),
        ("depends: one", 'depends: ""', r"depends: the local engine does not know ''"),
        ("{{workflow.parameters.list}}", "[1, 2]", r"withParam: the local engine does not know '\[1, 2\]': expected a parameter's tag"),
        ("{{workflow.parameters.list}}", "{{tasks.one.outputs.parameters.o}}", r"withParam: the local engine does not know"),
        ("{{workflow.parameters.p}}", "{{=1+1}}", r"16:\d+: .*arguments.parameters.0.value: the local engine does not know '\{\{=1\+1\}\}': the tag \{\{=1\+1\}\} means nothing here"),
        ("{{workflow.parameters.p}}", "{{workflow.name}}", r"the tag \{\{workflow.name\}\} means"),
        ("{{workflow.parameters.p}}", "{{pod.name}}", r"the tag \{\{pod.name\}\} means"),
        ("{{workflow.parameters.p}}", "{{tasks.one.status}}", r"the tag \{\{tasks.one.status\}\} means"),
        ("{{workflow.parameters.p}}", "{{tasks.one.outputs.result}}", r"the tag \{\{tasks.one.outputs.result\}\} means"),
        ("{{inputs.parameters.x}}", "{{item}}", r"container.args.0: .*the tag \{\{item\}\} means"),
        ("[python, -c, pass]", '["{{inputs.parameters.x}}"]', r"container.command.0: .*the tag"),
        ("value: /tmp/outputs}", 'value: "{{inputs.parameters.x}}"}', r"env.0.value: .*the tag"),
        ('default: ""', 'default: "{{inputs.parameters.x}}"', r"inputs.parameters.1.default: .*the tag"),
        ('value: "1"', 'value: "{{workflow.parameters.q}}"', r"arguments.parameters.0.value: .*the tag"),
        ('value: "1"', "value: 1", r"value: the local engine does not know 1: expected a text"),
        ("retryPolicy: Always", "retryPolicy: OnError", r"retryPolicy: the local engine does not know 'OnError'"),
        (f"expression: {EXPRESSION}", "expression: lastRetry.exitCode != '64'", r"w.yaml:35:19: spec.templates.1.retryStrategy.expression: the local engine does not know \"lastRetry.exitCode != '64'\": expected lastRetry.status == 'Error'"),
        ("in [-1, 75]", "in [75] && true", r"expression: the local engine does not know"),
        ("in [-1, 75]", "in []", r"expression: the local engine does not know"),
        ("asInt(lastRetry.exitCode)", "lastRetry.exitCode", r"expression: the local engine does not know"),
        (f"      expression: {EXPRESSION}\n", "", r"retryStrategy.expression: the local engine does not know how to do without this"),
        ("duration: 30s", "duration: 2m", r"backoff.duration: the local engine does not know '2m': expected seconds, as 30s"),
        ("duration: 30s", "duration: 30", r"backoff.duration: the local engine does not know 30"),
        ('factor: "2"', 'factor: "1.5"', r"backoff.factor: the local engine does not know '1.5'"),
        ("activeDeadlineSeconds: 60", 'activeDeadlineSeconds: "{{inputs.parameters.x}}"', r"activeDeadlineSeconds: the local engine does not know"),
        ("  - name: main\n", "  - null\n  - name: main\n", r"10:5: spec.templates.0: the local engine does not know None"),
        # Names that lead nowhere.
        ("depends: one", "depends: one && three", r"w.yaml:19:18: spec.templates.0.dag.tasks.1.depends: there is no task 'three' above this one"),
        ("depends: one", "depends: two", r"there is no task 'two' above"),
        ("- name: one", "- name: 1st", r"w.yaml:14:\d+: spec.templates.0.dag.tasks.0.name: expected a letter to begin '1st', where tasks depend"),
        ("- name: one", "- name: o.ne", r"w.yaml:14:\d+: .*tasks.0.name: 'o.ne': expected a name of letters, digits and dashes"),
        ("- name: one", "- name: o_ne", r"tasks.0.name: 'o_ne': expected a name"),
        ("- name: main", "- name: ma.in", r"spec.templates.0.name: 'ma.in': expected a name of letters"),
        ("name: p,", "name: p.q,", r"arguments.parameters.0.name: the local engine does not know 'p.q': expected a name of letters, digits, underscores and dashes"),
        ("- name: two", "- name: one", r"w.yaml:17:9: spec.templates.0.dag.tasks.1: there is another task 'one'"),
        ("template: leaf\n        depends", "template: laef\n        depends", r"18:19: .*there is no template 'laef' below this one"),
        ("template: leaf\n        depends", "template: main\n        depends", r"there is no template 'main' below"),
        ("- name: leaf", "- name: main", r"there is no template 'leaf' below"),
        ("path: /tmp/outputs/o", "path: /etc/passwd", r"w.yaml:24:\d+: .*path: expected the path of 'o' in PERENNIAL_OUTPUTS \(/tmp/outputs\)"),
        ("path: /tmp/outputs/o", "path: /tmp/outputs/x", r"expected the path of 'o'"),
        ("name: PERENNIAL_OUTPUTS", "name: OUTPUTS", r"expected the path of 'o' in PERENNIAL_OUTPUTS \(None\)"),
        ('value: "1"}', 'value: "1", name: q}', r"name is given twice"),
    ],
)  # fmt: skip
def test_refused(tmp_path: Path, old: str, new: str, says: str) -> None:
    assert old in GOOD
    with pytest.raises(BadInputError, match=says):
        check(tmp_path / "w.yaml", GOOD.replace(old, new, 1))


def test_another_template_of_the_same_name(tmp_path: Path) -> None:
    second = GOOD[GOOD.index("  - name: leaf") :]
    with pytest.raises(BadInputError, match=r"spec.templates.2: there is another template 'leaf'"):
        check(tmp_path / "w.yaml", GOOD + second)


def test_an_entrypoint_that_is_not_there(tmp_path: Path) -> None:
    path = tmp_path / "w.yaml"
    path.write_text(GOOD.replace("entrypoint: main", "entrypoint: mian"))
    with pytest.raises(BadInputError, match="no template 'mian' in the workflow"):
        Engine(read_workflow(path), {}, Runner())
