import dataclasses
from pathlib import Path

import pytest

from registry.smoke import hardware, suite, vllm_settings


def answers() -> list[suite.Answer]:
    return [
        suite.Answer(prompt, " some words", tuple(prompt.encode()[:4]), (-0.1,) * 4, "length", 1.0)
        for prompt in suite.QUESTIONS
    ]


def test_sound_answers_have_no_fault() -> None:
    assert suite.faults(answers()) == []


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"text": " \n"}, "empty"),
        ({"token_ids": (), "logprobs": ()}, "empty"),
        ({"text": "\ufffd" * 5 + "abc"}, "not text"),
        ({"logprobs": (-0.1,) * 3}, "not every token"),
        ({"logprobs": (-0.1, float("inf"), -0.1, -0.1)}, "not a number"),
        ({"logprobs": (-0.1, None, -0.1, -0.1)}, "not a number"),
    ],
)
def test_an_unsound_answer_is_named(change: dict[str, object], words: str) -> None:
    found = answers()
    found[1] = dataclasses.replace(found[1], **change)

    assert any(words in fault and fault.startswith("prompt 2: ") for fault in suite.faults(found))


def test_the_first_prompt_must_be_answered_alike() -> None:
    found = answers()
    found[-1] = dataclasses.replace(found[-1], token_ids=(1, 2, 3, 4))

    assert "other tokens" in suite.faults(found)[0]


def test_too_few_answers_are_a_fault() -> None:
    assert suite.faults(answers()[:-1]) == ["5 of 6 prompts were answered"]


def test_the_fingerprint_tells_tokens_apart_and_nothing_else() -> None:
    first, other = answers(), answers()
    other[0] = dataclasses.replace(other[0], text="else", duration_ms=9.0, logprobs=(-1.0,) * 4)
    assert suite.fingerprint(first) == suite.fingerprint(other)

    other[0] = dataclasses.replace(other[0], token_ids=(9,))
    assert suite.fingerprint(first) != suite.fingerprint(other)
    assert suite.suite_digest().startswith("sha256:")


def test_on_a_cpu_the_engine_is_set_to_repeat_itself() -> None:
    config = {"num_hidden_layers": 30, "num_attention_heads": 9, "num_key_value_heads": 3, "hidden_size": 576}

    command = vllm_settings.arguments(
        python="py", folder=Path("/m"), socket=Path("/s"), config=config, has_gpu=False
    )

    assert command[command.index("--dtype") + 1] == "float32"
    cache = int(command[command.index("--kv-cache-memory-bytes") + 1])
    assert cache >= 2 * 30 * 3 * 64 * 4 * vllm_settings.MAX_MODEL_LENGTH
    assert "--dtype" not in vllm_settings.arguments(
        python="py", folder=Path("/m"), socket=Path("/s"), config=config, has_gpu=True
    )


@pytest.mark.parametrize(
    "config", [{}, {"num_hidden_layers": "30"}, {"num_attention_heads": 0, "num_hidden_layers": True}]
)
def test_a_config_without_numbers_gets_a_cache_all_the_same(config: dict[str, object]) -> None:
    assert vllm_settings.cache_bytes(config, length=1024) == vllm_settings.UNKNOWN_CACHE_BYTES
    assert vllm_settings.max_length({"max_position_embeddings": 128}) == 128


def test_the_engine_gets_no_secret() -> None:
    ours = {
        "SECRET_KEY": "s",
        "HF_TOKEN": "t",
        "DATABASE_URL": "d",
        "CUDA_VISIBLE_DEVICES": "0",
        "PATH": "/ours",
    }

    found = vllm_settings.environment(python="/v/bin/python", home=Path("/h"), has_gpu=False, ours=ours)

    assert not {"s", "t", "d"} & set(found.values())
    assert found["CUDA_VISIBLE_DEVICES"] == "0"
    assert found["HF_HUB_OFFLINE"] == found["VLLM_NO_USAGE_STATS"] == "1"
    assert found["PATH"].startswith("/v/bin:")
    assert "OMP_NUM_THREADS" not in vllm_settings.environment(
        python="p", home=Path("/h"), has_gpu=True, ours={}
    )


def test_a_config_is_read_with_its_language_part(tmp_path: Path) -> None:
    assert vllm_settings.read_config(tmp_path) == {}
    (tmp_path / "config.json").write_text('{"a": 1, "text_config": {"num_hidden_layers": 2}}')
    assert vllm_settings.read_config(tmp_path)["num_hidden_layers"] == 2
    (tmp_path / "config.json").write_text("[]")
    assert vllm_settings.read_config(tmp_path) == {}


def test_the_processor_is_named(tmp_path: Path) -> None:
    info = tmp_path / "cpuinfo"
    info.write_text("model name : A\nflags : b a\nmodel name : B\nflags : z\n")

    found = hardware.facts(cpuinfo=info)

    assert found["cpu"] == "A"
    info.write_text("model name : A\nflags : a b\n")
    assert hardware.facts(cpuinfo=info)["cpu_flags_digest"] == found["cpu_flags_digest"]
    assert hardware.facts(cpuinfo=tmp_path / "none")["cpu"] == "unknown"
