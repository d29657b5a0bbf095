"""The suites a model is judged by: which tasks, and which numbers of each."""

from jobs.suites.loading import load_suite
from jobs.suites.suite import Column, Suite, Task

__all__ = ["Column", "Suite", "Task", "load_suite"]
