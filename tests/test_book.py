"""The book: its configuration, its sources, and the built site in a browser, opened from disk."""

import ast
import base64
import importlib.util
import io
import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from urllib.parse import unquote, urlsplit

import nbformat
import pytest
import yaml
from PIL import Image

from cnncourse import imports
from cnncourse.visualize import page as shared

ROOT = Path(__file__).resolve().parents[1]
SITE = ROOT / "_build" / "html"
CHAPTERS = sorted(path for path in (ROOT / "book").rglob("*.md"))
WINDOWS = {"wide": (1280, 900), "phone": (390, 844)}
BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")


def pages() -> list[str]:
    """The site's pages, as Sphinx lists them: the sources that _toc.yml names, and the search."""
    toc = yaml.safe_load((ROOT / "_toc.yml").read_text())
    files = [toc["root"], *(chapter["file"] for part in toc["parts"] for chapter in part["chapters"])]
    return [f"{file}.html" for file in files] + ["search.html"]


# ------------------------------------------------------------------------------------------------ configuration


def test_the_configuration_has_only_keys_that_jupyter_book_knows():
    config = yaml.safe_load((ROOT / "_config.yml").read_text())
    known = yaml.safe_load(
        Path(importlib.util.find_spec("jupyter_book").origin).with_name("default_config.yml").read_text()
    )
    # Known to Jupyter Book's code, but not in its list of defaults.
    known["execute"]["raise_on_error"] = None
    known["bibtex_bibfiles"] = None
    for key, value in config.items():
        assert key in known, f"_config.yml: Jupyter Book knows no key {key!r}"
        if isinstance(value, dict) and key != "launch_buttons":
            unknown = value.keys() - known[key].keys()
            assert not unknown, f"_config.yml: Jupyter Book knows no {key}.{unknown}"


def test_sphinx_is_given_only_values_that_its_extensions_declare(tmp_path):
    from sphinx.application import Sphinx

    config = yaml.safe_load((ROOT / "_config.yml").read_text())["sphinx"]["config"]
    declared = [one for one in config["extensions"] if (ROOT / "book" / "_ext" / f"{one}.py").is_file()]
    others = [one for one in config["extensions"] if one not in declared]
    (tmp_path / "_toc.yml").write_text("root: index\n")
    (tmp_path / "index.rst").write_text("Title\n=====\n")
    app = Sphinx(
        tmp_path,
        None,
        tmp_path / "out",
        tmp_path / "doctrees",
        "html",
        {"extensions": others, "external_toc_path": "_toc.yml", "bibtex_bibfiles": []},
        status=None,
        warning=None,
    )
    assert set(config) - set(app.config.values) == {"extensions"}  # Sphinx itself


# ------------------------------------------------------------------------------------------------- stale caches


