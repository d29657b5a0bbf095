"""What is known of a fleet's models before anything is fetched, and where it is known from.

Asked in this order: the store, where the model was imported already; its folder or bucket, of which
only headers and config.json are read; the hub's metadata; the fleet file; config.json; the name.
What stays unknown stays unknown for this model alone, and says why.
"""

from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from fnmatch import fnmatch
from typing import Any, Literal

from jobs.artifacts.manifest import Manifest, find_manifest
from jobs.artifacts.reading import Artifact
from jobs.errors import BadInputError, TransientError
from jobs.hub import REPOSITORY
from jobs.ingest.settings import IngestSettings
from jobs.kinds.model import CONFIG, INDEX, SINGLE, parse_index
from jobs.kinds.promises import ImportedModel
from jobs.kinds.safetensors_header import read_header
from jobs.store.failures import OF_A_GLANCE, OF_A_PERSON
from jobs.store.prefix import Prefix
from jobs.store.source import neither, place_of
from jobs.strict_json import check_memory, parse
from jobs.words import listed
from pipelines import layout
from pipelines.fleet.model import Fleet, Model
from pipelines.plan.folders import artifact_at
from pipelines.plan.hub import MAX_SECONDS, WEIGHTS, Asked, HubAnswer, ask_hub
from pipelines.plan.sizes import parameters_of_config, parameters_of_name

MAX_HEADER_MEMORY = 2**30
"""For the names and shapes of one file of weights."""
MAX_CONFIG_BYTES = 2**24
MAX_INDEX_BYTES = 2**28
THREADS = 16

KnownFrom = Literal["store", "folder", "bucket", "hub", "fleet file", "config", "name"]


@dataclass(frozen=True)
class FleetModel:
    """One model of a fleet: an original, which is imported into the store."""

    family: str
    name: str
    """Within the family: base, instruct, or a derived or sibling model's."""
    source: str
    """A folder, a URI, or its id on the hub."""
    revision: str | None
    parameters: int | None
    """As the fleet file says."""
    location: tuple[str | int, ...]
    """Where it stands in the fleet file."""

    @property
    def label(self) -> str:
        return f"{self.family}/{self.name}"

    def uri(self, store: str) -> str:
        """Where it lies in the store, or will."""
        return layout.model(store, self.family, self.name)

    @property
    def place(self) -> str | None:
        """The URI of the folder or bucket that it is taken from; None where it is of the hub."""
        return place_of(self.source)


@dataclass(frozen=True)
class ModelFacts:
    """What is known of one model; None is unknown."""

    parameters: int | None = None
    known_from: KnownFrom | None = None
    """What told the number of parameters."""
    weight_bytes: int | None = None
    """Of its weights' files."""
    bytes_to_fetch: int | None = None
    """From the hub or a bucket: nothing of what lies in the store or in a folder."""
    config: Mapping[str, Any] | None = None
    """config.json."""
    manifest: Manifest | None = None
    """The artifact's, where the store has it."""
    problem: str = ""
    """Why a run would fail, in one line: a file is cut, there is no such model, it is gated."""
    unanswered: str = ""
    """Why it is not known whether one would: no network, no answer in time."""


def fleet_models(fleet: Fleet) -> list[FleetModel]:
    """All originals in the order of the fleet file; base and instruct first, then the others."""
    return [
        FleetModel(
            fleet.families[number].name, name, model.source, model.revision, model.parameters,
            ("families", number, *location),
        )
        for number in range(len(fleet.families))
        for name, model, location in _originals(fleet, number)
    ]  # fmt: skip


def _originals(fleet: Fleet, number: int) -> Iterator[tuple[str, Model, tuple[str | int, ...]]]:
    family = fleet.families[number]
    yield "base", family.base, ("base",)
    yield "instruct", family.instruct, ("instruct",)
    for index, derived in enumerate(family.derived):
        yield derived.name, derived, ("derived", index)
    for index, sibling in enumerate(family.siblings):
        yield f"{sibling.name}-base", sibling.base, ("siblings", index, "base")
        yield f"{sibling.name}-instruct", sibling.instruct, ("siblings", index, "instruct")


def know_models(
    models: Sequence[FleetModel], store: str | None, max_hub_seconds: float = MAX_SECONDS
) -> dict[FleetModel, ModelFacts]:
    """The facts of each model. Reads no weights; the hub has `max_hub_seconds` for all together.

    Without a `store` none is asked.
    Raises TransientError where the store does not answer.
    """
    with ThreadPoolExecutor(THREADS) as pool:
        found = dict(
            zip(models, pool.map(lambda model: _at_hand(model, store), models), strict=True)
        )
    asked = [_asked(model) for model, facts in found.items() if facts is None]
    answers = ask_hub(asked, max_hub_seconds)
    return {
        model: _reckoned(model, facts or _of_hub(answers[_asked(model)]))
        for model, facts in found.items()
    }


def _asked(model: FleetModel) -> Asked:
    return model.source, model.revision


