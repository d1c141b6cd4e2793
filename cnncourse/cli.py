"""One command, ``cnncourse``.

Every subcommand imports what it needs inside its body: ``cnncourse --help`` must not wait for torch.
"""

import typer

app = typer.Typer(no_args_is_help=True, add_completion=False, help=__doc__.splitlines()[0])
