"""Rebuild the drawings and background photographs in ``cnncourse/data/assets``.

    python tools/build_atlas.py                     # fetches the three npm packages with `npm pack`
    python tools/build_atlas.py --tarballs FOLDER   # uses tarballs that are already there

Needs Pillow and scikit-image, scikit-learn and matplotlib for their photographs; nothing here runs when data
is composed. The photographs are decoded from JPEG and reduced *here*, once, and stored without loss, because
decoders and resamplers may differ between machines by a unit and the composed images must not.
"""

import argparse
import importlib.resources
import io
import json
import subprocess
import tarfile
import tempfile
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw

ASSETS = Path(__file__).resolve().parents[1] / "cnncourse" / "data" / "assets"
CELL = 64  # pixels; Noto and Twemoji come at this size, Fluent is reduced from 256
COLUMNS = 12
PHOTOGRAPH_SIDE = 160  # pixels of the shorter side, into which every window has to fit

STYLES = {  # style -> npm package, version, pattern of a drawing's path in it
    "noto": ("emoji-datasource-google", "16.0.0", "package/img/google/64/{}.png"),
    "twemoji": ("emoji-datasource-twitter", "16.0.0", "package/img/twitter/64/{}.png"),
    "fluent": ("@lobehub/fluent-emoji-3d", "1.1.0", "package/assets/{}.webp"),
}

DRAWINGS = {  # class (Pascal VOC's name where it has one, else CIFAR-10's) -> drawings
    "aeroplane": "✈🛩🛫🛬",
    "bicycle": "🚲🚴",
    "bird": "🐦🦅🦆🦉🕊🦜🐧🐓🦩🦃🦢🐤🪿🦚",
    "boat": "⛵🚤🛥⛴🚢🛶",
    "bottle": "🍾🍼🧴",
    "bus": "🚌🚍🚎🚐",
    "car": "🚗🚘🚙🚕🚓🏎",
    "cat": "🐈🐱",
    "chair": "🪑💺",
    "cow": "🐄🐂🐃🐮",
    "diningtable": "t",  # in no package: drawn below, once for each style
    "dog": "🐕🐩🦮🐶",
    "horse": "🐎🐴🏇",
    "motorbike": "🏍🛵",
    "person": "🧍🚶🏃🧑👨👩💃🕺👮👷🧒",
    "pottedplant": "🪴🌱🌵",
    "sheep": "🐑🐏",
    "sofa": "🛋",
    "train": "🚆🚂🚄🚅🚇🚊🚃🚞",
    "tvmonitor": "📺🖥",
    "deer": "🦌🫎",
    "frog": "🐸",
    "truck": "🚚🚛🛻🚒",
}

