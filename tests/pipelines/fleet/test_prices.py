"""Keys of a fleet file that only the plan reads: prices, and how many parameters a model has."""

import pytest

from jobs.errors import BadInputError
from pipelines.fleet.reading import read_fleet
from tests.pipelines.conftest import WriteFleet

PRICES = "prices: {currency: EUR, gpu: 2.5, cpu: 0}\nfamilies:"


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ("EUR", "euro", "prices.currency: expected three capital letters such as EUR, got 'euro'"),
        ("EUR", "€", "prices.currency: expected three capital letters such as EUR, got '\\u20ac'"),
        ("gpu: 2.5", "gpu: -1", "prices.gpu: expected at least 0, got -1"),
        ("gpu: 2.5", "gpu: '2,50'", "prices.gpu: expected a number, got '2,50'"),
        ("gpu: 2.5", "gpu: 1e9", "prices.gpu: expected at most 1000000, got '1e9'"),
        ("gpu: 2.5", "gpu: .inf", "no decimal number"),
        ("gpu: 2.5", "gpus: 2.5", "prices.gpus: unknown field; did you mean gpu?"),
        ("gpu: 2.5, ", "", "prices: lacks gpu"),
        ("{currency: EUR, gpu: 2.5, cpu: 0}", "2.5", "prices: expected a mapping"),
    ],
)
def test_wrong_prices(write_fleet: WriteFleet, old: str, new: str, says: str) -> None:
    path = write_fleet("families:", PRICES.replace(old, new))
    with pytest.raises(BadInputError) as caught:
        read_fleet(path)
    assert says in str(caught.value)


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ("8X", "expected a count such as 4096, 100M, 1B or 2GiB, got '8X'"),
        ("0", "expected at least 1, got 0"),
        (".5B", "expected a count"), ("８B", "expected a count"),
        ("99999T", "expected at most 100000000000000, got '99999T'"),
        ("[8B]", "expected a count such as 4096 or 100M, got a list of 1"),
    ],
)  # fmt: skip
def test_wrong_parameters(write_fleet: WriteFleet, given: str, says: str) -> None:
    path = write_fleet("from: owner/nano-8B}", f"from: owner/nano-8B, parameters: {given}}}")
    with pytest.raises(BadInputError) as caught:
        read_fleet(path)
    assert f"families[1].base.parameters: {says}" in str(caught.value)


def test_what_is_given(write_fleet: WriteFleet) -> None:
    path = write_fleet("families:", PRICES)
    path.write_text(path.read_text().replace("owner/nano-8B}", "owner/nano, parameters: 8.5B}"))
    fleet = read_fleet(path)
    assert fleet.prices is not None
    assert (fleet.prices.currency, fleet.prices.gpu, fleet.prices.cpu) == ("EUR", 2.5, 0)
    assert fleet.families[1].base.parameters == 8_500_000_000
    assert read_fleet(write_fleet()).prices is None
