"""Where the course comes from: the address of its repository, or the wheel that somebody was given.

The address stands in ``[project.urls]`` of pyproject.toml, as ``Repository``, and nowhere else. As long as the course
has none, nothing names one: whoever registered an address that nobody owns would be installed on every student's
machine. What students install and open is the tag of this version, not a branch, which may be another one tomorrow.
"""

import re
import tomllib
from pathlib import Path
from typing import NamedTuple
from urllib.parse import quote

from cnncourse.files import FileError

GITHUB = re.compile(r"https://github\.com/([\w.-]+/[\w.-]+?)/?")


class Address(NamedTuple):
    """The version, and OWNER/NAME of the repository on GitHub or None."""

    version: str
    repository: str | None

    @property
    def url(self) -> str:
        return f"https://github.com/{self.repository}"

    @property
    def tag(self) -> str:
        return f"v{self.version}"

    @property
    def wheel(self) -> str:
        return f"cnncourse-{self.version}-py3-none-any.whl"

    @property
    def badge(self) -> str:
        """In Markdown: whether the checks passed."""
        workflow = f"{self.url}/actions/workflows/course.yml"
        return f"[![course]({workflow}/badge.svg)]({workflow})"

    def colab(self, file: str) -> str:
        return f"https://colab.research.google.com/github/{self.repository}/blob/{self.tag}/{file}"

    def binder(self, file: str) -> str:
        return f"https://mybinder.org/v2/gh/{self.repository}/{self.tag}?labpath={quote(file, safe='')}"


def read(root: Path) -> Address:
    """What pyproject.toml in the folder ``root`` says.

    Raises FileError where it cannot be read, or gives a repository that is not on GitHub.
    """
    file = root / "pyproject.toml"
    try:
        project = tomllib.loads(file.read_text(encoding="utf-8"))["project"]
        version, url = project["version"], project.get("urls", {}).get("Repository")
    except (OSError, ValueError, KeyError) as error:
        raise FileError(f"{file} does not say the project's version: {error!r}") from error
    if url is None:
        return Address(version, None)
    if not (found := GITHUB.fullmatch(url)):
        raise FileError(f"{file}: the Repository {url!r} is not of the form https://github.com/OWNER/NAME")
    return Address(version, found[1].removesuffix(".git"))


def way_in(address: Address, lab: str) -> str:
    """In Markdown, for the beginning of a lab: where it runs, and how to install what it needs."""
    if address.repository:
        file = f"labs/{lab}.ipynb"
        colab, binder = address.colab(file), address.binder(file)
        return f"Run the notebook here, or open it in [Colab]({colab}) or [Binder]({binder})."
    return (
        "The notebook needs the package `cnncourse`; the next cell says whether it is there. If it is not, install the "
        "course from the folder or wheel you were given, by one of\n"
        "\n"
        "```text\n"
        f"pip install {address.wheel}\n"
        "pip install path/to/the/folder\n"
        "```\n"
        "\n"
        "in a terminal, then restart the kernel. Do not install it by its name alone: nobody answers for what "
        "comes then."
    )


def first_cell(address: Address) -> str:
    """The code cell behind it: nothing happens where the course is installed."""
    if address.repository:
        return (
            "# Colab and Binder lack the course: this installs it there. Elsewhere it is there, and nothing happens.\n"
            "import importlib.util\n"
            "\n"
            'if importlib.util.find_spec("cnncourse") is None:\n'
            f'    %pip install --quiet "cnncourse[fast] @ git+{address.url}@{address.tag}"'
        )
    return (
        "# Is the course installed? If so, nothing happens.\n"
        "import importlib.util\n"
        "\n"
        'if importlib.util.find_spec("cnncourse") is None:\n'
        "    raise ModuleNotFoundError(\n"
        '        "Install the course from the folder or wheel you were given: "\n'
        f'        "pip install {address.wheel}, "\n'
        '        "then restart the kernel"\n'
        "    )"
    )
