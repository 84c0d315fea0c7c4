#!/usr/bin/env python3
"""Encoders that the job "compress" wrote, opened by other programs: same features?

    run_peer.sh compressed_encoder_peer.py BUILD_FOLDER ENCODER PICTURES [RESOLUTION]

ENCODER: a RADIO ViT as a folder, or the ViT for CIFAR pictures. It is pruned to 2:4 (with and without a low-rank path),
rounded to 4 bits, and cut by structures. Every weight of a folder must find its place in

- `RadioModel` of transformers, by AutoModel: folders in the layout of that library;
- blocks of timm, behind the patch generator of transformers: published checkpoints, as their own code builds them
  (DINOv2's blocks with SwiGLU are those of transformers);
- torch.nn.TransformerEncoder: the ViT for CIFAR pictures.

One JSON line a folder: the largest difference of features and summary over the spread of the features. Exit code 1 if
one is above 1e-4, if a folder of which the run says "opens_elsewhere" does not open, or if another one does.
"""
import json
import math
import pathlib
import re
import subprocess
import sys
import tempfile

import numpy
import timm
import torch
from PIL import Image
from safetensors.torch import load_file
from transformers import AutoModel, RadioConfig, RadioModel, logging

logging.set_verbosity(logging.CRITICAL)  # a folder that does not open is told in one line
logging.disable_progress_bar()
LIMIT = 1e-4
PLANS = [{"prune": "sparsegpt"}, {"prune": "sparsegpt", "low_rank": "eora", "rank": 4},
         {"prune": "none", "format": "int4"}]
STRUCTURES = [{"neurons": 0.5}, {"neurons": 1 / 3}, {"blocks": 1}, {"neurons": 0.75, "blocks": 1},
              {"heads": 0.5, "padded": True}, {"neurons": 0.45, "over": "model", "padded": True},
              {"heads": 0.5, "neurons": 0.5, "over": "model", "padded": True},
              {"heads": 0.5}, {"neurons": 0.45, "over": "model"}]


def renamed(tensors, *pairs):
    for old, new in pairs:
        tensors = {re.sub(old, new, name): value for name, value in tensors.items()}
    return tensors


def below(tensors, prefix):
    return {name.removeprefix(prefix): value for name, value in tensors.items() if name.startswith(prefix)}


class Library:
    """The layout of transformers."""

    def __init__(self, folder, config, tensors):
        self.model, loading = RadioModel.from_pretrained(folder, output_loading_info=True)
        assert type(AutoModel.from_pretrained(folder)) is RadioModel
        self.missing = loading["missing_keys"]
        self.unused = [name for name in loading["unexpected_keys"] if "adaptors" not in name]
        self.patch, self.grids = config["patch_size"], ((4, 4), (5, 3))
        self.model.eval()

    def __call__(self, pixels):
        output = self.model(pixels)
        return output.summary, output.features


