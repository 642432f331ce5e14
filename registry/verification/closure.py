"""Whether what an adapter is loaded onto needs code: then the adapter needs it too. Pure."""

from collections.abc import Callable, Iterator, Mapping

from registry.verification.checkpoints import ADAPTER_CONFIG
from registry.verification.outcomes import Finding, failed, undecided
from registry.verification.subject import Base, NotReadable, Seen, Subject, json_of

ADAPTER = "adapter"
# Whether a model of these files needs code: a failure, an undecided finding, or None where it needs none.
NeedsCode = Callable[[list[Seen]], Finding | None]


def adapters(subject: Subject, needs_code: NeedsCode) -> Iterator[Finding]:
    """An adapter needs what its base needs; a finetune, a merge and a quantised copy stand for themselves."""
    named = _named(subject)
    if named is None:
        return
    path = ADAPTER_CONFIG if ADAPTER_CONFIG in subject.seen else "README.md"
    if not named:
        words = (
            "The model is an adapter and does not say of which model: whether it needs code cannot be said."
        )
        yield undecided(words, path=path)
        return
    bases = {base.model.casefold(): base for base in subject.bases}
    found = [_of_base(name, bases.get(name.casefold()), path, needs_code) for name in named]
    # One finding a file: a reason counts for more than a doubt.
    told = sorted((item for item in found if item is not None), key=lambda item: item.outcome == "error")
    yield from told[:1]


def _named(subject: Subject) -> list[str] | None:
    """The models that this one is loaded onto; None where it is no adapter."""
    named = [item.model for item in subject.lineage if item.relation == ADAPTER]
    file = subject.seen.get(ADAPTER_CONFIG)
    if file is None:
        return named or None
    try:
        value = json_of(file)
    except NotReadable:
        return named
    own = value.get("base_model_name_or_path") if isinstance(value, Mapping) else None
    return list(dict.fromkeys([*named, *([own] if isinstance(own, str) and own else [])]))


def _of_base(name: str, base: Base | None, path: str, needs_code: NeedsCode) -> Finding | None:
    shown = name[:200]
    if base is None:
        words = (
            f"The model is an adapter of {shown}, which is not registered here: whether that needs code cannot be said. "
            "Register and verify it first."
        )
        return undecided(words, path=path, base=shown)
    files = sorted(base.seen.values(), key=lambda file: file.path)
    if not files:
        return undecided(
            f"The files of {shown}, which the adapter is loaded onto, cannot be read.", path=path, base=shown
        )
    if ADAPTER_CONFIG in base.seen:
        words = f"{shown}, which the adapter is loaded onto, is an adapter itself: whether its own base needs code was not looked at."
        return undecided(words, path=path, base=shown)
    reason = needs_code(files)
    if reason is None:
        return None
    words = f"The adapter is loaded onto {shown}, which needs code of its own. {reason.message}"
    if reason.outcome == "error":
        words = (
            f"Whether {shown}, which the adapter is loaded onto, needs code cannot be said. {reason.message}"
        )
        return undecided(words, path=path, base=shown, base_path=reason.path)
    return failed(words, path=path, base=shown, base_path=reason.path)
