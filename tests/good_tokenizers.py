"""Tokenizer files in the style of the families in use, with small vocabularies. Each function gives files by path."""

import json
import struct
from typing import Any

GPT2_PATTERN = r"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+"
LLAMA3_PATTERN = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
QWEN_PATTERN = LLAMA3_PATTERN.replace(r"\p{N}{1,3}", r"\p{N}")
CHATML = (
    "{% for message in messages %}{{ '<|im_start|>' + message['role'] + '\n' + message['content'] + '<|im_end|>\n' }}"
    "{% endfor %}{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}"
)
LLAMA3_CHAT = (
    "{{ bos_token }}{% for message in messages %}{{ '<|start_header_id|>' + message['role'] + '<|end_header_id|>\n\n' "
    "+ message['content'] | trim + '<|eot_id|>' }}{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|start_header_id|>assistant<|end_header_id|>\n\n' }}{% endif %}"
)
GEMMA_CHAT = (
    "{{ bos_token }}{% if messages[0]['role'] == 'system' %}{{ raise_exception('System role not supported') }}{% endif %}"
    "{% for message in messages %}{% if (message['role'] == 'assistant') %}{% set role = 'model' %}{% else %}"
    "{% set role = message['role'] %}{% endif %}{{ '<start_of_turn>' + role + '\n' + message['content'] | trim + "
    "'<end_of_turn>\n' }}{% endfor %}{% if add_generation_prompt %}{{ '<start_of_turn>model\n' }}{% endif %}"
)
MISTRAL_CHAT = (
    "{{ bos_token }}{% for message in messages %}{% if (message['role'] == 'user') != (loop.index0 % 2 == 0) %}"
    "{{ raise_exception('Roles must alternate') }}{% endif %}{% if message['role'] == 'user' %}"
    "{{ '[INST] ' + message['content'] + ' [/INST]' }}{% else %}{{ message['content'] + eos_token }}{% endif %}{% endfor %}"
)
PHI3_CHAT = (
    "{% for message in messages %}{{ '<|' + message['role'] + '|>\n' + message['content'] + '<|end|>\n' }}{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|assistant|>\n' }}{% else %}{{ eos_token }}{% endif %}"
)


def as_json(value: Any) -> bytes:
    return (json.dumps(value, indent=2, ensure_ascii=False) + "\n").encode()


def byte_alphabet() -> list[str]:
    """The 256 characters that stand for bytes in a byte-level vocabulary."""
    plain = [*range(33, 127), *range(161, 173), *range(174, 256)]
    others = [byte for byte in range(256) if byte not in plain]
    return [chr(byte) for byte in plain] + [chr(256 + place) for place in range(len(others))]


def added(token: str, number: int, *, special: bool = True, **flags: bool) -> dict[str, Any]:
    base = {"single_word": False, "lstrip": False, "rstrip": False, "normalized": False}
    return {"id": number, "content": token, **base, "special": special} | flags


def _file(model: dict[str, Any], tokens: list[dict[str, Any]], **rules: Any) -> bytes:
    parts = {name: rules.get(name) for name in ("normalizer", "pre_tokenizer", "post_processor", "decoder")}
    return as_json(
        {
            "version": "1.0",
            "truncation": None,
            "padding": None,
            "added_tokens": tokens,
            **parts,
            "model": model,
        }
    )


def _table(tokens: list[dict[str, Any]]) -> dict[str, Any]:
    return {str(item["id"]): {name: value for name, value in item.items() if name != "id"} for item in tokens}


_BYTE_LEVEL = {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True, "use_regex": False}
_MERGES = [("\u0120", "t"), ("h", "e"), ("\u0120t", "he"), ("i", "n"), ("e", "r")]


