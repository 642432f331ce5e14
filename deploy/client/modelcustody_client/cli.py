"""The `modelcustody` command: `admit`, `verify` and `ship`."""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import NoReturn

import modelcustody_client
from modelcustody_client import admit, errors, launch, leafproof, manifest, note, pack, shipper, transport

EXIT_USAGE = 2
EXIT_VERIFY_USAGE = 3
_MAX_INPUT = 1024 * 1024


class _Parser(argparse.ArgumentParser):
    """Ends with the status that the command promises for wrong usage."""

    usage_status = EXIT_USAGE

    def error(self, message: str) -> NoReturn:
        self.print_usage(sys.stderr)
        self.exit(self.usage_status, f"{self.prog}: {message}\n")


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command and return its exit status."""
    words = list(sys.argv[1:] if argv is None else argv)
    command: list[str] = []
    if "--" in words and words[:1] == ["admit"]:
        at = words.index("--")
        words, command = words[:at], words[at + 1 :]
    parser = _parser()
    if words[:1] == ["verify"]:
        parser.usage_status = EXIT_VERIFY_USAGE
    arguments = parser.parse_args(words)
    if arguments.action == "verify":
        return _verify(arguments)
    if arguments.action == "ship":
        return _ship(arguments)
    return _admit(arguments, command=command)


def _parser() -> _Parser:
    parser = _Parser(
        prog="modelcustody", description="The serving node's and the auditor's side of Model Custody."
    )
    parser.add_argument("--version", action="version", version=modelcustody_client.__version__)
    actions = parser.add_subparsers(dest="action", required=True)
    _add_admit(actions.add_parser("admit", help="ask whether a model may be served, then start the server"))
    _add_verify(actions.add_parser("verify", help="verify an evidence pack or a proof, offline"))
    _add_ship(actions.add_parser("ship", help="send the records that wait in a spool"))
    return parser


def _add_admit(parser: _Parser) -> None:
    parser.usage = "modelcustody admit --model DIR --environment ENV [options] -- COMMAND..."
    parser.epilog = "Exit: 2 wrong usage, 3 denied, 4 no decision could be had; else that of the command."
    parser.add_argument("--model", required=True, metavar="DIR", help="the folder that the server loads")
    parser.add_argument(
        "--environment", required=True, metavar="ENV", help="where it is to serve, as approved"
    )
    parser.add_argument("--purpose", help="what for, as approved (default: MODELCUSTODY_PURPOSE)")
    parser.add_argument("--engine", default="vllm", help="the engine's name (default: vllm)")
    parser.add_argument("--node", help="this node's name (default: the host name)")
    parser.add_argument("--region", help="where this node stands (default: MODELCUSTODY_REGION)")
    parser.add_argument("--recorder", help="the name that the token may record under (default: the node's)")
    parser.add_argument("--spool", metavar="DIR", help="where records wait (default: MODELCUSTODY_SPOOL)")
    parser.add_argument("--json", action="store_true", help="print the decision as JSON")
    _add_service(parser)


def _add_verify(parser: _Parser) -> None:
    parser.usage_status = EXIT_VERIFY_USAGE
    parser.epilog = "Exit: 0 verified, 1 tampered, 2 cannot decide, 3 wrong usage."
    parser.add_argument("pack", metavar="PACK", help="an evidence pack, or a .tlog-proof file")
    parser.add_argument(
        "--trust", action="append", default=[], metavar="FILE", help="verification keys, one a line"
    )
    parser.add_argument("--leaf", metavar="FILE", help="the leaf that a .tlog-proof is about")
    parser.add_argument("--json", action="store_true", help="print the report as JSON")


def _add_ship(parser: _Parser) -> None:
    parser.epilog = (
        "Exit: 0 all sent, 1 some records were refused and put aside, 2 wrong usage, 4 try again later."
    )
    parser.add_argument("--spool", required=True, metavar="DIR")
    parser.add_argument("--once", action="store_true", help="send what is there, and end")
    _add_service(parser)


def _add_service(parser: _Parser) -> None:
    parser.add_argument("--url", help="address of the service (default: MODELCUSTODY_URL)")
    parser.add_argument(
        "--token-file", metavar="FILE", help="file with the token (default: MODELCUSTODY_TOKEN[_FILE])"
    )


def _admit(arguments: argparse.Namespace, *, command: list[str]) -> int:
    try:
        return admit.run(arguments, command=command, environ=os.environ)
    except (launch.BadCommand, manifest.BadManifest) as error:
        admit.tell(f"NOT STARTED: {error}")
        return EXIT_USAGE
    except errors.Refused as error:
        admit.tell(f"NOT STARTED, no decision: {error}")
        return admit.EXIT_UNAVAILABLE


def _verify(arguments: argparse.Namespace) -> int:
    path = Path(arguments.pack)
    if path.suffix == ".tlog-proof" and arguments.leaf is None:
        print("modelcustody verify: a proof needs the leaf it is about: --leaf FILE", file=sys.stderr)
        return EXIT_VERIFY_USAGE
    try:
        vkeys = [vkey for name in arguments.trust for vkey in note.parse_vkeys(_read(Path(name)))]
        if path.suffix == ".tlog-proof":
            report = leafproof.verify_leaf(
                _read(path), leaf=_read(Path(arguments.leaf)), vkeys=vkeys, subject=f"Proof {path.name}"
            )
        else:
            report = pack.verify_pack(path, vkeys=vkeys)
    except (OSError, note.NoteInvalid) as error:
        print(f"modelcustody verify: {error}", file=sys.stderr)
        return EXIT_VERIFY_USAGE
    if arguments.json:
        print(json.dumps(report.as_json(), indent=2, sort_keys=True))
    else:
        print(report.as_text(), end="")
    return report.exit_code


def _read(path: Path) -> bytes:
    with path.open("rb") as stream:
        data = stream.read(_MAX_INPUT + 1)
    if len(data) > _MAX_INPUT:
        raise note.NoteInvalid(f"{path} is larger than {_MAX_INPUT} bytes")
    return data


def _ship(arguments: argparse.Namespace) -> int:
    failures = 0
    while True:
        status, wait = _ship_once(arguments, failures=failures)
        if arguments.once or status == EXIT_USAGE:
            return status
        failures = failures + 1 if status else 0
        time.sleep(wait)


def _ship_once(arguments: argparse.Namespace, *, failures: int) -> tuple[int, float]:
    root = Path(arguments.spool)
    url = arguments.url or os.environ.get("MODELCUSTODY_URL")
    if not url or not root.is_dir():
        admit.tell(f"{root} is no folder" if url else "no address: set MODELCUSTODY_URL or give --url")
        return EXIT_USAGE, 0.0
    try:
        service = transport.Service(url, token=transport.token_source(os.environ, file=arguments.token_file))
        sent = shipper.Shipper(root, service=service).ship_all()
    except transport.BadSettings as error:
        admit.tell(str(error))
        return EXIT_USAGE, 0.0
    except shipper.TryLater as error:
        admit.tell(f"records wait in the spool: {error}")
        return admit.EXIT_UNAVAILABLE, shipper.backoff(failures + 1, asked=error.wait)
    except (errors.Refused, OSError) as error:
        admit.tell(str(error))
        return 1, 5.0
    admit.tell(f"{sent} records acknowledged")
    return 0, 5.0


if __name__ == "__main__":
    sys.exit(main())