@pytest.fixture
def execution_cache():
    spec = importlib.util.spec_from_file_location("execution_cache", ROOT / "book/_ext/execution_cache.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


CHAPTER = """# A chapter

```{code-cell} ipython3
:tags: [hide-input]

from cnncourse.data import atlas
```

```{code-cell} ipython3
---
render:
  image: {alt: something}
---
from cnncourse import shown
from cnncourse.training import zoo
result = "one"
```
"""
LIBRARY = {
    "cnncourse/__init__.py": "",
    "cnncourse/data/atlas.py": "",
    "cnncourse/training/zoo.py": "",
    "cnncourse/shown.py": "from cnncourse import inside\n",
    "cnncourse/inside.py": "x = 1\n",
    "cnncourse/apart.py": "x = 1\n",
    "cnncourse/data/assets/noto.png": "1",
    "cnncourse/training/trained/net.safetensors": "1",
    "book/results/one.json": "1",
    "book/results/two.json": "1",
    "requirements.txt": "1",
    "book/chapter.md": CHAPTER,
}


@pytest.fixture
def course(tmp_path):
    for name, text in LIBRARY.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    return tmp_path


@pytest.mark.parametrize(
    ("changed", "text", "again"),
    [
        ("cnncourse/inside.py", "x = 2\n", True),
        ("cnncourse/inside.py", "x = 1  # one\n", False),
        ("cnncourse/apart.py", "x = 2\n", False),
        ("cnncourse/data/assets/noto.png", "2", True),
        ("cnncourse/training/trained/net.safetensors", "2", True),
        ("book/results/one.json", "2", True),
        ("book/results/two.json", "2", False),
        ("requirements.txt", "2", True),
    ],
)
def test_a_change_in_what_a_chapter_shows_changes_its_key_and_no_other_change_does(
    course, execution_cache, changed, text, again
):
    before = execution_cache.key(course, course / "book" / "chapter.md")
    (course / changed).write_text(text)
    assert (execution_cache.key(course, course / "book" / "chapter.md") != before) is again


def test_a_chapter_whose_key_changed_leaves_the_cache_and_is_read_again(course, execution_cache):
    from jupyter_cache import get_cache
    from jupyter_cache.base import CacheBundleIn

    app = SimpleNamespace(outdir=course / "_build" / "html", srcdir=course, config=SimpleNamespace())
    paths = {"book/chapter": course / "book/chapter.md", "book/text": course / "book/text.md"}
    paths["book/text"].write_text("# No code\n")
    env = SimpleNamespace(found_docs=list(paths), doc2path=lambda name: str(paths[name]))

    def build(exception=None):
        execution_cache.choose(app, app.config)
        stale = execution_cache.outdated(app, env, set(), set(), set())
        execution_cache.remember(app, exception)
        return stale

    assert build() == ["book/chapter"]
    cache = get_cache(app.config.nb_execution_cache_path)
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell("1", execution_count=1)])
    cache.cache_notebook_bundle(CacheBundleIn(notebook, str(paths["book/chapter"])), check_validity=False)
    assert build() == [] and len(cache.list_cache_records()) == 1
    (course / "cnncourse" / "inside.py").write_text("x = 2\n")
    assert build(RuntimeError()) == ["book/chapter"] and cache.list_cache_records() == []
    assert build() == ["book/chapter"]  # the build before did not come to its end
    assert build() == []


@pytest.mark.parametrize("chapter", CHAPTERS, ids=lambda path: path.stem)
def test_every_chapter_can_be_read_for_what_it_imports(execution_cache, chapter):
    text = chapter.read_text()
    assert len(list(execution_cache.cells(text))) == text.count("```{code-cell}")


# ------------------------------------------------------------------------------------------------------ sources


@pytest.mark.parametrize("chapter", CHAPTERS, ids=lambda path: path.stem)
def test_every_code_cell_that_draws_says_what_is_to_be_seen(chapter):
    for cell in re.findall(r"^```\{code-cell\}.*?^```$", chapter.read_text(), re.M | re.S):
        if re.search(r"^(visualize\.|.*draw\()", cell, re.M):
            assert re.search(r"^    alt:", cell, re.M), f"{chapter.name}: no alternative text\n{cell}"


def cited(chapter: Path) -> set[str]:
    found = re.findall(r"\{cite:?\w*\}`([^`]+)`", chapter.read_text())
    return {key.strip() for keys in found for key in keys.split(",")}


def test_an_entry_of_the_bibliography_stands_once_with_the_first_part_that_cites_it():
    """A citation without an entry is a warning of the build, and an error."""
    toc = yaml.safe_load((ROOT / "_toc.yml").read_text())
    sources = [ROOT / f"{chapter['file']}.md" for part in toc["parts"] for chapter in part["chapters"]]
    wanted: dict[str, str] = {}
    for chapter in (path for path in sources if path.is_file()):
        for key in sorted(cited(chapter)):
            wanted.setdefault(key, chapter.with_name("references.bib").relative_to(ROOT).as_posix())
    files = yaml.safe_load((ROOT / "_config.yml").read_text())["bibtex_bibfiles"]
    found = [(key, f) for f in files for key in re.findall(r"^@\w+\{([^,]+),", (ROOT / f).read_text(), re.M)]
    assert sorted(found) == sorted(wanted.items())
    assert sorted(files) == sorted(path.relative_to(ROOT).as_posix() for path in ROOT.glob("book/**/*.bib"))


