import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st
from modelcustody_client import manifest

A, B = "a" * 64, "b" * 64


def files(*paths: str) -> list[manifest.ManifestFile]:
    return [manifest.ManifestFile(path, 1, A) for path in paths]


def test_manifest_digest_is_that_of_what_sha256sum_prints_sorted():
    given_files = [manifest.ManifestFile("b/c.json", 1, B), manifest.ManifestFile("README.md", 2, A)]

    expected = f"{A}  README.md\n{B}  b/c.json\n".encode()
    assert manifest.sha256sum_lines(given_files) == expected
    assert manifest.manifest_digest(given_files) == "sha256:" + hashlib.sha256(expected).hexdigest()
    bearing = hashlib.sha256(f"{B}  b/c.json\n".encode()).hexdigest()
    assert manifest.model_digest(given_files) == f"sha256:{bearing}"


def test_manifest_digest_sorts_by_bytes_not_by_code_units():
    lines = manifest.sha256sum_lines(files("\U0001f600", "\uff5e", "a", "B"))

    assert [line.split("  ")[1] for line in lines.decode().splitlines()] == ["B", "a", "\uff5e", "\U0001f600"]


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("model.safetensors", True),
        ("config.json", True),
        ("tokenizer.model", True),
        ("modeling_x.py", True),
        ("sub/chat_template.jinja", True),
        ("my_license.txt", True),
        ("image.pngx", True),
        (".gitattributes", False),
        ("sub/.gitignore", False),
        ("x.gitignore", True),
        ("README.md", False),
        ("docs/guide.MD", False),
        ("figures/plot.PNG", False),
        ("a.webp", False),
        ("LICENSE", False),
        ("license-3.1.txt", False),
        ("LICENCE.txt", False),
        ("sub/Copying", False),
        ("NOTICE", False),
        ("USE_POLICY.md", False),
        ("CITATION.cff", False),
        ("readme/model.bin", True),
    ],
)
def test_is_load_bearing(path, expected):
    assert manifest.is_load_bearing(path) is expected


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("LICENSE_model.py", True),
        ("README.safetensors", True),
        ("deep/license.BIN", True),
        ("notice.pkl", True),
        ("LICENSE", False),
        ("LICENSE.llama-3.1", False),
        ("README.md", False),
        ("model.safetensors", False),  # covered by the digest, so nothing is hidden
        ("modeling.py", False),
    ],
)
def test_is_disguised(path, expected):
    assert manifest.is_disguised(path) is expected


@pytest.mark.parametrize(
    "path",
    [
        "",
        "/abs",
        "a//b",
        "a/",
        "./a",
        "a/./b",
        "..",
        "a/../b",
        "a\\b",
        "a\nb",
        "a\x00b",
        "a\x7fb",
        "a\x85b",
        "a\u2028b",
        "evil\u202egpj.py",
        "\ud800",
        "x" * 256,
        "/".join(["d"] * 600),
    ],
)
def test_check_path_refuses(path):
    with pytest.raises(manifest.BadPath) as caught:
        manifest.check_path(path)
    assert caught.value.code == "bad_path"
    assert str(caught.value).isprintable()


@pytest.mark.parametrize(
    "path", ["a", "a/b.c", "...", "..a", "a b", "\u00fcber/\u30e2\u30c7\u30eb.json", "-x", "x" * 255]
)
def test_check_path_accepts(path):
    manifest.check_path(path)


@pytest.mark.parametrize(
    "paths",
    [
        ("a", "a"),
        ("a.json", "A.json"),
        ("stra\u00dfe", "STRASSE"),
        ("caf\u00e9", "cafe\u0301"),
        ("a", "a/b"),
        ("A", "a/b"),
        ("x/a", "X/b"),
        ("a/b/c", "a/B/d"),
    ],
)
def test_collisions_are_refused_by_everything_that_names_a_model(paths):
    for use in (manifest.manifest_digest, manifest.model_digest, manifest.sha256sum_lines):
        with pytest.raises(manifest.BadPath):
            use(files(*paths))


@pytest.mark.parametrize(
    "file", [manifest.ManifestFile("a", 1, A.upper()), manifest.ManifestFile("a", -1, A)]
)
def test_manifest_digest_refuses_bad_entries(file):
    with pytest.raises(manifest.BadManifest):
        manifest.manifest_digest([file])


names = st.text(st.characters(codec="ascii", categories=["L", "N"]), min_size=1, max_size=4)


@given(
    st.dictionaries(st.lists(names, min_size=1, max_size=3).map("/".join), st.binary(max_size=4), max_size=6)
)
def test_parse_sha256sum_lines_returns_what_was_written(contents):
    listed = [
        manifest.ManifestFile(path, len(data), hashlib.sha256(data).hexdigest())
        for path, data in contents.items()
    ]
    try:
        lines = manifest.sha256sum_lines(listed)
    except manifest.BadPath:
        return

    sums = manifest.parse_sha256sum_lines(lines)
    assert sums == {file.path: file.sha256 for file in listed}
    assert manifest.digests_of_sums(sums) == (manifest.manifest_digest(listed), manifest.model_digest(listed))


@given(st.binary())
def test_parse_sha256sum_lines_raises_nothing_but_its_own_error(data):
    try:
        sums = manifest.parse_sha256sum_lines(data)
    except manifest.BadManifest:
        return
    assert sums == {}


@pytest.mark.parametrize(
    "data",
    [
        f"{A}  a",
        f"{A} a\n",
        f"{A} *a\n",
        f"{A}  a\r\n",
        f"{A.upper()}  a\n",
        f"{A}  b\n{A}  a\n",
        f"{A}  a\n{A}  a\n",
        f"{A}  a\n\n",
        f"{A}  ../a\n",
        f"{A}  \n",
    ],
)
def test_parse_sha256sum_lines_refuses(data):
    with pytest.raises(manifest.BadManifest):
        manifest.parse_sha256sum_lines(data.encode())


def test_check_digest():
    assert manifest.check_digest("sha256:" + A) == "sha256:" + A
    for wrong in (A, "sha256:" + A[1:], "sha256:" + A.upper(), "sha256:" + A + "\n"):
        with pytest.raises(manifest.BadManifest):
            manifest.check_digest(wrong)
