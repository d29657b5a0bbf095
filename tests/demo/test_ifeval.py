"""lm-eval's own checkers accept every answer of the sample, and no answer by accident."""

from collections.abc import Iterator
from typing import Any

import pytest

from demo.sample.instructions import Exercise, exercises

pytest.importorskip("lm_eval")
pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")


@pytest.fixture(scope="module")
def ifeval(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """lm-eval's IFEval, which downloads NLTK's sentence model unless a folder of its name is found.

    None of the sample's instructions uses that model.
    """
    import langdetect
    import nltk

    folder = tmp_path_factory.mktemp("nltk")
    (folder / "tokenizers/punkt_tab").mkdir(parents=True)
    patch = pytest.MonkeyPatch()
    patch.setattr(nltk.data, "path", [str(folder)])
    patch.setattr(langdetect.DetectorFactory, "seed", 0)
    from lm_eval.tasks.ifeval import utils

    yield utils
    patch.undo()


def test_answers_follow_their_instructions(ifeval: Any) -> None:
    assert [e for e in all_exercises() if not all(followed(ifeval, e, e.answer))] == []


def test_news_do_not_follow_them(ifeval: Any) -> None:
    text = (
        "On Sunday, a strong wind broke six roofs in Tolmere.\n\n"
        '"We will build it again," said Karl.'
    )
    assert not any(any(followed(ifeval, exercise, text)) for exercise in exercises()[1])


def all_exercises() -> list[Exercise]:
    to_tune, to_score = exercises()
    return to_tune + to_score


def followed(ifeval: Any, exercise: Exercise, answer: str) -> list[bool]:
    """Strictly, for each instruction, by the code that scores the task."""
    scored = ifeval.process_results(exercise.ifeval(key=1), [answer])
    return list(scored["inst_level_strict_acc"])