def byte_level(style: str) -> tuple[dict[str, bytes], int]:
    """gpt2, llama3, qwen2 or falcon: the files, and the size of the vocabulary."""
    names = byte_alphabet() + ["".join(pair) for pair in _MERGES]
    vocabulary = {token: number for number, token in enumerate(names)}
    merges = [" ".join(pair) for pair in _MERGES] if style == "gpt2" else [list(pair) for pair in _MERGES]
    controls, ends, chat, pattern, name = {
        "gpt2": (["<|endoftext|>"], "<|endoftext|>", None, GPT2_PATTERN, "GPT2Tokenizer"),
        "llama3": (
            ["<|begin_of_text|>", "<|end_of_text|>", "<|reserved_special_token_0|>", "<|start_header_id|>", "<|end_header_id|>", "<|eot_id|>"],
            "<|eot_id|>", LLAMA3_CHAT, LLAMA3_PATTERN, "PreTrainedTokenizerFast",
        ),
        "qwen2": (["<|endoftext|>", "<|im_start|>", "<|im_end|>"], "<|im_end|>", CHATML, QWEN_PATTERN, "Qwen2Tokenizer"),
        "falcon": (
            [">>TITLE<<", ">>ABSTRACT<<", ">>INTRODUCTION<<", "<|endoftext|>"], "<|endoftext|>", None, "[0-9][0-9][0-9]",
            "PreTrainedTokenizerFast",
        ),
    }[style]  # fmt: skip
    tokens = [added(token, len(names) + place) for place, token in enumerate(controls)]
    if style in {"gpt2", "falcon"}:  # their control tokens stand in the vocabulary, too
        vocabulary |= {item["content"]: item["id"] for item in tokens}
    begins = {
        "type": "TemplateProcessing",
        "single": [
            {"SpecialToken": {"id": controls[0], "type_id": 0}},
            {"Sequence": {"id": "A", "type_id": 0}},
        ],
        "pair": [{"Sequence": {"id": "A", "type_id": 0}}, {"Sequence": {"id": "B", "type_id": 1}}],
        "special_tokens": {controls[0]: {"id": controls[0], "ids": [len(names)], "tokens": [controls[0]]}},
    }
    split = {"type": "Split", "pattern": {"Regex": pattern}, "behavior": "Isolated", "invert": False}
    steps = [
        {"type": "Punctuation", "behavior": "Contiguous"},
        {"type": "ByteLevel", **_BYTE_LEVEL},
        {"type": "Digits", "individual_digits": False},
        split,
    ]
    main = _file(
        {"type": "BPE", "dropout": None, "unk_token": None, "fuse_unk": False, "byte_fallback": False, "ignore_merges": style == "llama3",
         "vocab": vocabulary, "merges": merges},
        tokens,
        normalizer={"type": "NFC"} if style == "qwen2" else None,
        pre_tokenizer={"type": "Sequence", "pretokenizers": steps if style == "falcon" else [split, _BYTE_LEVEL]} if style != "gpt2" else _BYTE_LEVEL,
        post_processor={"type": "Sequence", "processors": [_BYTE_LEVEL, begins]} if style == "llama3" else _BYTE_LEVEL,
        decoder=_BYTE_LEVEL,
    )  # fmt: skip
    config: dict[str, Any] = {
        "added_tokens_decoder": _table(tokens), "bos_token": controls[0], "eos_token": ends, "clean_up_tokenization_spaces": False,
        "model_max_length": 131072, "tokenizer_class": name, "pad_token": controls[0],
    }  # fmt: skip
    if chat is not None:
        config["chat_template"] = chat
    files = {"tokenizer.json": main, "tokenizer_config.json": as_json(config)}
    if style != "llama3":
        files["vocab.json"] = as_json(
            {
                token: number
                for token, number in vocabulary.items()
                if token not in controls or style == "gpt2"
            }
        )
        files["merges.txt"] = (
            "#version: 0.2\n" + "\n".join(" ".join(pair) for pair in _MERGES) + "\n"
        ).encode()
    files["special_tokens_map.json"] = as_json(
        {
            role: {
                "content": config[role],
                "lstrip": False,
                "normalized": False,
                "rstrip": False,
                "single_word": False,
            }
            for role in ("bos_token", "eos_token", "pad_token")
        }
    )
    return files, len(names) + len(controls)


def sentence_pieces(names: list[str]) -> bytes:
    """A SentencePiece model with these pieces, in protocol buffers."""
    kinds = {"<unk>": 2, "<s>": 3, "</s>": 3, "<pad>": 3, "<eos>": 3, "<bos>": 3}
    raw = bytearray()
    for place, name in enumerate(names):
        text = name.encode()
        kind = kinds.get(name, 6 if name.startswith("<0x") else 1)
        inner = (
            b"\x0a"
            + bytes([len(text)])
            + text
            + b"\x15"
            + struct.pack("<f", -float(place))
            + b"\x18"
            + bytes([kind])
        )
        raw += b"\x0a" + bytes([len(inner)]) + inner
    trainer = b"\x18\x02\x20" + bytes([200]) + b"\x02"
    raw += b"\x12" + bytes([len(trainer)]) + trainer
    return bytes(raw)


