# Writes a small ALIKED (random weights under the published names) and what it makes of a picture, with torchvision's
# deformable convolution:
#   python make_aliked.py        (torch 2.11, torchvision 0.26, safetensors)
import json

import torch
import torch.nn.functional as F
from safetensors.torch import save_file
from torchvision.ops import deform_conv2d

WIDTHS, GATHERED = (4, 6, 8, 12), 3
torch.manual_seed(11)
weights = {}


def tensor(name, *shape, scale=None):
    inputs = 1
    for size in shape[1:]:
        inputs *= size
    weights[name] = torch.randn(*shape) * (scale or 1.2 / inputs**0.5)
    return weights[name]


def norm(name, x):
    width = x.shape[1]
    weights[name + ".weight"] = 1 + 0.2 * torch.randn(width)
    weights[name + ".bias"] = 0.2 * torch.randn(width)
    weights[name + ".running_mean"] = x.mean((0, 2, 3)) + 0.1 * torch.randn(width)
    weights[name + ".running_var"] = x.var((0, 2, 3)) * (0.8 + 0.4 * torch.rand(width)) + 1e-3
    return F.batch_norm(x, *(weights[name + end] for end in (".running_mean", ".running_var", ".weight", ".bias")), eps=1e-5)


def convolution(name, x, out, deformable):
    if not deformable:
        return F.conv2d(x, tensor(name + ".weight", out, x.shape[1], 3, 3), padding=1)
    limit = max(x.shape[2:]) / 4
    offsets = F.conv2d(x, tensor(name + ".offset_conv.weight", 18, x.shape[1], 3, 3), tensor(name + ".offset_conv.bias", 18, scale=1.5), padding=1)
    return deform_conv2d(x, offsets.clamp(-limit, limit), tensor(name + ".regular_conv.weight", out, x.shape[1], 3, 3), padding=1)


picture = torch.rand(1, 3, 32, 64)
x, gathered, results = picture, [], {}
for stage, (width, stride) in enumerate(zip(WIDTHS, (1, 2, 4, 4)), start=1):
    if stride > 1:
        x = F.avg_pool2d(x, stride)
    inner = F.selu(norm(f"block{stage}.bn1", convolution(f"block{stage}.conv1", x, width, stage > 2)))
    outer = norm(f"block{stage}.bn2", convolution(f"block{stage}.conv2", inner, width, stage > 2))
    if stage > 1:
        outer = outer + F.conv2d(x, tensor(f"block{stage}.downsample.weight", width, x.shape[1], 1, 1), tensor(f"block{stage}.downsample.bias", width, scale=0.2))
    x = F.selu(outer)
    results[f"stage{stage}"] = x
    gathered.append(F.interpolate(F.selu(F.conv2d(x, tensor(f"conv{stage}.weight", GATHERED, width, 1, 1))), size=picture.shape[2:], mode="bilinear", align_corners=True))
dense = F.normalize(torch.cat(gathered, 1), p=2, dim=1)
expected = {"features": F.avg_pool2d(dense, 8), "dense": dense, "stage3": results["stage3"], "stage4": results["stage4"]}
tensor("desc_head.agg_weights", 2, 12, 12)

save_file({name: value.contiguous() for name, value in weights.items()}, "model.safetensors")
save_file({"a.pixel_values": picture}, "inputs.safetensors")
save_file({"a." + name: value.contiguous() for name, value in expected.items()}, "expected.safetensors")
meta = {
    "format": 1,
    "name": "aliked",
    "family": "aliked",
    "description": "ALIKED with random weights; stages, features of every pixel, their means over cells",
    "calls": [{"id": "a", "inputs": {"pixel_values": "a.pixel_values"}, "outputs": ["a." + name for name in expected]}],
    "tensors": {"a." + name: {"tol_abs": 5e-5 * float(value.std())} for name, value in expected.items()},
}
with open("meta.json", "w") as file:
    json.dump(meta, file, indent=1)
    file.write("\n")
