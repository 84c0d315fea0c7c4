"""Writes media/resample_reference.bin: random 8-bit pictures and what Pillow's Image.resize makes of them.

Run by hand with Pillow 11.3 (13 runs the vertical pass first for some shapes):  python make_resample_reference.py
Layout, all little-endian: uint32 count, then per case uint32 channels, in width, in height, out width, out height,
filter (PIL's number), then the input bytes and the output bytes, rows top to bottom, channels interleaved.
"""
import pathlib
import struct

import numpy
from PIL import Image

MODES = {1: "L", 3: "RGB"}
SIZES = [((17, 23), (24, 9)), ((40, 11), (7, 11)), ((13, 19), (13, 32)), ((31, 27), (8, 8)), ((5, 4), (27, 23)),
         ((33, 21), (1, 1))]

random = numpy.random.default_rng(7)
cases = []
for channels, mode in MODES.items():
    for (in_width, in_height), out in SIZES:
        for resample in range(6):
            shape = (in_height, in_width, channels)
            # Extremes make the filters overshoot, so that clipping is tested as well.
            pixels = random.choice([0, 255, 128], shape) if resample % 2 else random.integers(0, 256, shape)
            pixels = pixels.astype(numpy.uint8)
            image = Image.fromarray(pixels[:, :, 0] if channels == 1 else pixels, mode)
            result = image.resize(out, resample)
            cases.append(struct.pack("<6I", channels, in_width, in_height, *out, resample) + pixels.tobytes()
                         + result.tobytes())
target = pathlib.Path(__file__).parent / "media" / "resample_reference.bin"
target.write_bytes(struct.pack("<I", len(cases)) + b"".join(cases))
print(target, target.stat().st_size, "bytes")