def _at_hand(model: FleetModel, store: str | None) -> ModelFacts | None:
    """Of the store, a folder or a bucket; None where the hub is to be asked."""
    try:
        imported = None if store is None else _of_store(model.uri(store))
    except BadInputError as error:  # altered, or of another version
        return ModelFacts(bytes_to_fetch=0, problem=str(error))
    if model.place is not None:
        found = _of_place(Prefix(model.place, OF_A_GLANCE), model.source)
        if imported is None:
            return found
        # Its files are read again by a run, to see whether they are still the same.
        problem = imported.problem or found.problem
        return replace(imported, problem=problem, unanswered=found.unanswered)
    if imported is None and not REPOSITORY.fullmatch(model.source):
        return ModelFacts(bytes_to_fetch=0, problem=neither(model.source))
    return imported


def _of_store(uri: str) -> ModelFacts | None:
    place = Prefix(uri, OF_A_PERSON)
    manifest = find_manifest(place)
    if manifest is None:
        return None
    weights = [file.bytes for file in manifest.files if file.path.endswith(".safetensors")]
    facts = ModelFacts(
        parameters=ImportedModel.told(manifest.statistics, uri).parameters,
        known_from="store",
        weight_bytes=sum(weights),
        bytes_to_fetch=0,
        manifest=manifest,
    )
    try:
        config = Artifact(place, manifest).read_json(CONFIG, MAX_CONFIG_BYTES)
    except BadInputError as error:
        return replace(facts, problem=str(error))
    return replace(facts, config=config if isinstance(config, dict) else None)


def _of_place(place: Prefix, source: str) -> ModelFacts:
    """Of a folder or bucket, as far as it tells; a bucket that does not answer tells nothing."""
    facts = ModelFacts()
    try:
        sizes, _ = place.inside()
        if artifact := artifact_at(place, sizes):
            place, sizes = artifact.place, {path: artifact.size(path) for path in artifact.paths}
        config = _read_json(place, CONFIG, sizes, MAX_CONFIG_BYTES)
        facts = replace(facts, config=config if isinstance(config, dict) else None)
        files = _weights(place, sizes)
        if elements := sum(_count_elements(place, file, sizes[file]) for file in files):
            facts = replace(
                facts,
                parameters=elements,
                known_from="bucket" if place.folder is None else "folder",
                weight_bytes=sum(sizes[file] for file in files),
            )
        IngestSettings.check_names(sizes, source)
    except BadInputError as error:
        facts = replace(facts, problem=str(error))
    except TransientError as error:
        facts = replace(facts, unanswered=str(error))
    return replace(facts, bytes_to_fetch=0 if place.folder else facts.weight_bytes)


def _weights(place: Prefix, sizes: Mapping[str, int]) -> list[str]:
    """The files that ingest would take. Raises BadInputError where one is missing."""
    names = {name for name in sizes if fnmatch(name, WEIGHTS)}
    index = _read_json(place, INDEX, sizes, MAX_INDEX_BYTES)
    if index is not None:
        where = f"{place.uri}/{INDEX}"
        named = set(parse_index(index, where).values())
        if missing := sorted(named - names):
            raise BadInputError(
                f"{where} lists {listed(missing)}, which {place.uri} does not have; "
                "the download is not complete"
            )
        names = named
    elif SINGLE in names:
        names = {SINGLE}
    return sorted(names)


def _read_json(place: Prefix, name: str, sizes: Mapping[str, int], max_bytes: int) -> Any:
    """None where there is no such file."""
    if name not in sizes:
        return None
    where = f"{place.uri}/{name}"
    check_memory(where, max_bytes, sizes[name])
    return parse(place.read(name), where, max_bytes, allow_nan=True)


def _count_elements(place: Prefix, file: str, size: int) -> int:
    """Elements of all tensors of a safetensors file, from its header alone."""

    def read(start: int, length: int) -> memoryview:
        return place.read_range(file, start, length)

    tensors = read_header(read, file, f"{place.uri}/{file}", size, MAX_HEADER_MEMORY)
    return sum(tensor.elements for tensor in tensors)


def _of_hub(answer: HubAnswer) -> ModelFacts:
    return ModelFacts(
        parameters=answer.parameters,
        known_from="hub" if answer.parameters else None,
        weight_bytes=answer.weight_bytes,
        bytes_to_fetch=answer.weight_bytes,
        config=answer.config,
        problem=answer.problem,
        unanswered=answer.unanswered,
    )


def _reckoned(model: FleetModel, facts: ModelFacts) -> ModelFacts:
    """With the number of parameters by what is less sure, where nothing counted them."""
    if facts.parameters is not None:
        return facts
    sources: tuple[tuple[KnownFrom, int | None], ...] = (
        ("fleet file", model.parameters),
        ("config", parameters_of_config(facts.config or {})),
        ("name", parameters_of_name(model.source)),
    )
    for known_from, number in sources:
        if number is not None:
            return replace(facts, parameters=number, known_from=known_from)
    return facts