# name -> (package, file in it, crop (left, top, right, bottom) or None for all of it, what it may be used
# for). The crops leave out whatever belongs to a class: the person of `astronaut`, `camera` and
# `grace_hopper`, the eyes and nose of the cat `chelsea`, the rocket of `rocket` (an aeroplane at 32 pixels).
PHOTOGRAPHS = {
    "coffee": ("skimage.data", "coffee.png", None, "train"),
    "china": ("sklearn.datasets.images", "china.jpg", None, "train"),
    "tissue": ("skimage.data", "ihc.png", None, "train"),
    "brick": ("skimage.data", "brick.png", None, "train"),
    "grass": ("skimage.data", "grass.png", None, "train"),
    "hubble": ("skimage.data", "hubble_deep_field.jpg", (0, 0, 600, 400), "train"),
    "fur": ("skimage.data", "chelsea.png", (40, 0, 150, 110), "train"),
    "banner": ("skimage.data", "astronaut.png", (0, 0, 120, 180), "train"),
    "flower": ("sklearn.datasets.images", "flower.jpg", None, "test"),
    "gravel": ("skimage.data", "gravel.png", None, "test"),
    "lights": ("skimage.data", "rocket.jpg", (0, 120, 290, 427), "test"),
    "retina": ("skimage.data", "retina.jpg", (200, 300, 1200, 1100), "test"),
    "field": ("skimage.data", "camera.png", (392, 150, 512, 330), "test"),
    "coins": ("skimage.data", "coins.png", None, "test"),
    "flag": ("matplotlib", "mpl-data/sample_data/grace_hopper.jpg", (0, 0, 112, 168), "test"),
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--tarballs", type=Path, help="folder that holds the npm tarballs")
    folder = parser.parse_args().tarballs
    with tempfile.TemporaryDirectory() as temporary:
        if folder is None:
            folder = Path(temporary)
            for package, version, _ in STYLES.values():
                subprocess.run(["npm", "pack", f"{package}@{version}", "--silent"], cwd=folder, check=True)
        build_drawings(folder)
    build_photographs()
    size = sum(path.stat().st_size for path in ASSETS.rglob("*") if path.is_file())
    print(f"{ASSETS}: {size:,} bytes")


def build_drawings(folder: Path) -> None:
    entries = [(name, character) for name, characters in DRAWINGS.items() for character in characters]
    rows = -(-len(entries) // COLUMNS)
    for style, (package, version, pattern) in STYLES.items():
        sheet = Image.new("RGBA", (COLUMNS * CELL, rows * CELL))
        tarball = folder / f"{package.lstrip('@').replace('/', '-')}-{version}.tgz"
        with tarfile.open(tarball) as archive:
            members = {member.name: member for member in archive}
            for i, (name, character) in enumerate(entries):
                if name == "diningtable":
                    drawing = dining_table(style)
                else:
                    drawing = extract(archive, members, pattern, character)
                sheet.paste(drawing, (i % COLUMNS * CELL, i // COLUMNS * CELL))
        sheet.save(ASSETS / f"{style}.png", optimize=True)
    index = [
        {"class": name, "drawing": code_point(character, name), "cell": [i // COLUMNS, i % COLUMNS]}
        for i, (name, character) in enumerate(entries)
    ]
    lines = ",\n".join("  " + json.dumps(entry) for entry in index)
    (ASSETS / "drawings.json").write_text(f"[\n{lines}\n]\n")


def code_point(character: str, name: str) -> str:
    return "table" if name == "diningtable" else f"{ord(character):x}"


def extract(archive, members, pattern: str, character: str) -> Image.Image:
    """One drawing as 64 x 64 RGBA, zero where it is transparent. KeyError when the package lacks it."""
    code = f"{ord(character):04x}"
    names = [pattern.format(code + suffix) for suffix in ("", "-fe0f", "-1f3fb")]
    found = [name for name in names if name in members]
    if not found:
        raise KeyError(f"{character} is in none of {names}")
    image = Image.open(io.BytesIO(archive.extractfile(members[found[0]]).read())).convert("RGBA")
    if image.size != (CELL, CELL):
        image = image.convert("RGBa").resize((CELL, CELL), Image.Resampling.BOX).convert("RGBA")
    pixels = np.array(image)
    pixels[pixels[..., 3] == 0] = 0  # colours that nobody sees cost bytes
    return Image.fromarray(pixels)


def dining_table(style: str) -> Image.Image:
    """Our own drawing, in the manner of the style: a laid table, a flat one, a round one with shading."""
    image = Image.new("RGBA", (4 * CELL, 4 * CELL))
    draw = ImageDraw.Draw(image)
    if style == "noto":
        for x in (36, 200):
            draw.rectangle((x, 120, x + 20, 232), fill="#6d4c41")
        draw.polygon([(40, 84), (216, 84), (248, 124), (8, 124)], fill="#a1887f")
        draw.rectangle((8, 124, 248, 140), fill="#8d6e63")
        for x in (70, 130):
            draw.ellipse((x, 92, x + 56, 114), fill="#eceff1", outline="#90a4ae", width=3)
    elif style == "twemoji":
        draw.rounded_rectangle((8, 88, 248, 120), 12, fill="#c1694f")
        draw.rectangle((20, 120, 236, 144), fill="#a0522d")
        for x in (28, 204):
            draw.rectangle((x, 120, x + 24, 224), fill="#c1694f")
    else:
        for step in range(20):  # lighter towards the middle: a leg and a top that look round
            shade = (120 + 4 * step, 80 + 3 * step, 50 + 2 * step, 255)
            draw.ellipse((76 + 2 * step, 208, 180 - 2 * step, 240), fill=shade)
            draw.rectangle((112 + step // 2, 112, 144 - step // 2, 224), fill=shade)
        for step in range(24):
            shade = (150 + 4 * step, 100 + 3 * step, 60 + 3 * step, 255)
            draw.ellipse((8 + 4 * step, 72 + step, 248 - 4 * step, 140 - step), fill=shade)
    return image.convert("RGBa").resize((CELL, CELL), Image.Resampling.BOX).convert("RGBA")


def build_photographs() -> None:
    folder = ASSETS / "photographs"
    folder.mkdir(exist_ok=True)
    for old in folder.glob("*.png"):
        old.unlink()
    uses = {}
    for name, (package, file, crop, use) in PHOTOGRAPHS.items():
        with importlib.resources.as_file(importlib.resources.files(package) / file) as path:
            image = Image.open(path)
            image = image.convert("L" if image.mode == "L" else "RGB").crop(crop or (0, 0, *image.size))
        scale = PHOTOGRAPH_SIDE / min(image.size)
        size = tuple(round(side * scale) for side in image.size)
        image.resize(size, Image.Resampling.LANCZOS).save(folder / f"{name}.png", optimize=True)
        uses[name] = use
    (folder / "uses.json").write_text(json.dumps(uses, indent=1) + "\n")


if __name__ == "__main__":
    main()
