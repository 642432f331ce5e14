"""C14: chat templates wherever they come from, held against each other and against the ancestors'."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from registry.formats import gguf_header
from registry.lifecycle import Outcome, Severity
from registry.verification import templates
from tests import folders, subjects
from tests.corpus import templates as corpus

CHECK = "C14-chat-template"
EVIL = "{{ messages['__class__'] }}"
PLAIN = "{{ messages[0]['content'] | trim }}"


def config(template: object) -> bytes:
    return json.dumps({"chat_template": template}).encode()


@pytest.mark.parametrize(
    ("path", "content"),
    [
        ("chat_template.jinja", EVIL.encode()),
        ("additional_chat_templates/tool_use.jinja", EVIL.encode()),
        ("chat_template.json", config(EVIL)),
        ("tokenizer_config.json", config(EVIL)),
        (
            "tokenizer_config.json",
            config([{"name": "default", "template": PLAIN}, {"name": "rag", "template": EVIL}]),
        ),
        ("tokenizer_config.json", config({"default": PLAIN, "rag": EVIL})),
        ("tokenizer_config.json", config(EVIL).replace(b"chat_template", b"chat\\u005ftemplate")),
        ("processor_config.json", config(EVIL)),
        ("deep/er/any.json", json.dumps([{"x": {"chat_template": EVIL}}]).encode()),
        ("template", b"{{ call .Messages }}"),
    ],
)
def test_a_hostile_template_is_found_wherever_it_is(path: str, content: bytes) -> None:
    found = subjects.outcomes(CHECK, subjects.subject(folders.model_files() | {path: content}))

    assert (found[path].finding.outcome, found[path].severity) == (Outcome.FAIL, Severity.HIGH)
    assert "" not in found


def test_a_template_that_would_run_code_is_critical_and_names_the_line() -> None:
    given = subjects.subject({"chat_template.jinja": b"Hello\n{{ cycler.__init__.__globals__ }}"})
    found = subjects.outcomes(CHECK, given)["chat_template.jinja"]

    assert found.severity is Severity.CRITICAL
    assert "reaches for the internal attribute" in found.finding.message
    assert {sign["line"] for sign in found.finding.evidence["signs"]} == {2}


def header(**templates: str) -> gguf_header.Header:
    """The header of a GGUF file with these chat templates."""
    return gguf_header.Header(values={f"tokenizer.{key}": value for key, value in templates.items()}, **GGUF)


GGUF = {
    field: () if field == "tensors" else 0
    for field in gguf_header.Header.__dataclass_fields__
    if field != "values"
}


def test_a_template_in_the_metadata_of_weights_is_found() -> None:
    given = subjects.subject({"model.gguf": b"GGUF"})
    given.__dict__["ggufs"] = {"model.gguf": header(chat_template=PLAIN, **{"chat_template.rag": EVIL})}

    found = subjects.outcomes(CHECK, given)["model.gguf"]

    assert found.severity is Severity.HIGH


def test_weights_whose_header_cannot_be_read_are_undecided() -> None:
    assert subjects.verdict(CHECK, subjects.subject({"model.gguf": b"GGUF"})) == "error"


@pytest.mark.parametrize("name", corpus.GOOD)
def test_ordinary_templates_pass_and_their_own_words_are_shown(name: str) -> None:
    given = subjects.subject({"tokenizer_config.json": config(corpus.GOOD[name])})

    assert subjects.verdict(CHECK, given) == "pass"


def test_a_default_system_prompt_is_shown_and_no_alarm() -> None:
    given = subjects.subject({"tokenizer_config.json": config(corpus.GOOD["qwen 2.5 with tools"])})
    found = subjects.outcomes(CHECK, given)[""]

    assert "such as a default system prompt" in found.finding.message
    assert "helpful assistant" in found.finding.evidence["own_words"]["tokenizer_config.json"]


@pytest.mark.parametrize("source", corpus.BROKEN, ids=range(len(corpus.BROKEN)))
def test_what_cannot_be_parsed_is_undecided(source: str) -> None:
    assert subjects.verdict(CHECK, subjects.subject({"tokenizer_config.json": config(source)})) == "error"


@pytest.mark.parametrize(
    "files", [{"chat_template.jinja": b"\xff"}, {"tokenizer_config.json": b"{"}, {"template": b"{{ if .A }}"}]
)
def test_what_cannot_be_read_is_undecided(files: dict[str, bytes]) -> None:
    assert subjects.verdict(CHECK, subjects.subject(files)) == "error"


def test_a_file_of_which_only_the_beginning_was_kept_is_undecided() -> None:
    given = subjects.cut(subjects.subject({"tokenizer_config.json": config(PLAIN)}), "tokenizer_config.json")

    assert subjects.verdict(CHECK, given) == "error"


def test_a_hostile_template_beside_one_that_cannot_be_read_is_told() -> None:
    given = subjects.subject(
        {"tokenizer_config.json": config([{"name": "a", "template": "{{"}, {"name": "b", "template": EVIL}])}
    )

    assert subjects.verdict(CHECK, given) == "fail:high"


def test_more_templates_than_are_read_are_undecided() -> None:
    given = subjects.subject({"tokenizer_config.json": config([PLAIN] * 300)})

    assert subjects.verdict(CHECK, given) == "error"


BASE = subjects.base("acme/base", {"tokenizer_config.json": config(PLAIN)}, "finetune")


def test_the_template_of_the_base_is_no_matter() -> None:
    given = subjects.subject({"chat_template.jinja": f"{PLAIN}\n".encode()}, bases=(BASE,))

    assert subjects.verdict(CHECK, given) == "pass"


def test_another_template_than_the_bases_is_told_with_the_difference() -> None:
    given = subjects.subject({"chat_template.jinja": (PLAIN + "{{ 'Be brief.' }}").encode()}, bases=(BASE,))
    found = subjects.outcomes(CHECK, given)

    item = found["chat_template.jinja"]
    assert (item.finding.outcome, item.severity) == (Outcome.FAIL, Severity.LOW)
    assert "acme/base" in item.finding.message
    assert "+{{ 'Be brief.' }}" in item.finding.evidence["difference"]
    assert found[""].finding.outcome is Outcome.PASS


def test_two_places_with_different_templates_are_told() -> None:
    files = {"chat_template.jinja": b"{{ messages[0].content }}", "tokenizer_config.json": config(PLAIN)}
    found = subjects.outcomes(CHECK, subjects.subject(files))

    assert found["tokenizer_config.json"].severity is Severity.LOW
    assert "newer loaders read instead" in found["tokenizer_config.json"].finding.message


def test_a_difference_is_bounded() -> None:
    found = templates.difference("\n".join(f"{place}" * 500 for place in range(5000)), "a\n" * 100_000)

    assert len(found) == templates.MAX_DIFF
    assert max(map(len, found)) == templates.MAX_WIDTH


@given(st.recursive(st.text(max_size=30) | st.none(), lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["template", "name", "x"]), inner, max_size=3), max_leaves=8), st.text(max_size=40), st.text(max_size=40))  # fmt: skip
def test_anything_in_place_of_a_template_gives_findings(value: object, jinja: str, go: str) -> None:
    texts = [text.encode("utf-8", "replace") for text in (jinja, go)]
    files = {"tokenizer_config.json": config(value), "chat_template.jinja": texts[0], "template": texts[1]}

    found = subjects.outcomes(CHECK, subjects.subject(files, bases=(BASE,)))

    assert found
    assert not [item for item in found.values() if "broke down" in item.finding.message]