class Published:
    """Published checkpoints: `args` says what timm builds; a patch generator stands in front of its blocks."""

    def __init__(self, folder, config, tensors):
        sizes = config["args"]["model_kwargs"]
        tensors = renamed(tensors, (r"^(module[.])?base_model[.]", "radio_model.model."),
                          ("^(input_conditioner|summary_idxs)", r"radio_model.\1"))
        self.inner = any(name.startswith("radio_model.model.inner.") for name in tensors)
        trunk = below(renamed(tensors, ("[.]inner[.]", ".")), "radio_model.model.")
        front = below(trunk, "patch_generator.")
        positions, prefix = front["pos_embed"], front["cls_token.token"]
        self.patch, self.grids = config["patch_size"], ((4, 4), (5, 3))
        self.whole = RadioModel(RadioConfig(
            hidden_size=positions.shape[2], num_attention_heads=sizes["num_heads"], num_hidden_layers=sizes["depth"],
            mlp_ratio=sizes.get("mlp_ratio", 4.0), use_swiglu_ffn=self.inner, patch_size=self.patch,
            max_img_size=math.isqrt(positions.shape[1]) * self.patch, num_cls_tokens=0, num_registers=len(prefix)))
        embeddings = self.whole.embeddings
        embeddings.position_embedding.data, embeddings.cls_register_token.data = positions, prefix
        embeddings.patch_projection.weight.data = front["embedder.weight"]
        if "embedder.bias" in front:
            embeddings.patch_projection.bias = torch.nn.Parameter(front["embedder.bias"])
        self.norm = torch.nn.Identity()
        if "norm.weight" in trunk and (self.inner or config["args"].get("model_norm", False)):
            self.norm = torch.nn.LayerNorm(positions.shape[2], eps=1e-6)
            self.norm.load_state_dict(below(trunk, "norm."))
        blocks = below(trunk, "blocks.")
        if self.inner:
            self.blocks = self.whole.encoder.layer
            blocks = self.unpacked(blocks)
        else:
            self.blocks = timm.create_model(config["args"]["model"], num_classes=0, **sizes).blocks
            blocks = renamed(blocks, ("grandma", "gamma"))
        loading = self.blocks.load_state_dict(blocks, strict=False)
        self.missing, self.unused = loading.missing_keys, loading.unexpected_keys
        conditioner = below(tensors, "radio_model.input_conditioner.")
        self.mean, self.spread = conditioner["norm_mean"], conditioner["norm_std"]
        self.summary, self.prefix = self.summary_tokens(config["args"], tensors), len(prefix)
        self.normalizer = below(tensors, "radio_model.feature_normalizer.")
        for module in (self.whole, self.blocks):
            module.eval()

    @staticmethod
    def summary_tokens(arguments, tensors):
        """Stored, or those of the teachers whose summary was learnt."""
        if "radio_model.summary_idxs" in tensors:
            return tensors["radio_model.summary_idxs"]
        teachers = {each["name"]: each.get("use_summary", True) for each in reversed(arguments["teachers"])}
        uses = [teachers[name] for name in dict.fromkeys(each["name"] for each in arguments["teachers"])]
        return torch.tensor([index for index, used in enumerate(uses) if used])

    @staticmethod
    def unpacked(blocks):
        """DINOv2's names and packed matrices as those of transformers."""
        packed = {"mlp.w12": ("mlp.gate_proj", "mlp.up_proj"), "attn.qkv": tuple(f"attention.{x}_proj" for x in "qkv")}
        single = {}
        for name, value in blocks.items():
            part = next((part for part in packed if part in name), None)
            names = [name.replace(part, each) for each in packed[part]] if part else [name]
            single.update(zip(names, value.chunk(len(names))))
        return renamed(single, ("mlp.w3", "mlp.down_proj"), ("attn.proj", "attention.o_proj"),
                       (r"ls(\d)[.]\w+$", r"layer_scale\1.lambda1"))

    def __call__(self, pixels):
        tokens = self.whole.embeddings((pixels - self.mean) / self.spread)
        for block in self.blocks:
            tokens = block(tokens)
        tokens = self.norm(tokens)
        summary = tokens[:, 0] if self.inner else tokens[:, self.summary].flatten(1)
        features = tokens[:, self.prefix:]
        if self.normalizer:
            features = (features - self.normalizer["mean"]) @ self.normalizer["tx"].T
        return summary, features


