"""The opt-outs that an earlier attempt left, as a stranger may have altered them."""

from pathlib import Path

import pytest

from jobs.artifacts.manifest import Work
from jobs.artifacts.writing import ArtifactWriter
from jobs.crawl.publishers import OPT_OUTS, agreed_opt_outs
from jobs.errors import BadInputError
from jobs.store.prefix import Prefix


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ('{"us.A": {"allows_training": true, "why": ""}, "us.A": 1}', "'us.A' stands twice"),
        ('{"us.A": {"allows_training": false, "allows_training": true, "why": ""}}', "twice"),
        (
            '{"us.A": {"allows_training": "perhaps", "why": ""}}',
            "us.A.allows_training: expected true or false",
        ),
        ('{"us.A": {"allows_training": NaN, "why": ""}}', "NaN is no value"),
        ('{"us.A": {"allows_training": true}}', "us.A.why: is missing"),
        ('["us.A"]', "holds no opt-outs: expected a"),
        ("[" * 10**5, "nests too deep"),
        ("", "is not JSON"),
    ],
)
def test_refused_in_one_line(tmp_path: Path, text: str, says: str) -> None:
    Prefix(tmp_path / "attempt-0123456789ab").write(OPT_OUTS, text.encode())
    work = Work(kind="articles", producer="crawl 2", settings={}, inputs={})
    with pytest.raises(BadInputError) as caught:
        agreed_opt_outs(ArtifactWriter(Prefix(tmp_path), work, {}), {})
    assert says in str(caught.value)
    assert str(caught.value).isprintable()