# ------------------------------------------------------------------------------------ with and without an address

SMALL_CHAPTER = """---
file_format: mystnb
kernelspec: {name: python3, display_name: Python 3}
---

# A chapter

Labs open on your machine{{ rocket }}.

```{code-cell} ipython3
print("not run")
```
"""


def small_book(root: Path, repository: str | None) -> dict[str, list[str]]:
    """A book of one chapter and one lab, with the course's configuration: the addresses on its pages."""
    for name in ("_ext", "_static"):
        shutil.copytree(ROOT / "book" / name, root / "book" / name)
    config = yaml.safe_load((ROOT / "_config.yml").read_text())
    for file in config["bibtex_bibfiles"]:
        (root / file).parent.mkdir(parents=True, exist_ok=True)
        (root / file).touch()
    config["execute"]["execute_notebooks"] = "off"
    (root / "_config.yml").write_text(yaml.safe_dump(config))
    urls = f'Repository = "{repository}"' if repository else ""
    (root / "pyproject.toml").write_text(f'[project]\nversion = "1.2.3"\n[project.urls]\n{urls}\n')
    (root / "_toc.yml").write_text("format: jb-book\nroot: book/index\nchapters:\n- file: labs/01_lab\n")
    (root / "book" / "index.md").write_text(SMALL_CHAPTER)
    (root / "labs").mkdir()
    cells = [nbformat.v4.new_markdown_cell("# A lab"), nbformat.v4.new_code_cell("1")]
    nbformat.write(nbformat.v4.new_notebook(cells=cells), root / "labs" / "01_lab.ipynb")
    command = [str(Path(sys.executable).with_name("jupyter-book")), "build", str(root)]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    pages = {
        name: (root / "_build" / "html" / f"{name}.html").read_text()
        for name in ("book/index", "labs/01_lab")
    }
    assert "_sources/book/index.ipynb" in pages["book/index"]  # a chapter may be had as a notebook, always
    assert ("on your machine, the rocket" in pages["book/index"]) is bool(repository)
    return {name: re.findall(r'<a[^>]* href="(https?:[^"]*)"', page) for name, page in pages.items()}


def test_a_book_without_an_address_leads_nowhere(tmp_path):
    links = {link for found in small_book(tmp_path, None).values() for link in found}
    assert not [link for link in links if re.search("github|colab|binder", link)], links


def test_a_book_with_an_address_leads_to_the_tag_of_its_version(tmp_path):
    links = small_book(tmp_path, "https://github.com/somebody/course")
    ours = {name: [link for link in found if "somebody/course" in link] for name, found in links.items()}
    assert "https://github.com/somebody/course" in ours["book/index"]
    assert any(link.startswith("https://github.com/somebody/course/issues/") for link in ours["book/index"])
    assert not [
        link for link in links["book/index"] if re.search("colab|binder", link)
    ]  # they open notebooks only
    notebook = "somebody/course/blob/v1.2.3/labs/01_lab.ipynb"
    assert f"https://colab.research.google.com/github/{notebook}" in ours["labs/01_lab"]
    assert any(
        link.startswith("https://mybinder.org/v2/gh/somebody/course/v1.2.3?") for link in ours["labs/01_lab"]
    )


@pytest.mark.parametrize("chapter", CHAPTERS, ids=lambda path: path.stem)
def test_what_chapters_share_is_imported_and_not_written_again(execution_cache, chapter):
    code = "\n".join(execution_cache.cells(chapter.read_text()))
    defined = {node.name for node in ast.walk(ast.parse(code)) if isinstance(node, ast.FunctionDef)}
    assert not defined & set(vars(shared)), "cnncourse.visualize.page has it"
    assert not re.search(r"\bglue\(|\bjson\.loads\(|\bMarkdown\(|\bttest|\bstats\.t\b", code)


