"""What must be said with models that are handed on: notices, attribution, changes; as text. Pure."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from registry.licensing.catalog import Catalog

RULE = "=" * 72
# How a file or a person would put the relation of a model to the one that it was made from.
MADE_BY = {
    "finetune": "fine-tuned from",
    "adapter": "an adapter for",
    "quantized": "a quantized copy of",
    "merge": "a merge that contains",
    "distillation": "distilled from",
    "synthetic_outputs": "trained with outputs of",
}


@dataclass(frozen=True)
class Terms:
    """One licence that reaches a model, as an attribution names it."""

    id: str
    name: str
    publisher: str
    spdx: str | None


@dataclass(frozen=True)
class Notice:
    """Words that a licence demands, exactly; of `words` for a display, any one."""

    license: str
    obligation: str
    clause: str
    words: tuple[str, ...]


@dataclass(frozen=True)
class Origin:
    """A model that this one was made from."""

    relation: str
    model: str
    revision: str


@dataclass(frozen=True)
class Shared:
    """One model with everything that is said about it."""

    id: int
    model: str
    publisher: str
    purl: str
    manifest_digest: str
    licenses: tuple[Terms, ...]
    notices: tuple[Notice, ...]
    displays: tuple[Notice, ...]
    origins: tuple[Origin, ...]
    # Where the archive keeps each licence file, by its path in the snapshot.
    files: Mapping[str, str]
    # Licences of which no text was recognised in the snapshot.
    missing_texts: tuple[str, ...]

    def to_json(self) -> dict[str, Any]:
        """Return the model as the index of a pack lists it."""
        return {**asdict(self), "changes": changes(self)}


def terms_of(license_ids: Iterable[str], catalog: Catalog) -> tuple[Terms, ...]:
    """Return the licences as an attribution names them."""
    known = [(license_id, catalog.get(license_id)) for license_id in sorted(license_ids)]
    return tuple(Terms(license_id, found.name, found.publisher, found.spdx) for license_id, found in known)


def words_of(due: Sequence[Mapping[str, Any]], catalog: Catalog) -> tuple[list[Notice], list[Notice]]:
    """Return the notices and the displays that obligations demand, in the words of the records."""
    notices, displays = [], []
    for item in due:
        terms = catalog.get(str(item["license"]))
        for duty in terms.obligations:
            if duty.id == item["id"]:
                if duty.notice:
                    notices.append(Notice(terms.id, duty.id, duty.clause, (duty.notice,)))
                if duty.display:
                    displays.append(Notice(terms.id, duty.id, duty.clause, duty.display))
    return notices, displays


def attribution(shared: Shared) -> str:
    """Return the line that names model, publisher, version and licences."""
    names = " and ".join(f"{terms.name} ({terms.spdx or terms.id})" for terms in shared.licenses)
    return f"{shared.model} by {shared.publisher} ({shared.purl}), under {names or 'a licence that is not known'}."


def changes(shared: Shared) -> list[str]:
    """Return the statements that the model is not the original, one a model that it was made from."""
    return [
        f"{shared.model} is {MADE_BY.get(origin.relation, 'made from')} {origin.model}"
        f"{'@' + origin.revision if origin.revision else ''}; its files were changed and are not those of the original."
        for origin in shared.origins
    ]


def notice_file(models: Sequence[Shared]) -> str:
    """Return the text of a NOTICE file for the models together."""
    head = "NOTICE\n\nThis release contains models that others published. Their licences ask that the following be said.\n"
    return head + "".join(f"\n{RULE}\n{section(shared)}" for shared in models)


def section(shared: Shared) -> str:
    """Return what is said about one model."""
    parts = [attribution(shared)]
    parts += [words for notice in shared.notices for words in notice.words]
    parts += [_display(notice) for notice in shared.displays]
    parts += changes(shared)
    if shared.files:
        parts.append("Licence texts: " + ", ".join(sorted(shared.files.values())))
    if shared.missing_texts:
        parts.append(
            "Not among its files, and to be added: the text of " + ", ".join(shared.missing_texts) + "."
        )
    return "\n\n".join(parts) + "\n"


def _display(notice: Notice) -> str:
    return "To be shown with it: " + " or ".join(f'"{words}"' for words in notice.words)
