#!/usr/bin/env python3
"""A student that `vitrine run` exported, loaded by the `radio` implementation of transformers: same features?

    run_peer.sh radio_export_peer.py BUILD_FOLDER STUDENT_FOLDER

Pictures of several shapes (noise over a gradient, exact multiples of the patch, so that nothing is resized) go
through `vitrine run` (extract) and through transformers. Prints the largest differences over the spread of the
features; exit code 1 if one is above 1e-4, or if transformers left weights of the trunk unused.
"""
import argparse
import json
import pathlib
import subprocess
import sys
import tempfile

import numpy
import torch
from PIL import Image
from safetensors.torch import load_file
from transformers import RadioModel


def picture(height, width):
    random = numpy.random.default_rng(height * 1000 + width)
    ramp = numpy.linspace(0, 160, height)[:, None, None] + random.normal(60, 25, (height, width, 3))
    return Image.fromarray(ramp.clip(0, 255).astype(numpy.uint8))


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("build")
    parser.add_argument("student")
    arguments = parser.parse_args()
    patch = json.loads((pathlib.Path(arguments.student) / "config.json").read_text())["patch_size"]
    model, loading = RadioModel.from_pretrained(arguments.student, output_loading_info=True)
    model = model.eval()
    unused = [name for name in loading["unexpected_keys"] if "adaptors" not in name]
    missing = list(loading["missing_keys"])
    print(json.dumps({"missing": missing, "unused": unused}))
    worst = 0.0
    with tempfile.TemporaryDirectory() as folder:
        for rows, columns in ((6, 6), (4, 9), (11, 7)):
            path = pathlib.Path(folder) / f"{rows}x{columns}.png"
            picture(rows * patch, columns * patch).save(path)
            recipe = pathlib.Path(folder) / "recipe.json"
            output = pathlib.Path(folder) / path.stem
            recipe.write_text(json.dumps({"kind": "extract", "name": "export check", "settings": {
                "model": str(pathlib.Path(arguments.student).resolve()), "images": [str(path)],
                "resolution": min(rows, columns) * patch, "output": str(output)}}))
            subprocess.run([pathlib.Path(arguments.build) / "bin" / "vitrine", "--project", f"{folder}/project", "run", recipe],
                           check=True, stdout=subprocess.DEVNULL)
            ours = load_file(next(output.glob("*.safetensors")))
            pixels = torch.from_numpy(numpy.array(Image.open(path))).permute(2, 0, 1)[None].float() / 255
            with torch.inference_mode():
                theirs = model(pixels)
            features = theirs.features[0].T.reshape(-1, rows, columns)
            for name, mine, other in (("features", ours["features"], features), ("summary", ours["summary"], theirs.summary[0])):
                difference = float((mine - other).abs().max() / other.std())
                worst = max(worst, difference)
                print(json.dumps({"picture": path.stem, "output": name, "difference": difference}))
    sys.exit(1 if worst > 1e-4 or unused or missing else 0)


if __name__ == "__main__":
    main()