@pytest.mark.parametrize("chapter", CHAPTERS, ids=lambda path: path.stem)
def test_a_chapter_names_the_results_that_it_shows_in_full_so_that_a_new_one_runs_it_again(
    execution_cache, chapter
):
    code = "\n".join(execution_cache.cells(chapter.read_text()))
    calls = [node for node in ast.walk(ast.parse(code)) if isinstance(node, ast.Call)]
    asked = [call.args[0] for call in calls if getattr(call.func, "id", None) == "result"]
    names = [argument.value for argument in asked if isinstance(argument, ast.Constant)]
    assert len(names) == len(asked), "result() of something that is not a name in quotes"
    assert all((ROOT / "book" / "results" / f"{name}.json").is_file() for name in names)
    assert not names or "cnncourse.visualize.page" in {
        module for cell in execution_cache.cells(chapter.read_text()) for module in imports.imported_by(cell)
    }


# ---------------------------------------------------------------------------------------------- figures in full size


PICTURES = """
Pictures
========

.. image:: ähre.png
   :alt: A picture of its own

.. image:: linked.png
   :alt: A picture that leads elsewhere
   :target: https://example.org

.. raw:: html

   <p><img src="data:image/png;base64,DATA" alt="A picture inside" width="9"> and
   <a href="elsewhere.html"><img src="data:image/png;base64,DATA" alt="A linked one inside"></a></p>
"""


@pytest.fixture(scope="module")
def with_pictures(tmp_path_factory) -> str:
    """A page in a folder below the first one, as HTML."""
    folder = tmp_path_factory.mktemp("pictures")
    part = folder / "part"
    part.mkdir()
    buffer = io.BytesIO()
    Image.new("RGB", (3, 2)).save(buffer, format="PNG")
    for name in ("ähre.png", "linked.png"):
        (part / name).write_bytes(buffer.getvalue())
    data = base64.b64encode(buffer.getvalue()).decode()
    (part / "page.rst").write_text(PICTURES.replace("DATA", data))
    (folder / "index.rst").write_text("First\n=====\n\n.. toctree::\n\n   part/page\n")
    command = [
        sys.executable,
        "-m",
        "sphinx",
        "-W",
        "-q",
        "-C",
        "-D",
        "extensions=full_size",
        folder,
        folder / "out",
    ]
    subprocess.run(command, check=True, env={**os.environ, "PYTHONPATH": str(ROOT / "book" / "_ext")})
    return (folder / "out" / "part" / "page.html").read_text()


def links(html: str, alt: str) -> list[tuple[str, str]]:
    """The addresses of what is around a picture with these words and of itself."""
    return re.findall(rf'<a\b[^>]*href="([^"]+)"[^>]*>\s*<img\b(?=[^>]*alt="{alt}")[^>]*src="([^"]+)"', html)


@pytest.mark.parametrize("alt", ["A picture of its own", "A picture inside"])
def test_a_picture_becomes_a_link_to_its_own_file(with_pictures, alt):
    ((to, source),) = links(with_pictures, alt)
    assert to == source and to.startswith("../_images/") and to.endswith(".png")
    assert re.search(rf'title="Opens in full size"[^>]*>\s*<img[^>]*alt="{alt}"', with_pictures)


@pytest.mark.parametrize(
    ("alt", "leads_to"),
    [("A picture that leads elsewhere", "https://example.org"), ("A linked one inside", "elsewhere.html")],
)
def test_a_picture_that_is_a_link_already_leads_where_it_led(with_pictures, alt, leads_to):
    assert [to for to, _ in links(with_pictures, alt)] == [leads_to]
    assert with_pictures.count("full-size") == 2


# -------------------------------------------------------------------------------------------- in a browser (N, R)


@pytest.fixture(scope="module")
def browser():
    playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    found = next((path for name in BROWSERS if (path := shutil.which(name))), None)
    if found is None:
        pytest.skip("chromium is not installed")
    if not (SITE / "index.html").is_file():
        pytest.skip("the book is not built: `make book` builds it")
    with playwright.sync_playwright() as driver:
        arguments = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]
        one = driver.chromium.launch(executable_path=found, args=arguments)
        yield one
        one.close()


