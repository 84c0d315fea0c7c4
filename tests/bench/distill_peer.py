#!/usr/bin/env python3
"""distill_bench's training step beside eager PyTorch, in the same run: same teachers, student, pictures, threads.

    distill_peer.py BUILD_FOLDER [--teachers base] [--rounds 7] [--batch 8] [--size 224] [--threads 2]

Runs the C++ program and PyTorch in turns (three times each) and prints one JSON line: seconds of a step of both,
their ratio (median of the turns; cpu_ratio: the same of processor time), and how far the losses of the two lie
apart, step by step. Both take a step of AdamW on the same weights, so the losses say whether they compute the same.
Needs a Python with torch of the same version and numpy.
"""
import json
import statistics
import time

import torch
from encoder_peer import Encoder, read_safetensors
from peer_turns import arguments_parser, summary, take_turns
from torch.nn import functional

WARM_UP = 2  # as distill_bench


class Tokens(Encoder):
    """The encoder's tokens, prefix and patches."""

    def forward(self, pixels):
        x = (pixels - self.mean) / self.std
        batch, channels, height, width = x.shape
        rows, columns, p = height // self.patch, width // self.patch, self.patch
        x = x.reshape(batch, channels, rows, p, columns, p).permute(0, 2, 4, 1, 3, 5)
        x = self.embedder(x.reshape(batch, rows * columns, channels * p * p)) + self.field(rows, columns)
        return self.norm(self.blocks(torch.cat([self.prefix.expand(batch, -1, -1), x], 1)))


class Head(torch.nn.Module):
    """Adaptor MLP "v2": linear, residual blocks of LN, GELU, linear; LN, GELU, linear."""

    def __init__(self, tensors, prefix):
        super().__init__()

        def linear(name):
            weight = tensors[f"{prefix}{name}.weight"]
            layer = torch.nn.Linear(weight.shape[1], weight.shape[0])
            layer.load_state_dict({"weight": weight, "bias": tensors[f"{prefix}{name}.bias"]})
            return layer

        def norm(name):
            weight = tensors[f"{prefix}{name}.weight"]
            layer = torch.nn.LayerNorm(weight.shape[0], eps=1e-5)
            layer.load_state_dict({"weight": weight, "bias": tensors[f"{prefix}{name}.bias"]})
            return layer

        count = sum(1 for name in tensors if name.startswith(f"{prefix}blocks.") and name.endswith(".2.weight"))
        gelu = torch.nn.GELU
        self.first = linear("fc1")
        self.inner = torch.nn.ModuleList(
            torch.nn.Sequential(norm(f"blocks.{i}.0"), gelu(), linear(f"blocks.{i}.2")) for i in range(count))
        self.last = torch.nn.Sequential(norm("final.0"), gelu(), linear("final.2"))

    def forward(self, x):
        x = self.first(x)
        for block in self.inner:
            x = x + block(x)
        return self.last(x)


class Student(torch.nn.Module):
    def __init__(self, tensors, teachers, heads):
        super().__init__()
        self.tokens = Tokens(tensors, heads)
        self.tokens.prefix = torch.nn.Parameter(self.tokens.prefix)
        self.tokens.positions = torch.nn.Parameter(self.tokens.positions)
        self.skip = self.tokens.prefix.shape[0]
        base = "radio_model.adaptors."
        self.summaries = torch.nn.ModuleList(Head(tensors, f"{base}{name}.head_mlp.") for name in teachers)
        self.features = torch.nn.ModuleList(Head(tensors, f"{base}{name}.feat_mlp.") for name in teachers)

    def forward(self, pixels):
        tokens = self.tokens(pixels)
        patches = tokens[:, self.skip :]
        return [(summary(tokens[:, i]), features(patches))
                for i, (summary, features) in enumerate(zip(self.summaries, self.features))]


class Teacher(torch.nn.Module):
    def __init__(self, tensors, target, heads):
        super().__init__()
        self.tokens = Tokens(tensors, heads)
        self.skip = self.tokens.prefix.shape[0]
        self.mean = target["mean"].float()
        self.rotation = (target["alpha"].double() * target["rotation"].double()).float()

    @torch.no_grad()
    def forward(self, pixels):
        tokens = self.tokens(pixels)
        features = (tokens[:, self.skip :] - self.mean) @ self.rotation.T  # PHI-S
        return tokens[:, 0], features


def learn(folder, measured):
    """Losses of all steps, and wall and processor seconds of those after the warm-up."""
    state = read_safetensors(f"{folder}/state.safetensors")
    tensors = {name.removeprefix("student."): value for name, value in state.items() if name.startswith("student.")}
    tensors.update({k: v for k, v in read_safetensors(f"{folder}/student.safetensors").items() if k not in tensors})
    names = ["first", "second"]
    teachers = []
    for i, name in enumerate(names):
        prefix = f"target.{name}.normalizer."
        target = {key.removeprefix(prefix): value for key, value in state.items() if key.startswith(prefix)}
        teachers.append(Teacher(read_safetensors(f"{folder}/teacher{i}.safetensors"), target, measured["teacher_heads"]))
    pixels = read_safetensors(f"{folder}/pixels.safetensors")["pixels"]
    student = Student(tensors, names, heads=3)
    decays = [p for name, p in student.named_parameters() if p.dim() >= 2 and "prefix" not in name and "positions" not in name]
    kept = {id(p) for p in decays}
    others = [p for p in student.parameters() if id(p) not in kept]
    optimizer = torch.optim.AdamW([{"params": decays, "weight_decay": measured["weight_decay"]},
                                   {"params": others, "weight_decay": 0.0}], lr=measured["learning_rate"])
    steps = len(measured["losses"])
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, steps)
    losses, wall, processor = [], [], []
    for step in range(steps):
        start, busy = time.perf_counter(), time.process_time()
        targets = [teacher(pixels) for teacher in teachers]
        loss = 0.0
        for (summary, features), (wanted, map_) in zip(student(pixels), targets):
            loss = loss + (1 - functional.cosine_similarity(summary, wanted, dim=1)).mean()
            loss = loss + functional.mse_loss(features, map_)
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(student.parameters(), 1.0)
        optimizer.step()
        schedule.step()
        losses.append(loss.item())
        if step >= WARM_UP:
            wall.append(time.perf_counter() - start)
            processor.append(time.process_time() - busy)
    return losses, statistics.median(wall), statistics.median(processor)


def main():
    parser = arguments_parser()
    parser.add_argument("--teachers", choices=("small", "base"), default="base")
    parser.add_argument("--batch", type=int, default=8)
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    shared = {"teachers": arguments.teachers, "batch": arguments.batch, "size": arguments.size, "threads": arguments.threads}
    turns = take_turns(arguments.build, "distill_bench", {"case": "step", "rounds": arguments.rounds, **shared}, learn)
    difference = max(abs(theirs / ours - 1) for measured, (losses, _, _) in turns for theirs, ours in zip(losses, measured["losses"]))
    last = turns[-1][0]
    print(json.dumps({**shared,
                      "vitrine_seconds": statistics.median(measured["seconds"] for measured, _ in turns),
                      "eager_seconds": statistics.median(wall for _, (_, wall, _) in turns),
                      **summary("ratio", [wall / measured["seconds"] for measured, (_, wall, _) in turns]),
                      **summary("cpu_ratio", [busy / measured["cpu_seconds"] for measured, (_, _, busy) in turns]),
                      "loss_difference": difference,
                      **{key: last[key] for key in ("teacher_seconds", "student_seconds", "optimizer_seconds", "peak_rss_mb")}}))


if __name__ == "__main__":
    main()
