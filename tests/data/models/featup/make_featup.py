# Writes a small upsampler in the layout of FeatUp's released checkpoints (random weights) and what it makes of a picture,
# from the formulas of the paper in plain tensor operations:
#   python make_featup.py        (torch 2.11, safetensors)
import collections

import torch
import torch.nn.functional as F
from safetensors.torch import save_file

CHANNELS, GRID, RADIUS = 8, 2, 3
torch.manual_seed(7)


def uniform(*shape):
    inputs = 1
    for size in shape[1:]:
        inputs *= size
    return (torch.rand(*shape) * 2 - 1) / max(inputs, 1) ** 0.5


state = collections.OrderedDict()
state["model.0.model.cls_token"] = torch.randn(1, 1, CHANNELS)
state["model.1.norm.weight"] = 1 + 0.2 * torch.randn(CHANNELS)
state["model.1.norm.bias"] = 0.2 * torch.randn(CHANNELS)
for level in range(1, 5):
    name = f"upsampler.up{level}."
    state[name + "range_temp"] = torch.tensor(0.1 * level)
    state[name + "sigma_spatial"] = torch.tensor(1 - 0.1 * level)
    for layer, shape in (("range_proj.0", (32, 3)), ("range_proj.3", (32, 32)), ("fixup_proj.0", (49, 52)), ("fixup_proj.3", (49, 49))):
        state[name + layer + ".weight"] = 2 * uniform(*shape, 1, 1)
        state[name + layer + ".bias"] = uniform(shape[0])
state["upsampler.fixup_proj.1.weight"] = uniform(CHANNELS, CHANNELS, 1, 1)
state["upsampler.fixup_proj.1.bias"] = uniform(CHANNELS)
state["downsampler.w"] = torch.ones(16, 16)
state["downsampler.b"] = torch.zeros(16, 16)
state["downsampler.attention_net.1.weight"] = uniform(1, CHANNELS)
state["downsampler.attention_net.1.bias"] = uniform(1)
state["scale_net.net.weight"] = uniform(1, CHANNELS, 1, 1)
state["scale_net.net.bias"] = uniform(1)
torch.save({"epoch": 0, "global_step": 2000, "pytorch-lightning_version": "2.0.2", "state_dict": state,
            "loops": {"fit_loop": {"state_dict": {}, "epoch_progress": {"current": {"ready": 1, "completed": 1}}}},
            "callbacks": {"ModelCheckpoint": {"best_model_path": "", "current_score": None}},
            "optimizer_states": [{"state": {0: {"step": torch.tensor(10.0), "exp_avg": torch.zeros(2)}},
                                  "param_groups": [{"lr": 0.001, "betas": (0.9, 0.999), "params": [0]}]}],
            "lr_schedulers": []}, "featup.ckpt")


def layer(x, name):
    return F.conv2d(x, state[name + ".weight"], state[name + ".bias"])


def upsample(source, picture, level):
    name = f"upsampler.up{level}."
    height, width = 2 * source.shape[2], 2 * source.shape[3]
    guidance = F.adaptive_avg_pool2d(picture, (height, width))
    keys = layer(F.gelu(layer(guidance, name + "range_proj.0")), name + "range_proj.3")
    around = F.unfold(F.pad(keys, [RADIUS] * 4, mode="reflect"), 2 * RADIUS + 1).view(1, 32, 49, height, width)
    temperature = state[name + "range_temp"].exp().clamp(1e-4, 1e4)
    weights = torch.softmax(temperature * (around * keys.unsqueeze(2)).sum(1), 1)
    axis = torch.linspace(-1, 1, 2 * RADIUS + 1)
    square = axis.square().unsqueeze(1) + axis.square().unsqueeze(0)
    weights = weights * torch.exp(-square / (2 * state[name + "sigma_spatial"] ** 2)).view(1, 49, 1, 1)
    weights = weights / weights.sum(1, keepdim=True).clamp(1e-7)
    fix = layer(F.gelu(layer(torch.cat([weights, guidance], 1), name + "fixup_proj.0")), name + "fixup_proj.3")
    weights = weights + 0.1 * fix
    larger = F.interpolate(source, (height, width), mode="bicubic", align_corners=False)
    patches = F.unfold(F.pad(larger, [RADIUS] * 4, mode="reflect"), 2 * RADIUS + 1).view(1, CHANNELS, 49, height, width)
    return (patches * weights.unsqueeze(1)).sum(2)


# Reflection needs maps larger than the radius: the first level of a 2 x 2 grid has 4 x 4 cells.
features, picture = torch.randn(1, CHANNELS, GRID, GRID), torch.rand(1, 3, 16 * GRID, 16 * GRID)
x = F.layer_norm(features.permute(0, 2, 3, 1), (CHANNELS,), state["model.1.norm.weight"], state["model.1.norm.bias"]).permute(0, 3, 1, 2)
for level in range(1, 5):
    x = upsample(x, picture, level)
x = x + 0.1 * layer(x, "upsampler.fixup_proj.1")
save_file({"features": features, "picture": picture, "expected": x.contiguous()}, "expected.safetensors")
