"""A round: a job begun at an empty place, killed as drawn, and begun again until it ends well."""

import statistics
import time
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath
from random import Random

from benchmarks.kills.attempt import Attempt
from benchmarks.kills.check import Found, appeared, find_artifact, find_releases
from benchmarks.kills.draws import Kill, Way, draw
from benchmarks.kills.fleet import Place
from jobs.command.running import ALREADY_DONE
from jobs.errors import EXIT_DONE, EXIT_STOPPED, EXIT_TRANSIENT
from jobs.store.prefix import Prefix

UNDISTURBED = 3
MOST_ATTEMPTS = 5
"""After the kills; each but the last may end with 75 or 143."""
MOST_DRAWS = 20
"""Of moments, until one comes before the job's end."""
UNDISTURBED_PATIENCE_SECONDS = 600.0
SLOWER, SLACK_SECONDS = 10.0, 60.0
"""What takes longer than this many times the undisturbed seconds, and this many more, hangs."""
LOOK_SECONDS = {True: 0.002, False: 0.02}
"""Between two looks for the first write: on a folder, and on S3."""


class WrongError(Exception):
    """What is wrong with a round."""


class MissedError(Exception):
    """The job ended before it could be killed."""


@dataclass(frozen=True)
class Undisturbed:
    """What the job takes and makes when nobody kills it."""

    seconds: float
    writing_seconds: float
    """Of these, from the first write to the end."""
    identity: object
    outputs: dict[str, str]


@dataclass(frozen=True)
class Round:
    """What became of it."""

    kills: list[Kill]
    attempts: int
    """All that were begun, killed or not."""
    num_left: int
    """Kills after which something lay in the store."""
    wrong: str = ""