def pieces(style: str) -> tuple[dict[str, bytes], int]:
    """llama2, gemma or phi3: byte pieces and words that begin with a bar; the files, and the size of the vocabulary."""
    first = {
        "gemma": [
            "<pad>",
            "<eos>",
            "<bos>",
            "<unk>",
            "<mask>",
            "<start_of_turn>",
            "<end_of_turn>",
            "\n",
            "\n\n",
        ]
    }.get(style, ["<unk>", "<s>", "</s>"])
    names = [
        *first,
        *(f"<0x{byte:02X}>" for byte in range(256)),
        "\u2581",
        "\u2581the",
        "\u2581model",
        *"etaoinshrdlu",
    ]
    vocabulary = {token: number for number, token in enumerate(names)}
    tokens = [added(token, vocabulary[token], special=token.strip() != "") for token in first]
    bos, eos, chat = {
        "gemma": ("<bos>", "<eos>", GEMMA_CHAT),
        "llama2": ("<s>", "</s>", MISTRAL_CHAT),
        "phi3": ("<s>", "<|endoftext|>", PHI3_CHAT),
    }[style]
    if style == "phi3":
        more = ["<|endoftext|>", "<|assistant|>", "<|placeholder1|>", "<|system|>", "<|end|>", "<|user|>"]
        tokens += [added(token, len(names) + place, rstrip=True) for place, token in enumerate(more)]
    steps = [
        {"type": "Prepend", "prepend": "\u2581"},
        {"type": "Replace", "pattern": {"String": " "}, "content": "\u2581"},
    ]
    undo = [
        {"type": "Replace", "pattern": {"String": "\u2581"}, "content": " "},
        {"type": "ByteFallback"},
        {"type": "Fuse"},
    ]
    begin = {"type": "TemplateProcessing", "single": [{"SpecialToken": {"id": bos, "type_id": 0}}, {"Sequence": {"id": "A", "type_id": 0}}],
             "pair": [{"Sequence": {"id": "A", "type_id": 0}}, {"Sequence": {"id": "B", "type_id": 1}}],
             "special_tokens": {bos: {"id": bos, "ids": [vocabulary[bos]], "tokens": [bos]}}}  # fmt: skip
    main = _file(
        {
            "type": "BPE",
            "dropout": None,
            "unk_token": "<unk>",
            "fuse_unk": True,
            "byte_fallback": True,
            "vocab": vocabulary,
            "merges": [["\u2581", "t"]],
        },
        tokens,
        normalizer=steps[1] if style == "gemma" else {"type": "Sequence", "normalizers": steps},
        pre_tokenizer={
            "type": "Split",
            "pattern": {"String": " "},
            "behavior": "MergedWithPrevious",
            "invert": False,
        }
        if style == "gemma"
        else None,
        post_processor=begin,
        decoder={"type": "Sequence", "decoders": undo},
    )
    config = {
        "add_bos_token": True, "add_eos_token": False, "added_tokens_decoder": _table(tokens), "bos_token": bos, "eos_token": eos,
        "unk_token": "<unk>", "pad_token": "<pad>" if style == "gemma" else eos, "model_max_length": 1000000000000000019884624838656,
        "tokenizer_class": "GemmaTokenizer" if style == "gemma" else "LlamaTokenizer", "chat_template": chat, "legacy": False,
    }  # fmt: skip
    files = {
        "tokenizer.json": main,
        "tokenizer_config.json": as_json(config),
        "tokenizer.model": sentence_pieces(names),
        "special_tokens_map.json": as_json(
            {role: config[role] for role in ("bos_token", "eos_token", "unk_token", "pad_token")}
        ),
    }
    if style == "phi3":
        files["added_tokens.json"] = as_json({item["content"]: item["id"] for item in tokens[3:]})
    return files, len(vocabulary) + (6 if style == "phi3" else 0)


