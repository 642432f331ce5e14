"""C17: programs, hidden files, carriers and secrets; what a model repository ordinarily holds gives no alarm."""

import struct
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from registry.lifecycle import Outcome, Severity
from tests import folders, subjects
from tests.unit.registry.test_formats_secrets import checked, pem, some

CHECK = "C17-executables"


def png(rest: bytes = b"") -> bytes:
    """A picture of one pixel, with something behind its end."""
    chunks = [
        (b"IHDR", struct.pack(">IIBBBBB", 1, 1, 8, 0, 0, 0, 0)),
        (b"IDAT", zlib.compress(b"\0\0")),
        (b"IEND", b""),
    ]
    body = b"".join(
        struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))
        for name, data in chunks
    )
    return b"\x89PNG\r\n\x1a\n" + body + rest


JPEG = b"\xff\xd8\xff\xe0" + bytes(60) + b"\xff\xd9"
WEBP = b"RIFF" + struct.pack("<I", 24) + b"WEBPVP8 " + bytes(16)
HIGH, MEDIUM, LOW, CRITICAL = Severity.HIGH, Severity.MEDIUM, Severity.LOW, Severity.CRITICAL


@pytest.mark.parametrize(
    ("path", "content", "severity", "says"),
    [
        ("a", b"\x7fELF" + bytes(60), HIGH, "program or script (elf)"),
        ("a", b"MZ" + bytes(62), HIGH, "(pe)"),
        ("notes.txt", b"#!/bin/sh\nid\n", HIGH, "(script)"),
        ("run.sh", b"id\n", HIGH, "by its name (.sh)"),
        ("lib/libx.so.1.2", b"", HIGH, "(.so)"),
        ("start.desktop", b"[Desktop Entry]\nExec=id\n", HIGH, ".desktop"),
        ("a.wasm", b"\x00asm", HIGH, "by its name (.wasm)"),
        ("model.safetensors.exe", b"", HIGH, "dressed up as something else"),
        ("photo.png .scr", b"", HIGH, "dressed up as something else"),
        ("photo\u202egnp.txt", b"", HIGH, "cannot be seen or that reorder"),
        ("model.bin", b"\x7fELF" + bytes(60), CRITICAL, "poses as weights"),
        ("pytorch_model.pt", b"#!/bin/sh\n", CRITICAL, "poses as weights"),
        ("a.tar", bytes(257) + b"ustar" + bytes(100), HIGH, "archive (tar)"),
        (".git/hooks/pre-commit", b"id\n", HIGH, "run by git"),
        ("hooks/post-checkout", b"id\n", HIGH, "run by git"),
        (".envrc", b"id\n", HIGH, "run by direnv"),
        (".vscode/tasks.json", b"{}", HIGH, "obeyed by editors"),
        (".hidden", b"x", LOW, "starts with a dot"),
        (".cache/x/y.txt", b"x", LOW, "starts with a dot"),
        ("start.pth", b"import os; x = 1\n", HIGH, "at every start"),
        ("page.html", b"<p>Hello</p><script>x</script>", MEDIUM, "page that holds a script"),
        ("logo.svg", b"<svg onload='x()'></svg>", MEDIUM, "page that holds a script"),
        ("paper.pdf", b"%PDF-1.7\n/OpenAction << /S /JavaScript >>", MEDIUM, "/JavaScript"),
        ("logo.png", png(b"MZ" + bytes(62)), HIGH, "something else behind its end (pe)"),
        ("logo.png", png(b"<script>x</script>"), HIGH, "behind its end (a script)"),
        ("logo.png", png(b"x" * 99), LOW, "99 bytes behind its end"),
        ("photo.jpg", JPEG + b"\x7fELF" + bytes(9), HIGH, "behind its end (elf)"),
        ("photo.webp", WEBP + bytes(8) + b"#!/bin/sh", HIGH, "behind its end (script)"),
        ("keys/id_rsa", b"x", HIGH, "keys or passwords are kept"),
        ("store.p12", b"x", HIGH, "keys or passwords are kept"),
        ("notes.txt", pem().encode(), HIGH, "holds a private key"),
        ("config.json", f'{{"token": "{checked("ghp_")}"}}'.encode(), HIGH, "holds a GitHub token"),
        ("modeling.py", f"T = 'hf_{some(34, 'abcdefghijkLMNOPQRSTU')}'".encode(), HIGH, "holds a Hugging Face token"),
        (".env", f"API_KEY={some(24)}\n".encode(), HIGH, "value of a secret setting"),
        ("README.md", b"git clone https://ann:" + some(12).encode() + b"@git.example/x", HIGH, "password in an address (line 1)"),
    ],
)  # fmt: skip
def test_what_should_not_travel_with_a_model_is_told(
    path: str, content: bytes, severity: Severity, says: str
) -> None:
    found = subjects.outcomes(CHECK, subjects.subject(folders.model_files() | {path: content}))

    assert (found[path].finding.outcome, found[path].severity) == (Outcome.FAIL, severity)
    assert says in str(found[path].finding.evidence["signs"]) + found[path].finding.message
    assert ("" in found) == (severity is LOW)


