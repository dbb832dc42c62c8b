"""The command ``unbraid``: each file in ``commands/`` is a command of its name, imported when it is called."""

from __future__ import annotations

import ast
import os
import sys
from collections.abc import Sequence
from importlib import import_module
from pathlib import Path

from .. import __version__
from ..errors import InputError, UnknownNameError

COMMANDS = Path(__file__).parent / "commands"


def command_names() -> dict[str, str]:
    """Every command and the first line of its file, without importing any."""
    files = sorted(path for path in COMMANDS.glob("*.py") if not path.stem.startswith("_"))
    return {path.stem: (ast.get_docstring(ast.parse(path.read_text())) or "").partition("\n")[0] for path in files}


def usage() -> str:
    """The text of ``unbraid --help``."""
    rows = "\n".join(f"  {name:<10} {line}" for name, line in command_names().items())
    return (
        f"unbraid {__version__}: interactive worlds, and learners that pull their factors of variation apart\n\n"
        f"usage: unbraid COMMAND [OPTIONS]     (unbraid COMMAND --help shows every option)\n\n{rows}\n"
    )


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; returns the exit status: 0 done, 2 wrong arguments or input, 1 anything else."""
    args = list(sys.argv[1:] if argv is None else argv)
    if not args:
        print(usage(), end="", file=sys.stderr)
        return 2
    try:
        return _run(args)
    except InputError as error:
        print(f"unbraid: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt as stop:
        print(f"unbraid: interrupted{f'; {stop}' if stop.args else ''}", file=sys.stderr)
    except BrokenPipeError:  # whoever read our output has stopped reading
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    except (FloatingPointError, OSError) as error:
        print(f"unbraid: {error}", file=sys.stderr)
    return 1


def _run(args: list[str]) -> int:
    if args[0] in ("-h", "--help"):
        print(usage(), end="", flush=True)
        return 0
    if args[0] == "--version":
        print(f"unbraid {__version__}")
        return 0
    known = command_names()
    if args[0] not in known:
        raise UnknownNameError("command", args[0], known)
    if "" not in sys.path:
        sys.path.append("")  # MODULE:ID may name a module in the present folder
    import_module(f".commands.{args[0]}", __package__).main(args[1:])
    sys.stdout.flush()
    return 0


if __name__ == "__main__":
    sys.exit(main())
