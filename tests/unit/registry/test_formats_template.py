import pytest
from hypothesis import given
from hypothesis import strategies as st

from registry.formats import template

GOOD = {
    "chatml": (
        "{% for message in messages %}{{ '<|im_start|>' + message['role'] + '\n' + message['content'] + "
        "'<|im_end|>\n' }}{% endfor %}{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}"
    ),
    "llama": (
        "{{ bos_token }}{% if messages[0]['role'] == 'system' %}{% set loop_messages = messages[1:] %}{% endif %}"
        "{% for message in loop_messages %}{% if (message['role'] == 'user') != (loop.index0 % 2 == 0) %}"
        "{{ raise_exception('Roles must alternate') }}{% endif %}{{ message['content'] | trim }}{% endfor %}"
    ),
    "tools": (
        "{%- set ns = namespace(found=false) %}{%- for tool in tools %}{{ tool.function | tojson(indent=4) }}"
        "{%- set ns.found = true %}{%- endfor %}{{ strftime_now('%d %b %Y') }}"
        "{%- for name, value in tool.parameters.items() %}{{ name | upper }}{%- endfor %}"
    ),
    "macro": (
        "{% macro show(x) %}{{ x.strip().split('</think>')[-1].lstrip('\n') }}{% endmacro %}{{ show(messages[0].content) }}"
    ),
    "generation": "{% generation %}{{ message.content }}{% endgeneration %}{% break %}",
    "plain": "Hello",
}
HOSTILE = {
    "dunder attribute": "{{ messages.__class__ }}",
    "dunder subscript": "{{ messages['__class__'] }}",
    "dunder by escapes": "{{ messages['\\x5f\\x5fclass\\x5f\\x5f'] }}",
    "dunder in pieces": "{{ messages['_' ~ '_class_' ~ '_'] }}",
    "joined pieces": "{{ messages[['_','_','class'] | join] }}",
    "attr filter": "{{ messages | attr('x') }}",
    "format method": "{{ '{0.x}'.format(messages) }}",
    "format filter": "{{ '%c' | format(95) }}",
    "percent": "{{ '%c%c' % (95, 95) }}",
    "import": "{% import 'os' as os %}",
    "from import": "{% from 'os' import system %}",
    "include": "{% include '/etc/passwd' %}",
    "extends": "{% extends 'x' %}",
    "globals": "{{ cycler.__init__.__globals__.os.popen('id').read() }}",
    "lipsum": "{{ lipsum }}",
    "self": "{{ self }}",
    "unknown call": "{{ open('/etc/passwd') }}",
    "unknown method": "{{ messages.pop_everything() }}",
    "nameless call": "{{ messages[0]() }}",
    "map attribute": "{{ messages | map(attribute='__class__') | list }}",
    "underscore attribute": "{{ messages._private }}",
}


@pytest.mark.parametrize("name", GOOD)
def test_an_ordinary_template_passes(name: str) -> None:
    assert template.reach(template.parse(GOOD[name])) == []


@pytest.mark.parametrize("name", HOSTILE)
def test_a_template_that_reaches_further_is_named(name: str) -> None:
    assert template.reach(template.parse(HOSTILE[name]))


@pytest.mark.parametrize(
    "source", ["{% if %}", "{{", "{% for x %}", "x" * 300_000, "{{ " + "(" * 5000 + ")" * 5000 + " }}"]
)
def test_what_cannot_be_parsed_is_not_judged(source: str) -> None:
    with pytest.raises(template.BadTemplate):
        template.parse(source)


@given(st.text(alphabet="{}%| '_.()[]abcx0~-#", max_size=60))
def test_any_text_is_judged_or_refused(source: str) -> None:
    try:
        found = template.reach(template.parse(source))
    except template.BadTemplate:
        return
    assert isinstance(found, list)
