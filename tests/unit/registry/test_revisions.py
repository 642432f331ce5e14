import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from modelcustody_client import folder

from registry.formats.roles import role_of
from registry.revisions import difference, files, gather, members, tensors, texts
from registry.revisions.tensors import TensorEntry
from registry.verification.subject import Expected
from tests import folders

PLAIN = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=4), inner, max_size=4),
    max_leaves=12,
)


def revision(root: Path, content: dict[str, bytes]) -> gather.Revision:
    folders.write(root, content)
    listed = {
        file.path: Expected(file.path, file.size, file.sha256, role_of(file.path))
        for file in folder.hash_folder(root)
    }
    return gather.revision(root, listed)


def compared(tmp_path: Path, **changes: bytes | None) -> difference.Difference:
    before = revision(tmp_path / "before", folders.model_files())
    return difference.compare(before, revision(tmp_path / "after", folders.model_files(**changes)))


def test_equal_revisions_differ_in_nothing(tmp_path: Path) -> None:
    found = compared(tmp_path)

    assert (found.files, found.configuration, found.tokenizer, found.template, found.license) == ((),) * 5
    assert {what: count for what, count in found.tensors.counts.items() if count} == {"same": 1}
    assert found.unread == ()


def test_each_topic_shows_its_own_changes(tmp_path: Path) -> None:
    found = compared(
        tmp_path,
        config_json=json.dumps(
            {"architectures": ["LlamaForCausalLM"], "model_type": "mistral", "x": None}
        ).encode(),
        tokenizer_config_json=json.dumps(
            {"chat_template": "{{ messages[0]['content'] }}", "pad": 1}
        ).encode(),
        LICENSE=folders.MIT.replace("Permission", "No permission", 1).encode(),
        model_safetensors=folders.weights("model.weight", "model.extra"),
    )

    (config,) = found.configuration
    assert config.members is not None
    assert [(one.member, one.before, one.after) for one in config.members.changes] == [
        ("model_type", '"llama"', '"mistral"'),
        ("x", None, "null"),
    ]
    (tokenizer,) = found.tokenizer
    assert tokenizer.members is not None
    assert [one.member for one in tokenizer.members.changes] == ["pad"]
    (template,) = found.template
    assert template.path == "tokenizer_config.json#chat_template"
    assert template.lines is not None
    assert template.lines.lines[0].before == "{{ messages[0]['content'] | trim }}"
    (license_text,) = found.license
    assert license_text.lines is not None
    assert any("No permission" in (line.after or "") for line in license_text.lines.lines)
    assert [(one.name, one.what) for one in found.tensors.changes] == [("model.extra", "added")]
    assert {change.path: change.what for change in found.files} == dict.fromkeys(
        ("LICENSE", "config.json", "model.safetensors", "tokenizer_config.json"), "changed"
    )


def test_other_bytes_in_a_tensor_show_without_reading_all_of_it(tmp_path: Path) -> None:
    found = compared(tmp_path, model_safetensors=folders.weights(fill=2))

    assert [(one.name, one.what) for one in found.tensors.changes] == [("model.weight", "values")]


def test_a_copy_that_is_not_what_was_registered_is_not_shown(tmp_path: Path) -> None:
    root = tmp_path / "m"
    listed = dict(revision(root, folders.model_files()).expected)
    (root / "config.json").write_bytes(b'{"changed": 1}')
    (root / "model.safetensors").write_bytes(b"short")
    (root / "LICENSE").unlink()

    found = gather.revision(root, listed)

    assert found.unread == {
        "config.json": "the stored copy is not the file that was registered",
        "model.safetensors": "the stored copy is not the file that was registered",
        "LICENSE": "the stored copy lacks it",
    }
    assert "config.json" not in found.documents


def test_tensors_of_one_name_in_several_files_are_all_counted(tmp_path: Path) -> None:
    every = {
        name: folders.weights("a")
        for name in ("x/model.safetensors", "y/model.safetensors", "y/other.safetensors")
    }
    one = revision(tmp_path / "m", folders.model_files(**every))

    assert set(one.tensors) >= {"x/a", "y/a", "y/a (y/other.safetensors)"}
    assert difference.compare(one, one).tensors.counts["same"] == len(one.tensors) == 4