@pytest.mark.parametrize(
    ("path", "content"),
    [
        (
            "README.md",
            b"# Model\n\n```bash\nexport HF_TOKEN=hf_xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx\n```\nsk-...\n",
        ),
        (".gitattributes", b"*.safetensors filter=lfs\n"),
        ("notes.txt", b"MZ is how this text begins"),
        ("logo.png", png()),
        ("logo.png", png(b"\n")),
        ("photo.jpg", JPEG),
        ("photo.webp", WEBP),
        ("logo.svg", b"<svg><path d='M0 0'/></svg>"),
        ("page.html", b"<p>Hello</p>"),
        ("paper.pdf", b"%PDF-1.7\n1 0 obj"),
        ("tokenizer.json", pem().encode()),
        ("vocab.txt", b"import\nsk-\nhf_\n://\n"),
        (".env.example", b"API_KEY=your-key\n"),
        ("embeddings.pth", b"\x80\x02}q\x00."),
        ("a.txt", b"\x00" + pem().encode()),
    ],
)
def test_what_a_model_ordinarily_holds_gives_no_alarm(path: str, content: bytes) -> None:
    found = subjects.outcomes(CHECK, subjects.subject({path: content}))

    assert [item.severity for item in found.values() if item.severity not in {LOW, HIGH}] == []
    assert found[""].finding.outcome is Outcome.PASS


def test_a_secret_is_never_repeated_in_the_evidence() -> None:
    token = checked("ghp_")
    found = subjects.outcomes(CHECK, subjects.subject({"notes.txt": f"x\n{token}\n".encode()}))["notes.txt"]

    assert token[4:] not in str(found)
    assert "begins with ghp_" in found.finding.message
    assert "(line 2)" in found.finding.message


def test_what_was_not_looked_at_is_said() -> None:
    given = subjects.cut(subjects.subject({"data.txt": pem().encode() * 9}), "data.txt", 10)
    found = subjects.outcomes(CHECK, given)[""]

    assert "1 of them are large and were looked at by their beginning alone" in found.finding.message
    assert found.finding.evidence["by_beginning"] == 1


NAMES = st.text(st.sampled_from("ab./ \u202e-"), min_size=1, max_size=12).filter(
    lambda name: name.strip("/. ")
)


@given(st.dictionaries(NAMES, st.one_of(st.binary(max_size=80), st.binary(max_size=40).map(png), st.binary(max_size=20).map(WEBP.__add__)), max_size=4))  # fmt: skip
def test_any_files_give_findings(files: dict[str, bytes]) -> None:
    found = subjects.outcomes(CHECK, subjects.subject(files))

    assert found
    assert not [item for item in found.values() if "broke down" in item.finding.message]
