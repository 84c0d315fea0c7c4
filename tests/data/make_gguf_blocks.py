"""Writes io/gguf_blocks.gguf: random blocks of every quantised type that is read, and the numbers that the `gguf` package
makes of them ("Q4_K" and "Q4_K.values", two rows of 256 values each).

Run by hand:  pip install gguf==0.19.0 && python make_gguf_blocks.py
"""
import pathlib

import gguf
import numpy
from gguf.constants import GGML_QUANT_SIZES

# Where the halves of a block lie; random bytes there would give infinities.
HALVES = {"Q8_0": [0], "Q4_0": [0], "Q4_1": [0, 2], "Q5_0": [0], "Q5_1": [0, 2], "Q2_K": [80, 82], "Q3_K": [108],
          "Q4_K": [0, 2], "Q5_K": [0, 2], "Q6_K": [208], "IQ4_NL": [0], "IQ4_XS": [0]}
ROWS, COLUMNS = 2, 256

random = numpy.random.default_rng(11)
writer = gguf.GGUFWriter(pathlib.Path(__file__).parent / "io" / "gguf_blocks.gguf", "none")
for name, places in HALVES.items():
    kind = gguf.GGMLQuantizationType[name]
    elements, size = GGML_QUANT_SIZES[kind]
    blocks = random.integers(0, 256, (ROWS * COLUMNS // elements, size)).astype(numpy.uint8)
    for place in places:
        scales = random.normal(0, 0.05, (len(blocks), 1)).astype(numpy.float16)
        blocks[:, place:place + 2] = scales.view(numpy.uint8)
    stored = blocks.reshape(ROWS, -1)
    writer.add_tensor(name, stored, raw_dtype=kind)
    values = gguf.quants.dequantize(stored, kind)
    assert values.shape == (ROWS, COLUMNS) and numpy.isfinite(values).all()
    writer.add_tensor(name + ".values", values.astype(numpy.float32))
writer.write_header_to_file()
writer.write_kv_data_to_file()
writer.write_tensors_to_file()
writer.close()
