"""`manage.py verify_folder`: what it says of folders and files, in words, in JSON and by its exit code; no database."""

import hashlib
import io
import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from registry import loose
from registry.management.commands import verify_folder
from registry.verification import examination, isolated
from registry.verification.wire import Surroundings
from tests import folders


@pytest.fixture(autouse=True)
def in_this_process(monkeypatch: pytest.MonkeyPatch) -> None:
    """The process of its own is tested where it is made; a test that starts many would be slow."""

    def examine(root: Path, question: Any, *, limits: Any, progress: Any) -> isolated.Answer:
        found = examination.examine(root, question, progress=progress)
        return isolated.Answer(found, Surroundings("here", "3", {}, "", "", 0, 0.0))

    monkeypatch.setattr(isolated, "examine", examine)


def said(*given: object) -> tuple[int, str]:
    """The exit code and what was printed; for complaints the words of the complaint."""
    out = io.StringIO()
    try:
        call_command("verify_folder", *(str(item) for item in given), stdout=out)
    except SystemExit as end:
        return int(end.code or 0), out.getvalue()
    except CommandError as error:
        return error.returncode, out.getvalue() or str(error)
    raise AssertionError("the command ends by exiting")


def report(*given: object) -> dict[str, Any]:
    code, printed = said(*given, "--json")
    found = json.loads(printed)
    assert found["exit_code"] == code
    return found


def outcomes(found: dict[str, Any], check_id: str) -> set[tuple[str, str, str]]:
    return {
        (one["path"], one["outcome"], one["severity"])
        for one in found["results"]
        if one["check_id"] == check_id
    }


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return folders.write(tmp_path / "m", folders.model_files())


def test_what_cannot_be_asked_of_a_loose_folder_is_said_and_is_no_pass(folder: Path) -> None:
    found = report(folder)

    assert found["outcome"] != "fail"
    for check_id in ("C1-pinned", "C2-file-set", "C3-digests", "C4-signature", "C22-at-rest"):
        assert {outcome for _, outcome, _ in outcomes(found, check_id)} == {"skip"}
    assert outcomes(found, "C7-safetensors") == {("", "pass", "high")}
    assert outcomes(found, "C20-license-text") == {("", "pass", "high")}
    assert set(found["not_asked"]) == set(loose.NOT_HERE)
    assert found["inputs"]["policy_digest"].startswith("sha256:")
    assert found["inputs"]["catalog_digest"].startswith("sha256:")
    assert found["inputs"]["lineage"] == [{"model": "acme/base", "relation": "finetune", "revision": ""}]
    assert (found["files"], found["bytes"]) == (5, sum(len(data) for data in folders.model_files().values()))
    assert found["model_digest"] != found["manifest_digest"]


def test_findings_above_low_decide(folder: Path) -> None:
    (folder / "modeling_x.py").write_text("x = 1\n")

    found = report(folder)

    assert (found["exit_code"], found["outcome"]) == (1, "fail")
    assert ("modeling_x.py", "fail", "high") in outcomes(found, "C13-custom-code")
    code, words = said(folder)
    assert code == 1
    lines = words.splitlines()
    first = next(place for place, line in enumerate(lines) if line.startswith("HIGH"))
    assert all(line.startswith(("/", "manifest", "model ")) for line in lines[:first] if line)
    assert "modeling_x.py" in lines[first]


def test_a_licence_that_contradicts_its_text_is_found(folder: Path) -> None:
    (folder / "README.md").write_text("---\nlicense: apache-2.0\n---\n# A model\n")

    assert {outcome for _, outcome, _ in outcomes(report(folder), "C20-license-text")} == {"fail"}


