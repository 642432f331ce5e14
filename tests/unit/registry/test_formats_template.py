"""Chat templates, read and never rendered: good ones give no sign, hostile ones the right one."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from registry.formats import go_template, template, template_cost, template_words
from registry.formats.sign import Level, Sign
from tests.corpus import templates as corpus


def signs(source: str) -> list[Sign]:
    tree = template.parse(source)
    return [*template.reach(tree), *template_cost.cost(tree), *template_words.words(tree, source)]


@pytest.mark.parametrize("name", corpus.GOOD)
def test_an_ordinary_template_gives_no_sign(name: str) -> None:
    assert signs(corpus.GOOD[name]) == []


@pytest.mark.parametrize("case", corpus.HOSTILE, ids=lambda case: case.name)
def test_a_hostile_template_gives_the_sign_of_what_it_does(case: corpus.Hostile) -> None:
    found = [sign for sign in signs(case.text) if sign.kind == case.kind]

    assert found
    assert max(sign.level for sign in found) >= Level.WARNING
    assert (max(sign.level for sign in signs(case.text)) is Level.ATTACK) == case.is_critical


@pytest.mark.parametrize("source", corpus.BROKEN, ids=range(len(corpus.BROKEN)))
def test_what_cannot_be_parsed_is_not_judged(source: str) -> None:
    with pytest.raises(template.BadTemplate):
        signs(source)


@pytest.mark.parametrize("name", corpus.GOOD_GO)
def test_an_ordinary_template_of_ollama_gives_no_sign(name: str) -> None:
    assert go_template.signs(corpus.GOOD_GO[name]) == []


@pytest.mark.parametrize("name", corpus.HOSTILE_GO)
def test_a_hostile_template_of_ollama_gives_the_sign_of_what_it_does(name: str) -> None:
    text, kind = corpus.HOSTILE_GO[name]

    assert kind in {sign.kind for sign in go_template.signs(text)}


@pytest.mark.parametrize("source", ["{{ if .A }}", "{{ .A", "x" * 300_000, "{{ . }}" * 20_001])
def test_what_is_no_template_of_ollama_is_not_judged(source: str) -> None:
    with pytest.raises(go_template.BadGoTemplate):
        go_template.signs(source)


def test_words_of_its_own_are_told() -> None:
    tree = template.parse(
        "{{ '<|im_start|>' }}You are a helpful model.{% if x == 'not said at all' %}{% endif %}{{ '[INST]' }}"
    )

    assert template_words.sentences(tree) == "You are a helpful model."
    assert "You may call functions" in template_words.sentences(
        template.parse(corpus.GOOD["qwen 2.5 with tools"])
    )


TEXTS = st.one_of(
    st.text(alphabet="{}%| '_.()[]abcx0~-#+*", max_size=80),
    st.text(max_size=60),
    st.lists(
        st.sampled_from(
            ["{% for m in messages %}", "{% endfor %}", "{{ m.content }}", "{% if 'x y z' in m.content %}", "{% endif %}", "{% macro a(b) %}",
             "{% endmacro %}", "{{ a(1) }}", "{% set x = x ~ x %}", "{{ x * 9**9 }}", "{{ -x ** 2 }}", "{{ 'a'.join([1]) }}", "{{ x[::2] }}",
             "{{ m | replace('abc', 'def') }}", "{{ range(1, 2, 0) }}", "words", "https://a.example/{{ m.content }}", "{% set ns.a = 1 %}"]
        ),
        max_size=12,
    ).map("".join),
)  # fmt: skip


@given(TEXTS)
def test_any_text_is_judged_or_refused(source: str) -> None:
    try:
        found = signs(source)
    except template.BadTemplate:
        return
    assert all(isinstance(sign, Sign) and sign.says for sign in found)


@given(TEXTS)
def test_any_text_is_judged_or_refused_as_a_template_of_ollama(source: str) -> None:
    try:
        found = go_template.signs(source)
    except go_template.BadGoTemplate:
        return
    assert all(sign.says for sign in found)