class Visit:
    """A page of the site, opened from disk, with everything that went wrong on the way."""

    def __init__(self, browser, size: tuple[int, int]):
        self.problems: list[str] = []
        self.page = browser.new_page(viewport={"width": size[0], "height": size[1]})
        self.page.on("console", self._heard)
        self.page.on("pageerror", lambda error: self.problems.append(f"uncaught: {error}"))
        self.page.on("requestfailed", lambda request: self.problems.append(f"failed: {request.url}"))
        self.page.on("request", self._asked)

    def _heard(self, message) -> None:
        if message.type == "error":
            self.problems.append(f"console: {message.text}")

    def _asked(self, request) -> None:
        if not request.url.startswith(("file:", "data:", "blob:")):
            self.problems.append(f"another host: {request.url}")

    def open(self, file: str, query: str = "") -> None:
        self.page.goto((SITE / file).as_uri() + query, wait_until="load")
        self.page.evaluate(
            """async () => {
                if (window.MathJax) await MathJax.startup.promise;
                await document.fonts.ready;
            }"""
        )


@pytest.fixture(scope="module", params=WINDOWS.values(), ids=WINDOWS)
def visit(browser, request):
    found = Visit(browser, request.param)
    yield found
    found.page.close()


@pytest.fixture(params=pages())
def opened(visit, request):
    if request.param != "search.html" and not (SITE / request.param).is_file():
        pytest.fail(f"{request.param} is in _toc.yml and not on the site: build the book again")
    visit.problems.clear()
    visit.open(request.param)
    return visit, request.param


def test_the_first_page_leads_to_the_book(visit):
    visit.problems.clear()
    visit.page.goto((SITE / "index.html").as_uri())
    visit.page.wait_for_url("**/book/index.html")
    assert visit.problems == []


def test_a_page_opens_from_disk_whole_and_fits_its_window(opened):
    visit, file = opened
    _assert_nothing_went_wrong(visit)
    _assert_images_are_there(visit.page)
    _assert_mathematics_is_rendered(visit.page, file)
    too_wide = visit.page.evaluate("document.documentElement.scrollWidth - window.innerWidth")
    assert too_wide <= 0, f"{file} is {too_wide} pixels wider than the window: {_sticking_out(visit.page)}"


def _assert_nothing_went_wrong(visit) -> None:
    assert visit.problems == []


def _assert_images_are_there(page) -> None:
    images = page.eval_on_selector_all(
        "img",
        """async images => Promise.all(images.map(async image => {
            image.loading = "eager";
            await image.decode().catch(() => null);
            const decorates = image.closest("article") === null && image.closest("a, button") !== null;
            return {src: image.src, width: image.naturalWidth, alt: image.alt, decorates};
        }))""",
    )
    for image in images:
        assert image["width"] > 0, f"{image['src']} did not load"
        assert image["decorates"] or _says_something(image["alt"]), f"{image['src']} has no alternative text"


def _says_something(alt: str) -> bool:
    return len(alt) > 20 and not alt.endswith(".png")  # docutils puts the file's name where there is no text


def _assert_mathematics_is_rendered(page, file: str) -> None:
    written = page.locator(".math").count()
    assert page.locator(".math mjx-container").count() >= written, f"{file}: mathematics not rendered"
    assert page.locator("mjx-merror, [data-mjx-error]").count() == 0, f"{file}: TeX that MathJax refuses"
    text = page.locator("article").inner_text() if page.locator("article").count() else ""
    assert "\\(" not in text and "$$" not in text, f"{file}: TeX that nobody rendered"


def _sticking_out(page) -> list[str]:
    return page.evaluate(
        """() => [...document.querySelectorAll("article *")]
            .filter(e => e.getBoundingClientRect().right > window.innerWidth + 1)
            .slice(0, 5).map(e => e.tagName + "." + e.className)"""
    )


