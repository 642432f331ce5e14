"""How a command complains about a wrong call: by an exit code of its own, which no finding has."""

from typing import NoReturn

from django.core.management.base import CommandError, CommandParser


def complaining(parser: CommandParser, *, code: int) -> CommandParser:
    """The parser, whose complaints end the command with this exit code, or raise `CommandError` with it."""

    def error(message: str) -> NoReturn:
        # Django parses a command line outside of what it turns into an exit code.
        if parser.called_from_command_line:
            parser.exit(code, f"usage: {message}\n")
        raise CommandError(f"usage: {message}", returncode=code)

    parser.error = error  # type: ignore[method-assign]
    return parser