class Subject:
    """One job on one store. Its places in the store are cleared; logs lie below `scratch`."""

    def __init__(self, place: Place, scratch: Path) -> None:
        self.place, self._scratch = place, scratch
        self._kills = f"{place.store}/kills"
        self._begun = 0
        self._look_seconds = LOOK_SECONDS[Prefix(place.store).folder is not None]
        self.undisturbed = self._measure()

    def rounds(self, seed: str, number: int) -> Iterator[Round]:
        """Rounds with `number` kills in all, drawn from `seed`."""
        random = Random(seed)
        for kills in draw(random, number):
            yield self.round(kills, Random(f"{seed} {kills}"))

    def round(self, kills: list[Kill], random: Random) -> Round:
        """One round; where a kill comes too late, it is begun anew with other moments.

        The last half of these do not wait for the first write: some jobs write in an instant.
        """
        for number in range(MOST_DRAWS):
            uri, begun, num_left = self._new_place(), self._begun, 0
            try:
                for kill in kills:
                    self._kill(uri, kill)
                    num_left += bool(appeared(uri))
                if kills[-1].way is not Way.TWO or not self._two_writers(uri):
                    self._until_done(uri)
            except MissedError:
                early = number >= MOST_DRAWS // 2
                kills = [
                    replace(kill, writing=kill.writing and not early, fraction=random.random())
                    for kill in kills
                ]
            except WrongError as error:
                return Round(kills, self._begun - begun, num_left, str(error))
            else:
                return Round(kills, self._begun - begun, num_left)
            finally:
                Prefix(self._kills).clear(PurePosixPath(uri).name)
        return Round(kills, 0, 0, f"it ended before each of {MOST_DRAWS} kills")

    def _measure(self) -> Undisturbed:
        """Raises WrongError where the job fails, or makes something else each time."""
        seconds, writing, results = [], [], []
        for _ in range(UNDISTURBED):
            uri = self._new_place()
            with self._begin(uri) as attempt:
                self._wait_for_write(uri, attempt, frozenset())
                wrote = time.monotonic()
                code = attempt.wait(UNDISTURBED_PATIENCE_SECONDS)
                ended = time.monotonic()
            if code != EXIT_DONE:
                raise WrongError(f"undisturbed it ended with {code}\n{attempt.last_words()}")
            results.append((self._find(uri), _outputs(attempt, uri)))
            seconds.append(ended - attempt.started)
            writing.append(ended - wrote)
            Prefix(self._kills).clear(PurePosixPath(uri).name)
        found, outputs = results[0]
        if found.wrong or results != [results[0]] * UNDISTURBED:
            raise WrongError(f"undisturbed it made: {results}")
        return Undisturbed(
            statistics.median(seconds), statistics.median(writing), found.identity, outputs
        )

    def _kill(self, uri: str, kill: Kill) -> None:
        """One attempt, killed. Raises MissedError where it ended before."""
        before = appeared(uri)
        with self._begin(uri) as attempt:
            seconds = self.undisturbed.seconds
            if kill.writing:
                self._wait_for_write(uri, attempt, before)
                seconds = self.undisturbed.writing_seconds
            code = attempt.wait(kill.fraction * seconds)
            if code is None and kill.way is Way.TERM:
                code = attempt.terminate(self.place.step.grace_seconds)
                if code not in (EXIT_STOPPED, EXIT_DONE):
                    raise WrongError(f"SIGTERM: ended with {code}\n{attempt.last_words()}")
                return
        if code is not None or attempt.code == EXIT_DONE:
            if attempt.code != EXIT_DONE:
                raise WrongError(f"ended with {code} by itself\n{attempt.last_words()}")
            raise MissedError

    def _two_writers(self, uri: str) -> bool:
        """Whether both ended with 0. Raises WrongError unless one did, and the other so or with 75.

        Nobody comes after them: what they leave is as it must be.
        """
        with ExitStack() as stack:
            attempts = [stack.enter_context(self._begin(uri)) for _ in range(2)]
            codes = [attempt.wait(self._patience) for attempt in attempts]
        if EXIT_DONE not in codes or not {EXIT_DONE, EXIT_TRANSIENT}.issuperset(codes):
            words = "\n\n".join(attempt.last_words() for attempt in attempts)
            raise WrongError(f"two writers ended with {codes}\n{words}")
        if EXIT_TRANSIENT in codes:
            return False
        for attempt in attempts:
            self._check(uri, attempt)
        return True

    def _until_done(self, uri: str) -> None:
        """Begins attempts until one ends with 0. Raises WrongError unless the result is right."""
        for _ in range(MOST_ATTEMPTS):
            with self._begin(uri) as attempt:
                code = attempt.wait(self._patience)
            if code not in (EXIT_TRANSIENT, EXIT_STOPPED):
                break
        if code != EXIT_DONE:
            raise WrongError(f"begun again it ended with {code}\n{attempt.last_words()}")
        self._check(uri, attempt)

    def _check(self, uri: str, attempt: Attempt) -> None:
        """Raises WrongError unless all is as it is undisturbed, and nothing else there."""
        found, outputs = self._find(uri), _outputs(attempt, uri)
        wrong = list(found.wrong)
        for what, got, expected in (
            ("result", found.identity, self.undisturbed.identity),
            ("outputs", outputs, self.undisturbed.outputs),
        ):
            if got != expected:
                wrong.append(f"other {what}: {got}, undisturbed {expected}")
        if wrong:
            raise WrongError("\n".join([*wrong, attempt.last_words()]))

    def _begin(self, uri: str) -> Attempt:
        self._begun += 1
        name = f"{self.place.job}-{self._begun}"
        return Attempt(self.place.at(uri), self._scratch / name)

    def _new_place(self) -> str:
        return f"{self._kills}/{self.place.job}-{self._begun}"

    def _find(self, uri: str) -> Found:
        return (find_releases if self.place.job == "promote" else find_artifact)(uri)

    def _wait_for_write(self, uri: str, attempt: Attempt, before: frozenset[str]) -> None:
        """Until something new appears, or the attempt ends."""
        while appeared(uri) == before and attempt.wait(0) is None:
            time.sleep(self._look_seconds)

    @property
    def _patience(self) -> float:
        return SLOWER * self.undisturbed.seconds + SLACK_SECONDS


def _outputs(attempt: Attempt, uri: str) -> dict[str, str]:
    """Output parameters, without the place; whether it was there already is not compared."""
    found = attempt.outputs()
    return {name: found[name].replace(uri, "…") for name in found if name != ALREADY_DONE}
