"""While libraries are imported the collector stands still; what they bring it never visits."""

import gc

import pytest

from jobs.command.importing import importing


def test_what_is_imported_is_frozen_and_the_collector_works_again() -> None:
    try:
        with importing():
            assert not gc.isenabled()
            held = [[number] for number in range(1000)]
        assert gc.isenabled()
        assert gc.get_freeze_count() > len(held)
        assert not any(item is held for item in gc.get_objects())
    finally:
        gc.unfreeze()


def test_an_import_that_fails_leaves_the_collector_on() -> None:
    try:
        with pytest.raises(ModuleNotFoundError), importing():
            import jobs.no_such_module  # type: ignore[import-not-found]  # noqa: F401
        assert gc.isenabled()
    finally:
        gc.unfreeze()
