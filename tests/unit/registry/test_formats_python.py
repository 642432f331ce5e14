"""Python source, read and never run: what a model's own code needs gives no sign of danger, hostile code the right one."""

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from registry.formats import python_signs, python_source
from registry.formats.sign import Level, Sign
from tests.corpus import sources as corpus


def signs(data: bytes) -> list[Sign]:
    text, odd = python_source.text_of(data)
    return [*odd, *python_signs.signs(python_source.parse(text))]


def test_ordinary_code_gives_no_sign_of_danger() -> None:
    for name, text in corpus.GOOD.items():
        assert [sign for sign in signs(text.encode()) if sign.level >= Level.DOUBT] == [], name


@pytest.mark.parametrize("case", corpus.HOSTILE, ids=lambda case: case.name)
def test_hostile_code_gives_the_sign_of_what_it_could_do(case: corpus.Hostile) -> None:
    every = signs(case.text.encode())
    found = [sign for sign in every if sign.kind == case.kind]

    assert found
    assert max(sign.level for sign in found) >= Level.WARNING
    assert (max(sign.level for sign in every) is Level.ATTACK) == case.is_attack


@pytest.mark.parametrize("name", corpus.BROKEN)
def test_what_is_no_readable_python_is_not_judged(name: str) -> None:
    with pytest.raises(python_source.NotPython):
        signs(corpus.BROKEN[name])


def test_a_sign_names_the_line_and_the_function() -> None:
    (sign,) = signs(b"import pickle\n\ndef f(b):\n    return pickle.loads(b)\n")[:1]

    assert sign.words == "loads data in a format that can run code (pickle.loads) (line 4)"


def test_a_notebook_is_read_cell_by_cell() -> None:
    data = corpus.notebook(
        "%matplotlib inline\n!pip install x\nimport os\n",
        "files = !ls\nos.system('id')\n",
        "%%bash\nid\n",
        "%%html\n<b>\n",
    )

    text, odd = python_source.notebook(data)
    found = python_signs.signs(python_source.parse(text), is_imported=False)

    assert [sign.line for sign in odd if sign.kind == "shell"] == [2, 5, 8]
    assert [(sign.kind, sign.line, sign.level) for sign in found] == [("process", 6, Level.DANGER)]


def test_a_script_in_the_output_of_a_notebook_is_told() -> None:
    active = [
        {"data": {"text/html": ["<div>", "<script>x</script>"]}},
        {"data": {"text/plain": ["<script>"]}},
        "no output",
    ]

    _, odd = python_source.notebook(corpus.notebook("x = 1", outputs=active))

    assert [sign.kind for sign in odd] == ["script"]


@pytest.mark.parametrize(
    "data",
    [b"", b"[]", b"{}", b'{"cells": 1}', b"[" * 100_000, json.dumps({"cells": [{}] * 3000}).encode()],
)
def test_what_is_no_notebook_is_not_judged(data: bytes) -> None:
    with pytest.raises(python_source.NotPython):
        python_source.notebook(data)


PIECES = st.lists(
    st.sampled_from(
        ["import os\n", "from a import *\n", "x = os\n", "getattr(x, 'a' + b)\n", "exec(x)\n", "exec('exec(1)')\n", "def f():\n  return os\n",
         "f()\n", "x.y = base64.b64decode(y)\n", "for x in os.environ: pass\n", "with open('/etc/passwd') as f: pass\n", "f'{x}{1:>{y}}'\n",
         "@x\nclass A: pass\n", "lambda x=os: x\n", "sys.modules[x].y\n", "vars(x)['y']\n", "''.join(['a', b])\n", "'a'[::-1]\n", "'a'.replace('', x)\n",
         "chr(-1)\n", "chr(99999999999)\n", "if __name__ == '__main__': pass\n", "x: int\n", "(y := os)\n", "globals()['x']\n", "__import__(1)\n"]
    ),
    max_size=15,
).map("".join)  # fmt: skip


@settings(max_examples=200)
@given(
    st.one_of(
        st.binary(max_size=200),
        PIECES.map(str.encode),
        st.text(max_size=100).map(lambda text: text.encode("utf-8", "replace")),
    )
)
def test_any_bytes_are_judged_or_refused(data: bytes) -> None:
    try:
        found = signs(data)
    except python_source.NotPython:
        return
    assert all(isinstance(sign, Sign) and sign.says for sign in found)


JSON = st.recursive(
    st.none() | st.integers() | st.text(max_size=20) | st.sampled_from(["code", "cells", "source", "!x", "%%bash"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["cells", "cell_type", "source", "outputs", "data", "text/html"]), inner, max_size=4),
    max_leaves=12,
)  # fmt: skip


@given(st.fixed_dictionaries({"cells": st.lists(JSON, max_size=4)}))
def test_any_notebook_is_read_or_refused(value: object) -> None:
    text, found = python_source.notebook(json.dumps(value).encode())

    assert isinstance(text, str)
    assert all(sign.says for sign in found)
