"""Several processes fail together: which of their exit codes is the job's."""

import pytest
from torch.distributed.elastic.multiprocessing.errors import ChildFailedError, ProcessFailure

from jobs.train.launch import cause


@pytest.mark.parametrize(
    ("codes", "expected"),
    [
        ([1, 75], 75), ([75, 1], 75), ([1, 64], 64), ([64, 75], 64), ([1, 1], 1), ([1, -9], 137),
        ([-6, 1], 134), ([143, 143], 143), ([143, 64], 64), ([64], 64),
    ],
)  # fmt: skip
def test_the_code_is_that_of_who_failed_by_itself(codes: list[int], expected: int) -> None:
    failures = {
        rank: ProcessFailure(local_rank=rank, pid=1, exitcode=code, error_file="none")
        for rank, code in enumerate(codes)
    }
    assert cause(ChildFailedError("train", failures)) == expected
