"""Every figure of a page opens in full size: it is a link to its own file.

Pages are narrower than many figures, on a phone by far. Pictures that a cell's HTML holds inside it (frames one steps
through) become files first: browsers open no link to a data URL. What is a link already stays as it is.
"""

import base64
import hashlib
import posixpath
import re
from pathlib import Path
from urllib.parse import quote

from docutils import nodes
from sphinx.transforms.post_transforms import SphinxPostTransform
from sphinx.util.osutil import relative_uri

from cnncourse.files import write_bytes

TITLE = "Opens in full size"  # beside the link's name, which is the picture's alternative text
_INSIDE = re.compile(
    r"<a\b.*?</a>|"
    r'(?P<before><img\b[^>]*?\bsrc=")data:image/(?P<kind>png|jpeg|svg\+xml);base64,(?P<data>[^"]+)(?P<after>"[^>]*>)',
    re.DOTALL,
)


class FullSize(SphinxPostTransform):
    """Runs last: by then it is decided which of a cell's outputs are shown, and what is a link."""

    default_priority = 900
    formats = ("html",)

    def run(self, **kwargs) -> None:
        for image in list(self.document.findall(nodes.image)):
            known = self.env.images.get(image["uri"])
            if known is not None and not _linked(image):
                address = self._address(known[1])
                link = nodes.reference(internal=True, refuri=address, reftitle=TITLE, classes=["full-size"])
                image.replace_self(link)
                link += image
        for raw in list(self.document.findall(nodes.raw)):
            if "html" in raw["format"].split() and "data:image/" in raw.astext():
                html = _INSIDE.sub(self._as_file, raw.astext())
                raw.replace_self(nodes.raw("", html, **raw.attributes))

    def _address(self, file: str) -> str:
        """Of a file beside the site's other pictures, as the page at hand says it."""
        builder = self.app.builder
        folder = relative_uri(builder.get_target_uri(self.env.docname), builder.imagedir)
        return posixpath.join(folder, quote(file))

    def _as_file(self, found: re.Match) -> str:
        """A picture inside HTML, written out and linked."""
        if found["data"] is None:
            return found[0]
        address = self._address(self._write(found["kind"], base64.b64decode(found["data"])))
        link = f'<a class="reference internal image-reference full-size" href="{address}" title="{TITLE}">'
        return f"{link}{found['before']}{address}{found['after']}</a>"

    def _write(self, kind: str, data: bytes) -> str:
        name = f"{hashlib.sha256(data).hexdigest()}.{kind.removesuffix('+xml')}"
        write_bytes(Path(self.app.outdir) / self.app.builder.imagedir / name, data)
        return name


def _linked(node: nodes.Node) -> bool:
    while node is not None and not isinstance(node, nodes.reference):
        node = node.parent
    return node is not None


def setup(app):
    app.add_post_transform(FullSize)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