FIGURES = """images => images.map(image => {
    const link = image.closest("a");
    return {
        picture: image.src, alt: image.alt, hidden: !image.checkVisibility({visibilityProperty: true}),
        to: link && link.href, says: link && link.title, named: link && link.hasAttribute("aria-label"),
    };
})"""


def figures_of(page) -> list[dict]:
    return page.eval_on_selector_all("article.bd-article img", FIGURES)


def test_every_figure_is_a_link_to_the_picture_itself(opened):
    visit, _ = opened
    for figure in figures_of(visit.page):
        assert figure["to"] == figure["picture"], f"{figure['picture']} does not open in full size"
        assert (
            figure["says"] == "Opens in full size" and not figure["named"]
        )  # the alternative text is its name


def test_what_every_figure_leads_to_opens_from_disk_at_its_own_resolution(browser):
    """Each file once: pages repeat in two windows what they show."""
    visit, other = (Visit(browser, WINDOWS["phone"]) for _ in range(2))
    found = set()
    for file in pages():
        visit.open(file)
        found |= {figure["to"] for figure in figures_of(visit.page)}
    assert len(found) > 50
    for address in found:
        other.page.goto(address)
        if address.endswith(".svg"):
            assert other.page.evaluate("document.documentElement.tagName") == "svg"
        else:
            size = other.page.evaluate("[document.images[0].naturalWidth, document.images[0].naturalHeight]")
            assert tuple(size) == Image.open(unquote(urlsplit(address).path)).size
    assert visit.problems == other.problems == []
    visit.page.close()
    other.page.close()


def test_a_figure_opens_by_click_and_by_enter(opened):
    visit, file = opened
    figure = next((one for one in figures_of(visit.page) if not one["hidden"]), None)
    if figure is None:
        return
    for press in ("click", "Enter"):
        link = visit.page.get_by_role("link", name=figure["alt"], exact=True).first
        if press == "click":
            link.click()
        else:
            link.press(press)
        visit.page.wait_for_url(figure["to"])
        visit.open(file)


# ----------------------------------------------------------------------------------------- pictures one steps through
STEPPED = {"nms": "book/detection/measured.html", "scatter": "book/detection/measured.html"}


@pytest.fixture(params=STEPPED)
def stepped(visit, request):
    visit.page.emulate_media(media="screen", reduced_motion="no-preference")
    visit.open(STEPPED[request.param])
    yield visit.page, visit.page.locator(f"#fig-{request.param} .steps")
    visit.page.emulate_media(media="screen", reduced_motion="no-preference")


def seen(picture) -> tuple[list[int], list[int]]:
    """The numbers of the frames and of the sentences that are to be seen, from 1."""
    parts = (picture.locator(part).all() for part in (".frames img", "li"))
    return tuple([number for number, one in enumerate(part, 1) if one.is_visible()] for part in parts)


def test_one_steps_through_a_picture_by_click(stepped):
    _, picture = stepped
    count = picture.locator("input").count()
    assert seen(picture) == ([1], [1])
    for number in range(2, count + 1):
        picture.get_by_text("next").locator("visible=true").click()
        assert seen(picture) == ([number], [number])
    picture.get_by_text("2", exact=True).click()
    assert seen(picture) == ([2], [2])


def test_one_steps_through_a_picture_by_keyboard(stepped):
    page, picture = stepped
    picture.locator("input").first.focus()
    for key, number in (("ArrowRight", 2), ("ArrowRight", 3), ("ArrowLeft", 2)):
        page.keyboard.press(key)
        assert seen(picture) == ([number], [number])


@pytest.mark.parametrize("media", [{"media": "print"}, {"media": "screen", "reduced_motion": "reduce"}])
def test_in_print_and_without_motion_the_last_frame_and_every_sentence_are_seen(stepped, media):
    page, picture = stepped
    count = picture.locator("input").count()
    page.emulate_media(**media)
    assert seen(picture) == ([count], list(range(1, count + 1)))


def test_a_frame_is_as_wide_as_its_window_allows_and_in_sight_with_its_buttons(stepped):
    page, picture = stepped
    window = page.viewport_size
    assert picture.bounding_box()["width"] > min(430, 0.8 * window["width"])
    assert picture.bounding_box()["height"] < window["height"]


