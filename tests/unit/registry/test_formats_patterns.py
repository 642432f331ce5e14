"""Expressions are judged without being run: those of tokenizers in use pass, those that explode are told."""

import contextlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from registry.formats.pattern_syntax import BadPattern
from registry.formats.patterns import can_explode
from tests.good_tokenizers import GPT2_PATTERN, LLAMA3_PATTERN, QWEN_PATTERN

# As published with GPT-4o, DeepSeek, Kimi, BLOOM, Falcon, Mistral's Tekken, and adapters and quantisers.
O200K = (
    r"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+(?i:'s|'t|'re|'ve|'m|'ll|'d)?"
    r"|[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*(?i:'s|'t|'re|'ve|'m|'ll|'d)?"
    r"|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+"
)
GOOD = [
    "",
    GPT2_PATTERN,
    LLAMA3_PATTERN,
    QWEN_PATTERN,
    O200K,
    r"'(?i:[sdmt]|ll|ve|re)|[^\r\n\p{L}\p{N}]?+\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]++[\r\n]*|\s*[\r\n]|\s+(?!\S)|\s+",
    r"""[!"#$%&'()*+,\-./:;<=>?@\[\\\]^_`{|}~][A-Za-z]+|[^\r\n\p{L}\p{P}\p{S}]?[\p{L}\p{M}]+| ?[\p{P}\p{S}]+[\r\n]*""",
    "[\u4e00-\u9fa5\u3040-\u309f\u30a0-\u30ff]+",
    r"[\p{Han}]+|[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}&&[^\p{Han}]]*[\p{Ll}\p{Lm}&&[^\p{Han}]]+(?i:'s|'t)?",
    r" ?[^(\s|[.,!?\u2026\u3002])]+",
    r"(?=(\d{3})+(?!\d))",
    r"\p{N}{1,3}(?=(?:\p{N}{3})*(?:\P{N}|$))",
    r"[0-9][0-9][0-9]",
    r" {2,}",
    r"(?:[a-z]+ )*x",
    r"(?:a++)+b",
    r"(?:(?!x).)*",
    r"(ab)+|(?:ab|c)*?d",
    r"[]a]+|[^]b]|[a\-z]|[\w-]+|[[:alpha:][:^digit:]]",
    r".*\.layers\.\d+\.(self_attn|mlp)\.(q|k|v|o)_proj",
    r"^(?!.*visual).*(?:q_proj|k_proj).*$",
    r"(?#a comment)(?P<name>a)(?<other>b)(?>c)(?i)d\x41\x{42}\u0043\u{44}\R\X\h\N",
]
EXPLODING = [
    r"(a+)+$",
    r"(a*)*b",
    r"(a|a)*b",
    r"(a|aa)+$",
    r"(\w+\s?)+$",
    r"([a-zA-Z]+)*$",
    r"(.*)*x",
    r"(x+x+)+y",
    r"(a|a?)+$",
    r"^(([a-z])+.)+[A-Z]([a-z])+$",
    r"(?:\p{L}+)*\d",
    r"((a?)+)+b",
    r"(?=(a+)+b)",
    r"(.*a){20}",
    r"(\s*\S*)*z",
    r"(?i:(a|A)+)*",
    r"(a{1,9})+b",
    r"(?:[a-z]|\p{Ll})*9",
    "(\u0436|\u0436)*\u044b",
    r"([^x]|y)*z",
    r"(a|b|ab)*c",
    r"(?:(?:a++)|(?:a+))*b",
]  # fmt: skip
NOT_JUDGED = [
    r"(a+)\1", r"(?R)", "(((", "a)", "a{1,999999}", "x" * 30_000, "(" * 100 + ")" * 100, "[" * 100, r"\p{", "[a", "(?x) a b", "*a",
    r"(?<n>a)\g<n>", "a\\", r"\x{110000}", "(?#", "(?'", "a" * 700, "(" + "[ab]" * 90 + ")*",
]  # fmt: skip


@pytest.mark.parametrize("pattern", GOOD)
def test_patterns_in_use_are_fine(pattern: str) -> None:
    assert not can_explode(pattern)


@pytest.mark.parametrize("pattern", EXPLODING)
def test_patterns_that_explode_are_told(pattern: str) -> None:
    assert can_explode(pattern)


@pytest.mark.parametrize("pattern", NOT_JUDGED, ids=lambda pattern: pattern[:12])
def test_what_is_not_understood_is_not_judged(pattern: str) -> None:
    with pytest.raises(BadPattern):
        can_explode(pattern)


@settings(max_examples=300)
@given(st.one_of(st.text(max_size=60), st.text(alphabet=r"()[]{}*+?|\a.b^-1,2pLsx&:<>=!i$", max_size=60)))
def test_no_text_is_too_much(pattern: str) -> None:
    with contextlib.suppress(BadPattern):
        assert can_explode(pattern) in {True, False}
