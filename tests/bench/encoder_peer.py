#!/usr/bin/env python3
"""encoder_bench beside eager PyTorch, in the same run: same weights, pixels, threads and resolution.

    encoder_peer.py BUILD_FOLDER [--size 224] [--rounds 7] [--threads 2]

Each case runs the C++ program and PyTorch in turns (three times each) and prints one JSON line: pictures a second
of both, their ratio (median of the turns; cpu_ratio: the same of processor time) and the largest difference of the
features over their spread.
Needs a Python with torch of the same version and numpy.
"""
import json
import pathlib
import statistics
import time

import numpy
import torch
from peer_turns import arguments_parser, summary, take_turns
from torch.nn import functional


def read_safetensors(path):
    """Float32, float64 and int64 tensors of one file."""
    raw = pathlib.Path(path).read_bytes()
    length = int.from_bytes(raw[:8], "little")
    kinds = {"F32": numpy.float32, "F64": numpy.float64, "I64": numpy.int64}
    tensors = {}
    for name, entry in json.loads(raw[8 : 8 + length]).items():
        if name == "__metadata__":
            continue
        begin, end = (8 + length + offset for offset in entry["data_offsets"])
        values = numpy.frombuffer(raw[begin:end], kinds[entry["dtype"]]).reshape(entry["shape"])
        tensors[name] = torch.from_numpy(values.copy())
    return tensors


class Block(torch.nn.Module):
    def __init__(self, tensors, prefix, heads):
        super().__init__()
        self.heads = heads

        def linear(name):
            weight = tensors[f"{prefix}{name}.weight"]
            layer = torch.nn.Linear(weight.shape[1], weight.shape[0])
            layer.load_state_dict({"weight": weight, "bias": tensors[f"{prefix}{name}.bias"]})
            return layer

        def norm(name):
            weight = tensors[f"{prefix}{name}.weight"]
            layer = torch.nn.LayerNorm(weight.shape[0], eps=1e-6)
            layer.load_state_dict({"weight": weight, "bias": tensors[f"{prefix}{name}.bias"]})
            return layer

        self.norm1, self.norm2 = norm("norm1"), norm("norm2")
        self.qkv, self.proj = linear("attn.qkv"), linear("attn.proj")
        self.fc1, self.fc2 = linear("mlp.fc1"), linear("mlp.fc2")

    def forward(self, x):
        batch, tokens, width = x.shape
        qkv = self.qkv(self.norm1(x)).reshape(batch, tokens, 3, self.heads, width // self.heads)
        q, k, v = qkv.permute(2, 0, 3, 1, 4).unbind(0)
        attended = functional.scaled_dot_product_attention(q, k, v)
        x = x + self.proj(attended.transpose(1, 2).reshape(batch, tokens, width))
        return x + self.fc2(functional.gelu(self.fc1(self.norm2(x))))


class Encoder(torch.nn.Module):
    """Linear patchify, cropped positions, prefix tokens, pre-norm blocks; features (B, C, h, w)."""

    def __init__(self, tensors, heads=12, patch=16):
        super().__init__()
        trunk = "radio_model.model."
        self.patch = patch
        self.mean = tensors["radio_model.input_conditioner.norm_mean"]
        self.std = tensors["radio_model.input_conditioner.norm_std"]
        self.embedder = torch.nn.Linear(*reversed(tensors[trunk + "patch_generator.embedder.weight"].shape), bias=False)
        self.embedder.weight.data = tensors[trunk + "patch_generator.embedder.weight"]
        self.prefix = tensors[trunk + "patch_generator.cls_token.token"]
        self.positions = tensors[trunk + "patch_generator.pos_embed"]
        depth = sum(1 for name in tensors if name.endswith("attn.qkv.weight"))
        self.blocks = torch.nn.Sequential(*(Block(tensors, f"{trunk}blocks.{i}.", heads) for i in range(depth)))
        self.norm = torch.nn.Identity()
        if trunk + "norm.weight" in tensors:
            self.norm = torch.nn.LayerNorm(self.prefix.shape[1], eps=1e-6)
            self.norm.load_state_dict({k: tensors[f"{trunk}norm.{k}"] for k in ("weight", "bias")})

    def field(self, rows, columns):
        side = int(self.positions.shape[1] ** 0.5)
        if (rows, columns) == (side, side):
            return self.positions
        grid = self.positions.reshape(1, side, side, -1).permute(0, 3, 1, 2)
        longest = max(rows, columns)
        grid = functional.interpolate(grid, (longest, longest), mode="bilinear", align_corners=False)
        return grid[:, :, :rows, :columns].flatten(2).transpose(1, 2)

    def forward(self, pixels):
        x = (pixels - self.mean) / self.std
        batch, channels, height, width = x.shape
        rows, columns, p = height // self.patch, width // self.patch, self.patch
        x = x.reshape(batch, channels, rows, p, columns, p).permute(0, 2, 4, 1, 3, 5)
        x = self.embedder(x.reshape(batch, rows * columns, channels * p * p)) + self.field(rows, columns)
        x = torch.cat([self.prefix.expand(batch, -1, -1), x], 1)
        x = self.norm(self.blocks(x))[:, self.prefix.shape[0] :]
        return x.transpose(1, 2).reshape(batch, -1, rows, columns)


def median_rate(model, pixels, rounds):
    """Pictures a second, and processor seconds of all threads per picture."""
    times, processor = [], []
    with torch.inference_mode():
        model(pixels)
        for _ in range(rounds):
            start, busy = time.perf_counter(), time.process_time()
            model(pixels)
            times.append(time.perf_counter() - start)
            processor.append(time.process_time() - busy)
    return pixels.shape[0] / statistics.median(times), statistics.median(processor) / pixels.shape[0]


def compare(folder, measured, rounds):
    """Largest difference of the features over their spread, pictures a second, and the ratio of processor time."""
    data = read_safetensors(f"{folder}/data.safetensors")
    model = Encoder(read_safetensors(f"{folder}/model.safetensors")).eval()
    with torch.inference_mode():
        error = (model(data["pixels"]) - data["features"]).abs().max() / data["features"].std()
    rate, busy = median_rate(model, data["pixels"], rounds)
    return float(error), rate, busy / measured["cpu_seconds_per_image"]


def main():
    parser = arguments_parser()
    parser.add_argument("--case", choices=("vit_b16", "radio_b"))
    parser.add_argument("--batch", type=int)
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    for case in [arguments.case] if arguments.case else ("vit_b16", "radio_b"):
        for batch in [arguments.batch] if arguments.batch else (1, 8):
            shared = {"case": case, "size": arguments.size, "batch": batch, "threads": arguments.threads}
            turns = take_turns(arguments.build, "encoder_bench", {"rounds": arguments.rounds, **shared},
                               lambda folder, measured: compare(folder, measured, arguments.rounds))
            last = turns[-1][0]
            print(json.dumps({**shared,
                              "vitrine": statistics.median(measured["images_per_second"] for measured, _ in turns),
                              "eager": statistics.median(rate for _, (_, rate, _) in turns),
                              **summary("ratio", [measured["images_per_second"] / rate for measured, (_, rate, _) in turns]),
                              **summary("cpu_ratio", [cpu for _, (_, _, cpu) in turns]),
                              "difference": max(error for _, (error, _, _) in turns), "of_matmul": last["of_matmul"],
                              "peak_rss_mb": last["peak_rss_mb"]}), flush=True)


if __name__ == "__main__":
    main()
