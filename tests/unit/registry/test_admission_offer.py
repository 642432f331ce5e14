"""What a node may ask for."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from modelcustody_client import manifest

from registry.admission.offer import InvalidOffer, parse_offer

FILE = {"path": "model.safetensors", "size": 4, "sha256": "a" * 64}
ASKED: dict[str, Any] = {"environment": "production", "purpose": "chat", "files": [FILE]}


def test_files_give_the_digest() -> None:
    offer = parse_offer({**ASKED, "engine": {"name": "vllm", "version": None}, "node": "n1", "region": "eu"})

    assert offer.model_digest == manifest.model_digest(offer.files or ())
    assert offer.engine == {"name": "vllm", "version": None}


def test_a_digest_alone() -> None:
    asked = {"environment": "production", "purpose": "chat", "model_digest": "sha256:" + "b" * 64}

    assert parse_offer(asked).files is None


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"files": None}, "files"),
        ({"files": []}, "files"),
        ({"files": "all"}, "files"),
        ({"model_digest": "sha256:" + "b" * 64}, "files"),
        ({"files": None, "model_digest": "b" * 64}, "model_digest"),
        ({"files": [{**FILE, "sha256": "A" * 64}]}, "files[0].sha256"),
        ({"files": [{**FILE, "size": -1}]}, "files[0].size"),
        ({"files": [{**FILE, "size": 1.0}]}, "files[0].size"),
        ({"files": [{**FILE, "mode": 1}]}, "files[0].mode"),
        ({"files": [{**FILE, "path": "../x"}]}, "files"),
        ({"files": [FILE, {**FILE, "path": "MODEL.safetensors"}]}, "files"),
        ({"files": [FILE, 1]}, "files[1]"),
        ({"environment": "Production"}, "environment"),
        ({"purpose": None}, "purpose"),
        ({"engine": {"version": "1"}}, "engine.name"),
        ({"engine": []}, "engine"),
        ({"force": True}, "force"),
    ],
)
def test_what_is_wrong_is_named(change: dict[str, Any], field: str) -> None:
    with pytest.raises(InvalidOffer) as refused:
        parse_offer({**ASKED, **change})

    assert refused.value.field == field


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from([*ASKED, "path", "x"]), inner)
    ),
    max_leaves=8,
)


@given(JSON)
def test_any_json_is_refused_with_a_field(value: Any) -> None:
    with pytest.raises(InvalidOffer):
        parse_offer(value)
