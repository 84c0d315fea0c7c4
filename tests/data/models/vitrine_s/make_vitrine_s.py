# Writes what the encoder in resources/models/vitrine_s makes of a picture, from its weights and configuration in plain
# tensor operations (independent of Vitrine's own code):
#   python make_vitrine_s.py [MODEL_FOLDER]        (torch 2.11, safetensors)
import json
import sys
from pathlib import Path

import torch
import torch.nn.functional as F
from safetensors.torch import load_file, save_file

here = Path(__file__).resolve().parent
folder = Path(sys.argv[1]) if len(sys.argv) > 1 else here.parents[3] / "resources/models/vitrine_s"
config = json.loads((folder / "config.json").read_text())
weights = {name: value.float() for name, value in load_file(folder / "model.safetensors").items()}
shape = config["args"]["model_kwargs"]
cell = config["patch_size"]


def get(*names):
    return [weights["radio_model." + name] for name in names]


def same(x, kernel, stride):
    """TensorFlow's SAME padding."""
    pads = []
    for size in (x.shape[3], x.shape[2]):
        total = max(0, (-(-size // stride) - 1) * stride + kernel - size)
        pads += [total // 2, total - total // 2]
    return F.pad(x, pads)


def batch_norm(x, name):
    weight, bias, mean, variance = get(*(f"model.{name}.{end}" for end in ("weight", "bias", "running_mean", "running_var")))
    column = (1, -1, 1, 1)
    return (x - mean.view(column)) / (variance + 1e-3).sqrt().view(column) * weight.view(column) + bias.view(column)


def layer_norm(x, name, eps):
    return F.layer_norm(x, (x.shape[-1],), *get(name + ".weight", name + ".bias"), eps)


def linear(x, name):
    return F.linear(x, *get(name + ".weight", name + ".bias"))


def head(x, name, blocks):
    x = linear(x, name + ".fc1")
    for block in range(blocks):
        x = x + linear(F.gelu(layer_norm(x, f"{name}.blocks.{block}.0", 1e-5)), f"{name}.blocks.{block}.2")
    return linear(F.gelu(layer_norm(x, name + ".final.0", 1e-5)), name + ".final.2")


def trunk(x):
    maps = [F.relu6(batch_norm(F.conv2d(same(x, 3, 2), *get("model._conv_stem.weight"), stride=2), "_bn0"))]
    for index, (wide_in, wide_out, expanded, kernel, stride) in enumerate(shape["blocks"]):
        name = f"_blocks.{index}"
        y = maps[-1]
        if expanded != wide_in:
            y = F.relu6(batch_norm(F.conv2d(y, *get(f"model.{name}._expand_conv.weight")), name + "._bn0"))
        y = F.conv2d(same(y, kernel, stride), *get(f"model.{name}._depthwise_conv.weight"), stride=stride, groups=expanded)
        y = F.conv2d(F.relu6(batch_norm(y, name + "._bn1")), *get(f"model.{name}._project_conv.weight"))
        y = batch_norm(y, name + "._bn2")
        maps.append(maps[-1] + y if stride == 1 and wide_in == wide_out else y)
    return maps, F.relu6(batch_norm(F.conv2d(maps[-1], *get("model._conv_head.weight")), "_bn1"))


def neck(maps, height, width):
    gathered, stride, lateral = 0, 2, 0
    for index, block in enumerate(shape["blocks"]):
        stride *= block[4]
        last = index + 1 == len(shape["blocks"]) or shape["blocks"][index + 1][4] > 1
        if not last or stride < 4:
            continue
        name = f"model.neck.lateral.{lateral}"
        lateral += 1
        x = layer_norm(maps[index + 1].permute(0, 2, 3, 1), name + ".norm", 1e-6).permute(0, 3, 1, 2)
        if stride < cell:
            x = F.avg_pool2d(x, cell // stride)
        x = F.conv2d(x, *get(name + ".conv.weight", name + ".conv.bias"))
        gathered = gathered + (F.interpolate(x, size=(height, width), mode="bilinear") if stride > cell else x)
    for block in range(shape["neck_blocks"]):
        name = f"model.neck.blocks.{block}"
        x = F.conv2d(gathered, *get(name + ".depthwise.weight", name + ".depthwise.bias"), padding=1, groups=shape["neck_width"])
        x = layer_norm(x.permute(0, 2, 3, 1), name + ".norm", 1e-6)
        gathered = gathered + linear(F.gelu(linear(x, name + ".fc1")), name + ".fc2").permute(0, 3, 1, 2)
    return layer_norm(gathered.permute(0, 2, 3, 1), "model.neck.norm", 1e-6)


torch.manual_seed(3)
smooth = F.interpolate(torch.rand(1, 3, 8, 8), size=(64, 64), mode="bicubic").clamp(0, 1)
picture = (0.8 * smooth + 0.2 * torch.rand(1, 3, 64, 64)).clamp(0, 1)
mean, deviation = get("input_conditioner.norm_mean", "input_conditioner.norm_std")
maps, last = trunk((picture - mean) / deviation)
features = neck(maps, 64 // cell, 64 // cell).flatten(1, 2)  # (1, N, C)
summary = last.mean((2, 3))
inner = {name: adaptor["feature"]["num_inner"] for name, adaptor in config["adaptor_configs"].items()}
expected = {
    "summary": summary,
    "features": features,
    "efficientnet.summary": head(summary, "adaptors.efficientnet.head_mlp", inner["efficientnet"]),
    "aliked.features": head(features, "adaptors.aliked.feat_mlp", inner["aliked"]),
}
save_file({"a.pixel_values": picture}, here / "inputs.safetensors")
save_file({"a." + name: value.contiguous() for name, value in expected.items()}, here / "expected.safetensors")
meta = {
    "format": 1,
    "name": "vitrine_s",
    "family": "radio",
    "description": "The project's own encoder on a fixed picture",
    "calls": [{"id": "a", "inputs": {"pixel_values": "a.pixel_values"}, "outputs": ["a." + name for name in expected]}],
    "tensors": {"a." + name: {"tol_abs": 2e-4 * float(value.std())} for name, value in expected.items()},
}
(here / "meta.json").write_text(json.dumps(meta, indent=1) + "\n")
