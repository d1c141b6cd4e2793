"""Links to the repository, where the course has one: its address stands in pyproject.toml alone.

Without it, pages have no button for a repository, for issues, for Colab or for Binder, and no text speaks of them.
"""

from pathlib import Path

from cnncourse import address

ROCKET = ", the rocket at the top of a lab's page opens it on Colab or Binder"


def set_repository(app, config) -> None:
    """Tell the theme, and the text: ``{{ rocket }}`` is there only when the rocket is."""
    course = address.read(Path(app.srcdir))
    options = config.html_theme_options
    if course.repository:
        options["repository_url"], options["repository_branch"] = course.url, course.tag
    else:
        options.pop("repository_url", None)  # Jupyter Book's own, by default
        # To the theme this is a repository that it cannot use: no launch buttons, but chapters as notebooks, still.
        config.html_context |= {"github_url": "https://github.com", "github_user": None, "github_repo": None}
    options["use_repository_button"] = options["use_issues_button"] = bool(course.repository)
    config.myst_substitutions |= {"rocket": ROCKET if course.repository else ""}


def launch_notebooks_only(app, pagename, templatename, context, doctree) -> None:
    """Chapters are Markdown, which Colab cannot open and Binder shows as text."""
    if Path(app.env.doc2path(pagename)).suffix != ".ipynb":
        buttons = context.get("header_buttons", [])
        buttons[:] = [button for button in buttons if button.get("label") != "launch-buttons"]


def setup(app):
    app.connect("config-inited", set_repository)
    app.connect("html-page-context", launch_notebooks_only, priority=900)  # after the theme has added them
    return {"parallel_read_safe": True, "parallel_write_safe": True}