class Cifar:
    """torch's own encoder layers, as the ViT for CIFAR pictures was trained."""

    MEAN, SPREAD = (torch.tensor(each).view(3, 1, 1) for each in ((0.4914, 0.4822, 0.4465), (0.2023, 0.1994, 0.2010)))

    def __init__(self, folder, config, tensors):
        width, _, _, self.patch = tensors["patch_embed.proj.weight"].shape
        self.grids = ((8, 8),)
        layers = below(tensors, "transformer.layers.")
        depth = 1 + max(int(name.split(".")[0]) for name in layers)
        layer = torch.nn.TransformerEncoderLayer(width, config.get("num_attention_heads", width // 16),
                                                 len(layers["0.linear1.weight"]), dropout=0, batch_first=True)
        self.transformer = torch.nn.TransformerEncoder(layer, depth, enable_nested_tensor=False).eval()
        loading = self.transformer.load_state_dict(below(tensors, "transformer."), strict=False)
        self.missing, self.unused = loading.missing_keys, loading.unexpected_keys
        self.embed = torch.nn.Conv2d(3, width, self.patch, self.patch)
        self.embed.load_state_dict(below(tensors, "patch_embed.proj."))
        self.first, self.positions = tensors["cls_token"], tensors["pos_embed"]

    def __call__(self, pixels):
        patches = self.embed((pixels - self.MEAN) / self.SPREAD).flatten(2).transpose(1, 2)
        tokens = self.transformer(torch.cat([self.first.expand(len(patches), -1, -1), patches], 1) + self.positions)
        return tokens[:, 0], tokens[:, 1:]


def opened_elsewhere(folder):
    config = json.loads((folder / "config.json").read_text())
    tensors = load_file(folder / "model.safetensors")
    kind = Cifar if "mlp_head.1.weight" in tensors else Published if "args" in config else Library
    model = kind(folder, config, tensors)
    missing, unused = list(model.missing), list(model.unused)
    assert not missing and not unused, f"missing {missing[:3]}, unused {unused[:3]}"
    return model


def vitrine(program, recipe, scratch):
    place = scratch / "recipe.json"
    place.write_text(json.dumps(recipe))
    done = subprocess.run([program, "--project", scratch / "project", "run", place], capture_output=True, text=True)
    if done.returncode:
        sys.exit(f"vitrine run: {done.stdout[-2000:]}{done.stderr[-2000:]}")


def compressed(program, encoder, pictures, resolution, scratch):
    """Folders of all plans, and what the run says of each."""
    models = scratch / "models"
    vitrine(program, {"kind": "compress", "name": "peer", "device": "cpu", "seed": 0, "settings": {
        "model": str(pathlib.Path(encoder).resolve()), "pictures": [str(pathlib.Path(pictures).resolve())],
        "resolution": resolution, "plans": PLANS, "structures": STRUCTURES, "controls": False, "speed": False,
        "correspondence": False, "keep": "all", "output": str(models)}}, scratch)
    shown = subprocess.run([program, "--json", "--project", scratch / "project", "runs", "show", "last"],
                           capture_output=True, check=True)
    report = next(each["sha256"] for each in json.loads(shown.stdout)["artifacts"] if each["name"] == "compression.json")
    rows = json.loads((scratch / "project" / "artifacts" / report[:2] / report).read_text())["plans"]
    plans = {folder: json.loads((folder / "config.json").read_text())["vitrine"]["plan"] for folder in models.iterdir()}
    return {folder: row for row in rows for folder, plan in plans.items() if plan == row["plan"]}


def noise(rows, columns, patch, scratch):
    random = numpy.random.default_rng(rows * 1000 + columns)
    shape = (rows * patch, columns * patch, 3)
    ramp = numpy.linspace(0, 160, shape[0])[:, None, None] + random.normal(60, 25, shape)
    path = scratch / f"{rows}x{columns}.png"
    Image.fromarray(ramp.clip(0, 255).astype(numpy.uint8)).save(path)
    return path


def largest_difference(program, folder, model, scratch):
    worst = 0.0
    for rows, columns in model.grids:
        path = noise(rows, columns, model.patch, scratch)
        output = scratch / "features" / folder.name / path.stem
        vitrine(program, {"kind": "extract", "name": "peer", "settings": {
            "model": str(folder), "images": [str(path)], "resolution": min(rows, columns) * model.patch,
            "output": str(output)}}, scratch)
        ours = load_file(next(output.glob("*.safetensors")))
        pixels = torch.from_numpy(numpy.array(Image.open(path))).permute(2, 0, 1)[None].float() / 255
        with torch.inference_mode():
            summary, features = model(pixels)
        features = features[0].T.reshape(-1, rows, columns)
        for mine, theirs in ((ours["features"], features), (ours["summary"], summary[0])):
            difference = float((mine - theirs).abs().max() / features.std())
            worst = worst if difference <= worst else difference  # also where it is no number
    return worst


def main(build, encoder, pictures, resolution="0"):
    program = pathlib.Path(build).resolve() / "bin" / "vitrine"
    wrong = 0
    with tempfile.TemporaryDirectory() as scratch:
        scratch = pathlib.Path(scratch)
        for folder, row in compressed(program, encoder, pictures, int(resolution), scratch).items():
            expected = row.get("opens_elsewhere", True)  # masks leave all sizes as they were
            result = {"plan": row["plan"], "opens_elsewhere": expected}
            try:
                model = opened_elsewhere(folder)
                result |= {"by": type(model).__name__, "difference": largest_difference(program, folder, model, scratch)}
                wrong += not (expected and result["difference"] <= LIMIT)
            except Exception as error:  # whatever another program says of a folder
                result["refused"] = f"{type(error).__name__}: {error}".splitlines()[0][:120]
                wrong += expected
            print(json.dumps(result), flush=True)
    sys.exit(1 if wrong else 0)


if __name__ == "__main__":
    main(*sys.argv[1:])
