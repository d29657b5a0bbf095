"""What is known of a fleet's models before anything is fetched, and where it is known from.

Asked in this order: the store, where the model was imported already; its folder, of which only
headers and config.json are read; the hub's metadata; the fleet file; config.json; the name. What
stays unknown stays unknown for this model alone, and says why.
"""

from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

from jobs.artifacts.manifest import Manifest, find_manifest
from jobs.artifacts.reading import Artifact
from jobs.errors import BadInputError
from jobs.kinds.model import CONFIG, INDEX, SINGLE, parse_index
from jobs.kinds.promises import ImportedModel
from jobs.kinds.safetensors_header import read_header
from jobs.store.failures import OF_A_PERSON
from jobs.store.folder import is_folder
from jobs.store.prefix import Prefix
from jobs.strict_json import check_memory, parse
from jobs.words import listed, shown
from pipelines import layout
from pipelines.fleet.model import Fleet, Model
from pipelines.plan.hub import MAX_SECONDS, REPOSITORY, WEIGHTS, Asked, HubAnswer, ask_hub
from pipelines.plan.sizes import parameters_of_config, parameters_of_name

MAX_HEADER_MEMORY = 2**30
"""For the names and shapes of one file of weights."""
MAX_CONFIG_BYTES = 2**24
MAX_INDEX_BYTES = 2**28
THREADS = 16

KnownFrom = Literal["store", "folder", "hub", "fleet file", "config", "name"]


@dataclass(frozen=True)
class FleetModel:
    """One model of a fleet: an original, which is imported into the store."""

    family: str
    name: str
    """Within the family: base, instruct, or a derived or sibling model's."""
    source: str
    """A folder, or its id on the hub."""
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
    def is_folder(self) -> bool:
        return is_folder(self.source)


@dataclass(frozen=True)
class ModelFacts:
    """What is known of one model; None is unknown."""

    parameters: int | None = None
    known_from: KnownFrom | None = None
    """What told the number of parameters."""
    weight_bytes: int | None = None
    """Of its weights' files."""
    bytes_to_fetch: int | None = None
    """From the hub: nothing of what lies in the store or in a folder."""
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
    """Of the store or a folder; None where the hub is to be asked."""
    try:
        if store is not None and (manifest := find_manifest(_place(model, store))):
            return _of_store(model.uri(store), manifest)
    except BadInputError as error:  # altered, or of another version
        return ModelFacts(bytes_to_fetch=0, problem=str(error))
    if model.is_folder:
        return _of_folder(Path(model.source))
    if not REPOSITORY.fullmatch(model.source):
        problem = f"{shown(model.source)} is neither a folder nor a hub id (owner/name)"
        return ModelFacts(bytes_to_fetch=0, problem=problem)
    return None


def _place(model: FleetModel, store: str) -> Prefix:
    return Prefix(model.uri(store), OF_A_PERSON)


def _of_store(uri: str, manifest: Manifest) -> ModelFacts:
    weights = [file.bytes for file in manifest.files if file.path.endswith(".safetensors")]
    facts = ModelFacts(
        parameters=ImportedModel.told(manifest.statistics, uri).parameters,
        known_from="store",
        weight_bytes=sum(weights),
        bytes_to_fetch=0,
        manifest=manifest,
    )
    try:
        config = Artifact(Prefix(uri), manifest).read_json(CONFIG, MAX_CONFIG_BYTES)
    except BadInputError as error:
        return replace(facts, problem=str(error))
    return replace(facts, config=config if isinstance(config, dict) else None)


def _of_folder(folder: Path) -> ModelFacts:
    facts = ModelFacts(bytes_to_fetch=0)
    try:
        config = _read_json(folder / CONFIG, MAX_CONFIG_BYTES)
        facts = replace(facts, config=config if isinstance(config, dict) else None)
        files = _weights(folder)
        elements = sum(map(_count_elements, files))
        size = sum(file.stat().st_size for file in files)
    except BadInputError as error:
        return replace(facts, problem=str(error))
    except OSError as error:
        return replace(facts, problem=f"{error.filename} cannot be read: {error.strerror}")
    if not elements:
        return facts
    return replace(facts, parameters=elements, known_from="folder", weight_bytes=size)


def _weights(folder: Path) -> list[Path]:
    """The files that ingest would take. Raises BadInputError where one is missing."""
    names = {path.name for path in folder.glob(WEIGHTS) if path.is_file()}
    index = _read_json(folder / INDEX, MAX_INDEX_BYTES)
    if index is not None:
        named = set(parse_index(index, str(folder / INDEX)).values())
        if missing := sorted(named - names):
            raise BadInputError(
                f"{folder / INDEX} lists {listed(missing)}, which {folder} does not have; "
                "the download is not complete"
            )
        names = named
    elif SINGLE in names:
        names = {SINGLE}
    return [folder / name for name in sorted(names)]


def _read_json(file: Path, max_bytes: int) -> Any:
    """None where there is no such file."""
    if not file.is_file():
        return None
    check_memory(str(file), max_bytes, file.stat().st_size)
    return parse(file.read_bytes(), str(file), max_bytes, allow_nan=True)


def _count_elements(file: Path) -> int:
    """Elements of all tensors of a safetensors file, from its header alone."""
    with file.open("rb") as opened:

        def read(start: int, length: int) -> bytes:
            opened.seek(start)
            return opened.read(length)

        size = file.stat().st_size
        tensors = read_header(read, file.name, str(file), size, MAX_HEADER_MEMORY)
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
