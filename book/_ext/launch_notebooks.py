"""Offer Colab and Binder where they work: chapters are Markdown, which Colab cannot open and Binder shows as text."""

from pathlib import Path


def keep_for_notebooks(app, pagename, templatename, context, doctree) -> None:
    if Path(app.env.doc2path(pagename)).suffix != ".ipynb":
        buttons = context.get("header_buttons", [])
        buttons[:] = [button for button in buttons if button.get("label") != "launch-buttons"]


def setup(app):
    app.connect("html-page-context", keep_for_notebooks, priority=900)  # after the theme has added them
    return {"parallel_read_safe": True, "parallel_write_safe": True}
