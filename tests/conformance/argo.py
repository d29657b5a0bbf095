"""What the real Argo made of a case, told as the local engine would tell it.

A step is named by its place in the workflow, ``each/a/train``: the nodes that Argo nests by their
boundaries, and the items of a task (``each(0:a)`` in Argo), each called by its text, or by its
number as `pipelines.local.tags` has it.
"""

import re
from collections import Counter
from collections.abc import Mapping
from typing import Any

from pipelines.local.tags import SAFE_LABEL
from tests.conformance.cases import Result

ITEM = re.compile(r"(?P<task>[^(]+)\((?P<number>\d+):(?P<text>.*)\)", re.DOTALL)
Node = dict[str, Any]


def told(
    workflow: dict[str, Any], argvs: Mapping[str, list[str]], families: Mapping[str, dict[str, Any]]
) -> Result:
    """`argvs` is what each pod printed, by its node; `families` are the Workflows that it made."""
    status = workflow["status"]
    nodes: dict[str, Node] = status.get("nodes", {})
    result: Result = {"phase": status["phase"]}
    if not nodes:
        result["message"] = status["message"]
    steps: dict[str, Result] = {}
    passed_by: dict[str, str] = {}
    for node in nodes.values():
        place = _place(node, nodes)
        if node.get("templateName") == "family" and node["type"] == "Retry":
            (given,) = [p for p in node["inputs"]["parameters"] if p["name"] == "name"]
            within = told(families[given["value"]], argvs, {})
            steps |= {f"{place}/{name}": step for name, step in within["steps"].items()}
            passed_by |= {f"{place}/{name}": why for name, why in within["passed by"].items()}
        elif node["type"] == "Skipped":
            passed_by[place] = " ".join(filter(None, (node["phase"], node.get("message"))))
        elif _is_step(node):
            steps[place] = _step(node, nodes, argvs)
    return result | {
        "steps": dict(sorted(steps.items())),
        "passed by": dict(sorted(passed_by.items())),
    }


def _is_step(node: Node) -> bool:
    """One with attempts, or of a single one."""
    is_attempt = node.get("nodeFlag", {}).get("retried", False)
    return node["type"] == "Retry" or (node["type"] == "Pod" and not is_attempt)


def _step(node: Node, nodes: Mapping[str, Node], argvs: Mapping[str, list[str]]) -> Result:
    attempts = [node]
    if node["type"] == "Retry":
        attempts = [nodes[name] for name in node["children"]]
    last = attempts[-1]
    codes = [one.get("outputs", {}).get("exitCode") for one in attempts]
    step: Result = {
        "phase": node["phase"],
        "exit codes": [code if code is None else int(code) for code in codes],
        "argv": argvs.get(last["id"]),
    }
    if node["phase"] == "Succeeded":
        outputs = last.get("outputs", {}).get("parameters", [])
        step["outputs"] = {output["name"]: output["value"] for output in outputs}
    else:
        step["message"] = last.get("message", "")
    return step


def _place(node: Node, nodes: Mapping[str, Node]) -> str:
    boundary = node.get("boundaryID")
    if boundary is None:
        return ""
    above = _place(nodes[boundary], nodes)
    return f"{above}/{_name(node, nodes)}".lstrip("/")


def _name(node: Node, nodes: Mapping[str, Node]) -> str:
    found = ITEM.fullmatch(node["displayName"])
    if found is None:
        return str(node["displayName"])
    beside = [
        other["text"]
        for one in nodes.values()
        if one.get("boundaryID") == node["boundaryID"]
        and (other := ITEM.fullmatch(one["displayName"]))
        and other["task"] == found["task"]
    ]
    text = found["text"]
    is_name = Counter(beside)[text] == 1 and SAFE_LABEL.fullmatch(text) and not text.isdecimal()
    return f"{found['task']}/{text if is_name else found['number']}"