def test_more_tensors_than_are_compared_are_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gather, "MAX_TENSORS", 0)

    one = revision(tmp_path / "m", folders.model_files())

    assert one.unread == {"model.safetensors": "there are too many tensors to be compared at once"}


def test_a_copy_that_is_gone_says_so(tmp_path: Path) -> None:
    one = revision(tmp_path / "m", folders.model_files())
    gone = gather.revision(tmp_path / "nowhere", one.expected)

    found = difference.compare(one, gone)

    assert (found.unread[0].side, found.unread[0].path) == ("after", "")
    assert found.tensors.counts["removed"] == 1


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        ({"a": 1}, {"a": True}, [("a", "1", "true")]),
        ({"a": 1}, {"a": 1.0}, [("a", "1", "1.0")]),
        ({"a": [1, 2]}, {"a": [2, 1]}, [("a", "[1, 2]", "[2, 1]")]),
        ({"a": [{"b": 1}, {"c": 2}]}, {"a": [{"b": 2}]}, [("a[0].b", "1", "2"), ("a[1]", '{"c": 2}', None)]),
        ({"a": None}, {}, [("a", "null", None)]),
        ([], {}, [("", "[]", "{}")]),
    ],
)
def test_members_are_compared_with_their_types(before: object, after: object, expected: list[object]) -> None:
    found = members.compare(before, after)

    assert [(one.member, one.before, one.after) for one in found.changes] == expected


@given(PLAIN, PLAIN)
def test_members_differ_exactly_where_the_documents_do(before: object, after: object) -> None:
    as_text = [json.dumps(value, sort_keys=True) for value in (before, after)]

    assert members.compare(before, before).changes == ()
    assert bool(members.compare(before, after).changes) == (as_text[0] != as_text[1])


@given(st.text(max_size=200), st.text(max_size=200))
def test_lines_differ_exactly_where_the_texts_do(before: str, after: str) -> None:
    found = texts.compare(before, after)

    assert bool(found.lines) == (before != after)
    assert all(
        line.kind == "gap" or line.before is not None or line.after is not None for line in found.lines
    )


def test_endless_documents_are_cut_and_say_so() -> None:
    many = members.compare({}, {str(number): number for number in range(members.MAX_CHANGES + 1)})
    long = texts.compare("", "\n".join(str(number) for number in range(texts.MAX_LINES * 2)))

    assert (len(many.changes), many.is_cut) == (members.MAX_CHANGES, True)
    assert (len(long.lines), long.is_cut) == (texts.MAX_ROWS, True)


def test_a_file_under_another_name_is_renamed() -> None:
    one, other = Expected("a", 1, "1" * 64, "other"), Expected("b", 1, "1" * 64, "other")

    assert [(c.what, c.old_path, c.path) for c in files.compare({"a": one}, {"b": other})] == [
        ("renamed", "a", "b")
    ]
    assert [(c.what, c.path) for c in files.compare({"a": one, "b": other}, {"b": other})] == [
        ("removed", "a")
    ]


def entry(
    shape: tuple[int, ...] = (2,), dtype: str = "F32", path: str = "m", pieces: str = "p"
) -> TensorEntry:
    return TensorEntry(dtype, shape, path, pieces)


@pytest.mark.parametrize(
    ("before", "after", "what"),
    [
        (entry(), entry(), "alike"),
        (entry(), entry(path="n"), "moved"),
        (entry(), entry(pieces="q"), "values"),
        (entry(pieces=""), entry(pieces=""), "values"),
        (entry(), entry(dtype="BF16"), "retyped"),
        (entry(), entry(shape=(2, 1), dtype="BF16"), "reshaped"),
    ],
)
def test_what_became_of_a_tensor(before: TensorEntry, after: TensorEntry, what: str) -> None:
    found = tensors.compare({"t": before}, {"t": after}, same_files=frozenset())

    assert {name: count for name, count in found.counts.items() if count} == {what: 1}
