import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from registry.formats import card, lineage, magic
from registry.formats.roles import role_of


def test_the_block_at_the_head_is_read() -> None:
    text = "---\nlicense: mit\ntags:\n- a\n- b\ndate: 2026-01-02\n---\n# Title\n---\nlicense: other\n---\n"

    assert card.parse_card(text) == {"license": "mit", "tags": ["a", "b"], "date": "2026-01-02"}


@pytest.mark.parametrize(
    "text", ["", "# Title\n", "---\nlicense: mit\n", "\n---\nlicense: mit\n---\n", "---\n---\n"]
)
def test_a_card_without_a_block_declares_nothing(text: str) -> None:
    assert card.parse_card(text) == {}


def test_windows_line_ends_and_a_byte_order_mark_are_no_obstacle() -> None:
    assert card.parse_card("\ufeff---\r\nlicense: mit\r\n---\r\n") == {"license": "mit"}


@pytest.mark.parametrize(
    "block",
    [
        "a: [",
        "- a list",
        "just words",
        "a: &x [1]\nb: *x",
        "a: !!python/object/apply:os.system ['id']",
        "a: .nan",
        "x" * 300_000,
        "a: " + "[" * 5000,
        "a: 2026-99-99",
    ],
)
def test_a_block_that_is_no_plain_metadata_is_refused(block: str) -> None:
    with pytest.raises(card.BadCard):
        card.parse_card(f"---\n{block}\n---\n")


@given(st.text(max_size=200))
def test_any_block_is_read_as_json_values_or_refused(block: str) -> None:
    try:
        value = card.parse_card(f"---\n{block}\n---\n")
    except card.BadCard:
        return
    assert "\x00" not in json.dumps(value, allow_nan=False)


def test_ancestors_come_from_the_card_and_the_adapter_once() -> None:
    found = lineage.ancestors(
        card={"base_model": ["a/b", "a/b", "../x", 7], "base_model_relation": "merge"},
        adapter_config={"base_model_name_or_path": "c/d", "revision": "v1"},
    )

    assert [(item.relation, item.base_model, item.base_revision) for item in found] == [
        ("merge", "a/b", ""),
        ("adapter", "c/d", "v1"),
    ]


def test_an_unknown_relation_is_unstated() -> None:
    assert (
        lineage.ancestors(card={"base_model": "a/b", "base_model_relation": "cousin"})[0].relation
        == "unstated"
    )
    assert lineage.ancestors(card={}, adapter_config={"base_model_name_or_path": "/local/path"}) == []


@pytest.mark.parametrize(
    ("path", "role"),
    [
        ("model-00001-of-00002.safetensors", "weight"),
        ("model.safetensors.index.json", "config"),
        ("pytorch_model.bin", "weight"),
        ("config.json", "config"),
        ("tokenizer.model", "tokenizer"),
        ("tokenizer_config.json", "tokenizer"),
        ("chat_template.jinja", "template"),
        ("modeling_x.py", "code"),
        ("LICENSE.txt", "license"),
        ("USE_POLICY.md", "license"),
        ("sub/README.md", "doc"),
        ("data", "other"),
    ],
)
def test_a_name_tells_the_role(path: str, role: str) -> None:
    assert role_of(path) == role


@pytest.mark.parametrize(
    ("path", "start", "ok"),
    [
        ("a.json", b" {", True),
        ("a.json", b"\x80\x04\x95", False),
        ("a.json", b"hello", False),
        ("a.txt", b"a\x00b", False),
        ("a.md", b"PK\x03\x04", False),
        ("a.py", b"#!/usr/bin/python", True),
        ("a.safetensors", b"\x10\0\0\0\0\0\0\0{", True),
        ("a.safetensors", b"PK\x03\x04\0\0\0\0{", False),
        ("a.gguf", b"GGUF", True),
        ("a.gguf", b"GGML", False),
        ("a.png", b"\x89PNG\r\n\x1a\n", True),
        ("a.webp", b"RIFF\0\0\0\0WEBP", True),
        ("a.jpg", b"GIF8", False),
        ("tokenizer.model", b"\x0a\x0e", True),
    ],
)
def test_first_bytes_are_held_against_the_name(path: str, start: bytes, ok: bool) -> None:
    assert (magic.mismatch(path, start) == "") is ok


@given(st.binary(max_size=300), st.sampled_from(["a.json", "a.safetensors", "a.png", "a", "a.txt"]))
def test_any_bytes_can_be_looked_at(start: bytes, path: str) -> None:
    assert isinstance(magic.kind_of(start) + magic.mismatch(path, start), str)
