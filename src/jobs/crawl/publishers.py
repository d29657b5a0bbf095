"""Fundus's publishers: choosing them by name, and asking whether they allow training.

A publisher is known here by its place in Fundus's collection, as ``us.TheIntercept``.
"""

import contextlib
import json
import logging
from collections.abc import Iterable, Mapping, Set
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import asdict, dataclass
from http import HTTPStatus

from curl_cffi.curl import CURL_WRITEFUNC_ERROR
from curl_cffi.requests import Session
from curl_cffi.requests.exceptions import RequestException
from fundus import PublisherCollection
from fundus.publishers import Publisher
from pydantic import TypeAdapter, ValidationError

from jobs.artifacts.writing import ArtifactWriter
from jobs.crawl.beforehand import meant_by, why_unknown
from jobs.errors import BadInputError, TransientError
from jobs.libraries import cause
from jobs.records import MAX_RECORD_BYTES, first_problem
from jobs.store.failures import NotFoundError
from jobs.strict_json import parse
from jobs.words import shown

OPT_OUTS = "opt-outs.json"
NO_ROBOTS = range(400, 500)
REFUSED = (401, 403, 429)
TIMEOUT_SECONDS = 10
MAX_ROBOTS_BYTES = 512 * 2**10
MAX_WHY = 200
THREADS = 16

log = logging.getLogger("crawl")


@dataclass(frozen=True)
class OptOut:
    """What a publisher's robots file says of training: None where it could not be read."""

    allows_training: bool | None
    why: str


def all_publishers() -> dict[str, Publisher]:
    """Every publisher that Fundus knows, by id, sorted."""
    return {
        f"{country}.{publisher.__name__}": publisher
        for country, group in sorted(PublisherCollection.get_subgroup_mapping().items())
        for publisher in sorted(group, key=lambda item: item.__name__)
    }


def choose(names: Iterable[str]) -> dict[str, Publisher]:
    """The publishers meant by countries (us), names (us.TheIntercept, TheIntercept) or all."""
    everyone = all_publishers()
    meant = meant_by(everyone)
    chosen: set[str] = set()
    for name in names:
        if why := why_unknown(name, meant):
            raise BadInputError(f"--publishers {shown(name)} {why}")
        chosen |= meant[name]
    return {name: everyone[name] for name in sorted(chosen)}


def check_opt_outs(publishers: Mapping[str, Publisher]) -> dict[str, OptOut]:
    """Reads every publisher's robots file, at most `THREADS` at a time.

    Raises TransientError where most of them cannot be read, at the latest after the first
    `THREADS` have timed out: that is no network, and must not pass for consent.
    """
    found: dict[str, OptOut] = {}
    with ThreadPoolExecutor(THREADS) as pool:
        asked = {pool.submit(read_opt_out, item): name for name, item in publishers.items()}
        for future in as_completed(asked):
            found[asked[future]] = future.result()
            unread = sum(item.allows_training is None for item in found.values())
            if len(found) == unread >= THREADS or 2 * unread > len(publishers):
                pool.shutdown(cancel_futures=True)
                raise TransientError(
                    f"the robots files of {unread} of {len(publishers)} publishers cannot be read "
                    f"({found[asked[future]].why}), so their opt-out from training is unknown; "
                    "where there is no network, set --check-training-opt-out false"
                )
    return dict(sorted(found.items()))


def agreed_opt_outs(out: ArtifactWriter, publishers: Mapping[str, Publisher]) -> dict[str, OptOut]:
    """The opt-outs that one crawl goes by: those of an earlier attempt, so that its parts fit."""
    found = _left_opt_outs(out, publishers.keys()) or check_opt_outs(publishers)
    said = {name: asdict(opt_out) for name, opt_out in found.items()}
    out.write_scaffolding(OPT_OUTS, json.dumps(said, indent=2).encode())
    return found


def _left_opt_outs(out: ArtifactWriter, names: Set[str]) -> dict[str, OptOut] | None:
    for place in out.left(OPT_OUTS):
        with contextlib.suppress(NotFoundError):
            found = _read_opt_outs(
                place.read(OPT_OUTS, MAX_RECORD_BYTES), f"{place.uri}/{OPT_OUTS}"
            )
            if found.keys() == names:
                return found
    return None


def _read_opt_outs(data: bytes, where: str) -> dict[str, OptOut]:
    found = parse(data, where, MAX_RECORD_BYTES)
    try:
        return TypeAdapter(dict[str, OptOut]).validate_python(found)
    except ValidationError as error:
        raise BadInputError(
            f"{where} holds no opt-outs: {first_problem(error)}; delete it"
        ) from error


def read_opt_out(publisher: Publisher) -> OptOut:
    """What one publisher says, by Fundus's rule (its own flag, or words in the robots file).

    Not Fundus's own reading, which takes a time-out or an error of the server for consent, and
    unpacks a file of any size. A file that cannot be read whole or understood is no consent.
    """
    robots = publisher.robots
    try:
        status, text = _fetched(publisher)
        if status in NO_ROBOTS and status not in REFUSED:
            return OptOut(True, f"no robots file ({status})")
        if status != HTTPStatus.OK:
            return OptOut(None, f"{robots.url} answered {status}")
        if len(text) > MAX_ROBOTS_BYTES:
            return OptOut(None, f"{robots.url} is longer than {MAX_ROBOTS_BYTES} bytes")
        lines = text.decode("utf-8-sig", "replace").splitlines()
        # Only these tell of training; what may be fetched, which takes long to parse, is not asked.
        robots.robots_file_parser.parse([line for line in lines if line.strip().startswith("#")])
    except RequestException as error:
        return OptOut(None, f"{robots.url}: {str(error).split('. See ')[0][:MAX_WHY]}")
    except Exception as error:
        log.debug("unexpected robots=%s", robots.url, exc_info=True)
        return OptOut(None, f"{robots.url}: {cause(error)}")
    robots.ready = True
    if publisher.disallows_training:
        return OptOut(False, "robots file disallows training")
    return OptOut(True, "robots file allows training")


def _fetched(publisher: Publisher) -> tuple[int, bytes]:
    """Status and text of a robots file, unpacked no further than past `MAX_ROBOTS_BYTES`.

    The time-out is for all of it, redirects too. Raises RequestException.
    """
    text = bytearray()

    def keep(piece: bytes) -> int:
        text.extend(piece)
        return len(piece) if len(text) <= MAX_ROBOTS_BYTES else CURL_WRITEFUNC_ERROR

    headers = None if publisher.impersonate else publisher.request_header
    with Session(timeout=TIMEOUT_SECONDS, impersonate=publisher.impersonate) as session:
        try:
            response = session.get(publisher.robots.url, headers=headers, content_callback=keep)
        except RequestException as error:
            if len(text) <= MAX_ROBOTS_BYTES or error.response is None:
                raise
            response = error.response
    return int(response.status_code), bytes(text)
