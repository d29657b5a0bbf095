"""The demo's family is made anew where another version of the project has made it."""

from pathlib import Path

import pytest

from demo import family
from demo.children import Children


@pytest.mark.parametrize("recipe", [None, family.RECIPE, "another"])
def test_what_another_version_made_is_deleted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, recipe: str | None
) -> None:
    class StoppedAtOnceError(Exception):
        pass

    def stop(*_: object) -> None:
        raise StoppedAtOnceError

    monkeypatch.setattr(family, "Steps", stop)
    (tmp_path / "base").mkdir()
    (tmp_path / family.MADE_FILE).touch()
    if recipe:
        (tmp_path / family.RECIPE_FILE).write_text(recipe)
    is_ours = recipe == family.RECIPE
    assert family.is_made(tmp_path) == is_ours
    with pytest.raises(StoppedAtOnceError):
        family.make_family(tmp_path, "unused", Children())
    assert (tmp_path / "base").exists() == is_ours
    assert family.is_made(tmp_path) == is_ours
