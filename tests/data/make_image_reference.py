"""Writes media/image_reference.bin: small picture files of many kinds and the RGB values that Pillow reads from them.

Run by hand:  python make_image_reference.py
Layout, all little-endian: uint32 count, then per case uint32 lengths of name and file, uint32 width and height, the name,
the file, and width*height*3 bytes of RGB.
"""
import io
import pathlib
import struct

import numpy
from PIL import Image, ImageOps

WIDTH, HEIGHT = 21, 14
random = numpy.random.default_rng(5)
noise = random.integers(0, 256, (HEIGHT, WIDTH, 4)).astype(numpy.uint8)
rgb = Image.fromarray(noise[:, :, :3].copy())
rgba = Image.fromarray(noise)
grey = Image.fromarray(noise[:, :, 0].copy())
y, x = numpy.mgrid[0:HEIGHT, 0:WIDTH]
smooth = Image.fromarray(numpy.stack([x * 12, y * 18, 255 - x * 6 - y * 8], -1).astype(numpy.uint8))
cases = []


def add(name, image, file_format, **options):
    file = io.BytesIO()
    image.save(file, file_format, **options)
    read = ImageOps.exif_transpose(Image.open(io.BytesIO(file.getvalue()))).convert("RGB")
    cases.append((name.encode(), file.getvalue(), read))


add("png rgb", rgb, "PNG")
add("png rgba", rgba, "PNG")
add("png grey", grey, "PNG")
add("png grey and alpha", rgba.convert("LA"), "PNG")
add("png 1 bit", grey.convert("1"), "PNG")
for bits in (1, 2, 4, 8):
    add(f"png palette of {bits} bits", rgb.quantize(2 ** bits), "PNG", bits=bits)
add("png palette with transparency", rgb.quantize(16), "PNG", transparency=3)
for name, options in {"4:4:4": {"subsampling": 0}, "4:2:0": {"subsampling": 2}, "progressive": {"progressive": True}}.items():
    add(f"jpeg {name}", smooth, "JPEG", quality=90, **options)
add("jpeg grey", grey, "JPEG", quality=90)
for orientation in range(1, 9):
    exif = Image.Exif()
    exif[0x0112] = orientation
    add(f"jpeg orientation {orientation}", smooth, "JPEG", quality=95, exif=exif)
add("webp lossless", rgb, "WEBP", lossless=True)
add("webp lossy", smooth, "WEBP", quality=80)
add("tiff", rgb, "TIFF")
add("tiff deflate", rgb, "TIFF", compression="tiff_adobe_deflate")
add("tiff orientation 6", rgb, "TIFF", tiffinfo={0x0112: 6})
add("bmp", rgb, "BMP")
add("ppm", rgb, "PPM")
add("pgm", grey, "PPM")

content = struct.pack("<I", len(cases))
for name, file, read in cases:
    content += struct.pack("<4I", len(name), len(file), *read.size) + name + file + read.tobytes()
target = pathlib.Path(__file__).parent / "media" / "image_reference.bin"
target.write_bytes(content)
print(len(cases), "cases,", len(content), "bytes")