def word_pieces() -> tuple[dict[str, bytes], int]:
    """BERT, uncased."""
    names = ["[PAD]", *(f"[unused{place}]" for place in range(8)), "[UNK]", "[CLS]", "[SEP]", "[MASK]", *"abcdefghijklmnopqrstuvwxyz0123456789.,!?",
             *(f"##{mark}" for mark in "abcdefghijklmnopqrstuvwxyz"), "the", "model", "##ing"]  # fmt: skip
    vocabulary = {token: number for number, token in enumerate(names)}
    controls = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
    tokens = [added(token, vocabulary[token]) for token in controls]
    special = {
        token: {"id": token, "ids": [vocabulary[token]], "tokens": [token]} for token in ("[CLS]", "[SEP]")
    }
    frame = [
        {"SpecialToken": {"id": "[CLS]", "type_id": 0}},
        {"Sequence": {"id": "A", "type_id": 0}},
        {"SpecialToken": {"id": "[SEP]", "type_id": 0}},
    ]
    main = _file(
        {
            "type": "WordPiece",
            "unk_token": "[UNK]",
            "continuing_subword_prefix": "##",
            "max_input_chars_per_word": 100,
            "vocab": vocabulary,
        },
        tokens,
        normalizer={
            "type": "BertNormalizer",
            "clean_text": True,
            "handle_chinese_chars": True,
            "strip_accents": None,
            "lowercase": True,
        },
        pre_tokenizer={"type": "BertPreTokenizer"},
        post_processor={
            "type": "TemplateProcessing",
            "single": frame,
            "pair": frame,
            "special_tokens": special,
        },
        decoder={"type": "WordPiece", "prefix": "##", "cleanup": True},
    )
    roles = {
        "cls_token": "[CLS]",
        "mask_token": "[MASK]",
        "pad_token": "[PAD]",
        "sep_token": "[SEP]",
        "unk_token": "[UNK]",
    }
    config = {
        "added_tokens_decoder": _table(tokens),
        "do_lower_case": True,
        "model_max_length": 512,
        "tokenizer_class": "BertTokenizer",
        **roles,
    }
    return {
        "tokenizer.json": main,
        "tokenizer_config.json": as_json(config),
        "special_tokens_map.json": as_json(roles),
        "vocab.txt": ("\n".join(names) + "\n").encode(),
    }, len(names)


def unigram() -> tuple[dict[str, bytes], int]:
    """XLM-RoBERTa: pieces with scores."""
    names = ["<s>", "<pad>", "</s>", "<unk>", ",", ".", "\u2581the", "\u2581model", *"etaoinshrdlu", "\u2581"]
    tokens = [added(token, number) for number, token in enumerate(names[:4])] + [
        added("<mask>", len(names), lstrip=True)
    ]
    special = {
        token: {"id": token, "ids": [names.index(token)], "tokens": [token]} for token in ("<s>", "</s>")
    }
    frame = [
        {"SpecialToken": {"id": "<s>", "type_id": 0}},
        {"Sequence": {"id": "A", "type_id": 0}},
        {"SpecialToken": {"id": "</s>", "type_id": 0}},
    ]
    main = _file(
        {"type": "Unigram", "unk_id": 3, "vocab": [[token, -float(place)] for place, token in enumerate(names)], "byte_fallback": False},
        tokens,
        normalizer={"type": "Sequence", "normalizers": [{"type": "Precompiled", "precompiled_charsmap": "ALQCAACEAAAAAACAAQAAgMz8AgC4BQAA"}, {"type": "Replace", "pattern": {"Regex": " {2,}"}, "content": " "}]},
        pre_tokenizer={"type": "Metaspace", "replacement": "\u2581", "prepend_scheme": "always", "split": True},
        post_processor={"type": "TemplateProcessing", "single": frame, "pair": frame, "special_tokens": special},
        decoder={"type": "Metaspace", "replacement": "\u2581", "prepend_scheme": "always", "split": True},
    )  # fmt: skip
    roles = {
        "bos_token": "<s>",
        "cls_token": "<s>",
        "eos_token": "</s>",
        "mask_token": "<mask>",
        "pad_token": "<pad>",
        "sep_token": "</s>",
        "unk_token": "<unk>",
    }
    config = {
        "added_tokens_decoder": _table(tokens),
        "model_max_length": 512,
        "tokenizer_class": "XLMRobertaTokenizer",
        **roles,
    }
    raw = sentence_pieces(["<unk>", "<s>", "</s>", *names[4:]])
    return {
        "tokenizer.json": main,
        "tokenizer_config.json": as_json(config),
        "sentencepiece.bpe.model": raw,
    }, len(names) + 1


def of_gguf(vocabulary: int) -> dict[str, Any]:
    """The tokenizer inside a GGUF file."""
    names = ["<unk>", "<s>", "</s>", *(f"<0x{byte:02X}>" for byte in range(256))]
    names += [f"\u2581w{place}" for place in range(vocabulary - len(names))]
    kinds = [2, 3, 3, *([6] * 256), *([1] * (vocabulary - 259))]
    return {
        "tokenizer.ggml.model": "llama",
        "tokenizer.ggml.tokens": names,
        "tokenizer.ggml.scores": [-float(place) for place in range(vocabulary)],
        "tokenizer.ggml.token_type": kinds,
        "tokenizer.ggml.bos_token_id": 1,
        "tokenizer.ggml.eos_token_id": 2,
        "tokenizer.chat_template": MISTRAL_CHAT,
    }