def test_what_cannot_be_decided(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def examine(*args: Any, **kwargs: Any) -> isolated.Answer:
        raise isolated.LimitReached("The checks took more than 900 seconds.")

    monkeypatch.setattr(isolated, "examine", examine)

    found = report(folder)

    assert (found["exit_code"], found["outcome"]) == (2, "error")
    assert "900 seconds" in found["meaning"]


# -- what is given beside the folder ----------------------------------------------------------------------------------


def test_what_breaks_down_is_no_finding(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object, **__: object) -> None:
        raise KeyError("oops")

    monkeypatch.setattr(loose, "ask", broken)

    assert (said(folder)[0], "KeyError" in said(folder)[1]) == (2, True)


def sums(files: dict[str, bytes]) -> bytes:
    """What `sha256sum` prints, in no special order."""
    return b"".join(
        b"%s  %s\n" % (hashlib.sha256(data).hexdigest().encode(), path.encode())
        for path, data in files.items()
    )


def test_a_list_of_digests_is_held_against_the_files(folder: Path, tmp_path: Path) -> None:
    listed = tmp_path / "SHA256SUMS"
    listed.write_bytes(sums(folders.model_files()))

    found = report(folder, "--manifest", listed)
    assert outcomes(found, "C2-file-set") == {("", "pass", "critical")}
    assert outcomes(found, "C3-digests") == {("", "pass", "critical")}

    inside = folder / "SHA256SUMS"
    inside.write_bytes(listed.read_bytes())
    assert outcomes(report(folder, "--manifest", inside), "C3-digests") == {("", "pass", "critical")}
    inside.unlink()

    (folder / "config.json").write_bytes(b"{}")
    (folder / "extra.json").write_bytes(b"{}")
    (folder / "LICENSE").unlink()
    found = report(folder, "--manifest", listed)
    assert found["exit_code"] == 1
    assert ("config.json", "fail", "critical") in outcomes(found, "C3-digests")
    assert {("extra.json", "fail", "critical"), ("LICENSE", "fail", "critical")} == outcomes(
        found, "C2-file-set"
    )


def test_the_folder_of_an_ancestor(folder: Path, tmp_path: Path) -> None:
    base = folders.write(tmp_path / "base", folders.model_files())

    for given in (base, f"acme/base={base}"):
        found = report(folder, "--base", given)
        assert found["inputs"]["bases"] == [{"model": "acme/base", "relation": "finetune", "path": str(base)}]
    code, words = said(folder, "--base", f"other/base={base}")
    assert code == 2
    assert "acme/base" in words


def test_a_model_whose_name_must_be_signed(folder: Path, tmp_path: Path) -> None:
    policy = tmp_path / "policy.toml"
    shipped = verify_folder.document.DEFAULT.read_text()
    policy.write_text(
        shipped.replace("required = false", 'required = false\nrequired_models = ["acme/*"]', 1)
    )

    needed = report(folder, "--policy", policy, "--model", "acme/model")
    free = report(folder, "--policy", policy, "--model", "other/model")

    assert outcomes(needed, "C4-signature") == {("", "fail", "high")}
    assert outcomes(free, "C4-signature") == {("", "skip", "low")}


# -- single files -----------------------------------------------------------------------------------------------------


def test_a_single_weight_file_is_verified_alone(folder: Path) -> None:
    found = report(folder / "model.safetensors")

    assert found["exit_code"] == 0
    assert (found["files"], "C20-license-text" in found["not_asked"]) == (1, True)
    assert outcomes(found, "C7-safetensors") == {("", "pass", "high")}


def test_a_single_file_that_would_run_code(tmp_path: Path) -> None:
    path = tmp_path / "pytorch_model.bin"
    path.write_bytes(b"\x80\x04cos\nsystem\n(S'true'\ntR.")

    found = report(path)

    assert found["exit_code"] == 1
    assert any(one[:2] == ("pytorch_model.bin", "fail") for one in outcomes(found, "C11-pickle"))


# -- what is no folder of a model -------------------------------------------------------------------------------------


def loop(folder: Path) -> Path:
    (folder / "a").symlink_to(folder / "b")
    (folder / "b").symlink_to(folder / "a")
    return folder


def empty(folder: Path) -> Path:
    (folder / "inner").mkdir()
    return folder / "inner"


def looping_itself(folder: Path) -> Path:
    (folder / "x").symlink_to(folder / "x")
    return folder / "x"


def pipe(folder: Path) -> Path:
    os.mkfifo(folder / "pipe")
    return folder / "pipe"


@pytest.mark.parametrize(
    ("make", "code", "words"),
    [
        (lambda m: m / "nothing", 3, "cannot be found"),
        (looping_itself, 3, "cannot be found"),
        (lambda m: m / "README.md", 3, "a document alone is nothing to verify"),
        (lambda m: m / "config.json", 3, "name the folder of the model"),
        (pipe, 3, "neither a folder nor a file"),
        (empty, 2, "holds no files"),
        (loop, 2, "cannot read"),
    ],
)
def test_what_is_refused_and_why(folder: Path, make: Callable[[Path], Path], code: int, words: str) -> None:
    found, printed = said(make(folder))

    assert found == code
    assert words in printed


@pytest.mark.parametrize(
    "make",
    [lambda m: (m / "out").symlink_to("/etc/hostname"), lambda m: os.mkfifo(m / "pipe")],
    ids=["a link that leaves", "a pipe"],
)
def test_tricks_with_files_are_findings(folder: Path, make: Callable[[Path], object]) -> None:
    make(folder)

    found = report(folder)

    assert found["exit_code"] == 1
    assert outcomes(found, "C2-file-set") == {("", "fail", "critical")}
    assert found["manifest_digest"] is None


@pytest.mark.parametrize(
    "given",
    [
        ("--model", "acme"),
        ("--model", "acme/model/x"),
        ("--model", "acme /model"),
        ("--policy", "/nothing.toml"),
        ("--policy", "pyproject.toml"),
        ("--manifest", "/nothing"),
        ("--base", "/nothing"),
        ("--base", "acme/base=/nothing"),
        ("--nonsense",),
    ],
)
def test_wrong_calls_are_told_from_findings(folder: Path, given: tuple[str, ...]) -> None:
    code, words = said(folder, *given)

    assert code == 3
    assert words.startswith("usage: ")


@pytest.mark.parametrize("data", [b"", b"x", b"\xff", b"00  config.json\n", b"0" * 64 + b"  ../x\n"])
def test_lists_that_are_none(folder: Path, tmp_path: Path, data: bytes) -> None:
    listed = tmp_path / "sums"
    listed.write_bytes(data)

    assert said(folder, "--manifest", listed)[0] == 2


# -- what is shown ----------------------------------------------------------------------------------------------------


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_progress_is_shown_on_a_terminal_only(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(verify_folder, "SHOW_SECONDS", 0)
    for stream, shown in ((Terminal(), True), (io.StringIO(), False)):
        with verify_folder._Progress(stream, 4_000_000_000) as progress:
            progress.advance(1_000_000_000)
        assert (" 25 %  1.00 of 4.00 GB" in stream.getvalue()) is shown


def test_words_do_not_command_the_terminal(folder: Path) -> None:
    (folder / "config.json").write_text(json.dumps({"auto_map": {"AutoModel": "x\x1b[2J.Y\u202e"}}))

    code, words = said(folder)

    assert code == 1
    assert "\x1b" not in words
    assert "\u202e" not in words