def test_icons_are_drawn(visit):
    visit.open("book/index.html")
    empty = visit.page.eval_on_selector_all(
        "header svg.svg-inline--fa, .bd-header-article svg",
        "icons => icons.filter(icon => !icon.querySelector('path')).length",
    )
    assert visit.page.locator("svg.svg-inline--fa path").count() > 0 and empty == 0


def test_search_finds_nearest_neighbours(visit):
    visit.problems.clear()
    visit.open("search.html", "?q=nearest")
    visit.page.wait_for_selector("#search-results li a", timeout=10_000)
    found = visit.page.locator("#search-results li a").all_inner_texts()
    assert any("Nearest neighbours" in text for text in found), found
    assert visit.problems == []


@pytest.mark.parametrize(
    ("word", "chapter"),
    [
        ("underarms", "What a network sees"),  # in the middle of a paragraph
        ("tumour", "Recognition and its difficulties"),  # in a table
        ("regression", "Recognition and its difficulties"),
        ("NotImplementedError", "Lab 1"),  # in a lab's code
    ],
)
def test_search_finds_words_of_the_text_on_a_site_opened_from_disk(visit, word, chapter):
    """The index of words comes with the page, by a script; only the lines around a word would have to be fetched."""
    visit.problems.clear()
    visit.open("search.html", f"?q={word}")
    found = visit.page.locator("#search-results li a", has_text=chapter)
    found.first.wait_for(timeout=10_000)
    found.first.click()
    visit.page.wait_for_load_state()
    assert word in visit.page.locator("article").inner_text()
    assert visit.problems == []


def test_search_says_when_it_finds_nothing(visit):
    visit.open("search.html", "?q=xylophonist")
    visit.page.get_by_text("did not match any documents").wait_for(timeout=10_000)
    assert visit.page.locator("#search-results li a").count() == 0


def test_a_term_leads_to_its_entry_in_the_glossary(visit):
    visit.problems.clear()
    visit.open("book/architectures/vgg.html")
    visit.page.locator("article a:has(.std-term)", has_text="receptive field").click()
    visit.page.wait_for_url("**/glossary.html#term-receptive-field")
    entry = visit.page.locator("#term-receptive-field")
    assert (
        entry.is_visible()
        and "can depend on"
        in visit.page.locator(
            "dt:has(#term-receptive-field) + dd, #term-receptive-field + dd"
        ).first.inner_text()
    )
    assert visit.problems == []


def test_the_contents_open_on_a_phone(browser):
    found = Visit(browser, WINDOWS["phone"])
    found.open("book/index.html")
    link = found.page.locator(
        "#pst-primary-sidebar a, #pst-primary-sidebar-modal a", has_text="Recognition and its"
    )
    assert not link.first.is_visible()
    found.page.locator(".bd-header-article .primary-toggle").click()
    link.first.wait_for(state="visible", timeout=5_000)
    link.first.click()
    found.page.wait_for_url("**/recognition/difficulties.html")
    found.page.close()


def test_no_page_loads_anything_from_another_host():
    """What a browser would only ask for later, on a click, is found in the files."""
    if not (SITE / "index.html").is_file():
        pytest.skip("the book is not built: `make book` builds it")
    for file in SITE.rglob("*.html"):
        text = file.read_text()
        found = re.findall(
            r"<(?:script|link|img|iframe|source)\b[^>]*?(?:src|href)=\"(?:https?:)?//[^\"]+\"", text
        )
        assert found == [], file
        assert "thebe" not in text.lower() and "require.js" not in text, file


# ------------------------------------------------------------------------------------------------------ results


def test_the_results_are_whole():
    for file in (ROOT / "book" / "results").glob("*.json"):
        result = json.loads(file.read_text())
        assert result["name"] == file.stem.removesuffix("-full")
        assert {"question", "lecture", "scale", "summary", "runs", "versions", "seconds"} <= result.keys()
