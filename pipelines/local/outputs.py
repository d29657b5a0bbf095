"""What a step must leave behind to have succeeded: its output parameters, a file each."""

from pathlib import Path

from jobs.command.running import ALREADY_DONE
from jobs.words import invisible, not_utf8
from pipelines.local.engine import Outcome, Step
from pipelines.local.regular import open_regular
from pipelines.local.tags import altered

MAX_OUTPUT_BYTES = 2**16
"""Of an output parameter; Argo keeps all of a workflow's in one object of the cluster."""


def ended_well(step: Step, folder: Path) -> Outcome:
    """Success, if every declared output is in `folder`."""
    outputs = {}
    for name in step.outputs:
        try:
            outputs[name] = _read_output(folder / name)
        except FileNotFoundError:
            return Outcome("Error", message=f"ended with 0 but did not write its output {name!r}")
        except (OSError, ValueError) as error:
            return Outcome(
                "Error", message=f"ended with 0 but its output {name!r} is none: {_said(error)}"
            )
    return Outcome("Succeeded", outputs=outputs, cached=(folder / ALREADY_DONE).is_file())


def _said(error: OSError | ValueError) -> str:
    if isinstance(error, UnicodeDecodeError):
        return not_utf8(error)
    return getattr(error, "strerror", None) or str(error)


def _read_output(file: Path) -> str:
    """Raises ValueError or OSError for what is no file of its own with one short line."""
    with open_regular(file) as opened:
        data = opened.read(MAX_OUTPUT_BYTES + 1)
    if len(data) > MAX_OUTPUT_BYTES:
        raise ValueError(f"it has more than {MAX_OUTPUT_BYTES} bytes")
    text = data.decode().removesuffix("\n")
    if unseen := invisible(text):
        raise ValueError(f"it holds {unseen!a}, expected one line of text")
    if found := altered(text):
        raise ValueError(f"it holds {found!a}, which a cluster does not hand on as it is")
    return text
