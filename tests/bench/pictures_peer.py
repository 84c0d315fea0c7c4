#!/usr/bin/env python3
"""From JPEG files to stored features: `vitrine run` (extract) beside eager PyTorch with transformers, in turns.

    run_peer.sh pictures_peer.py BUILD_FOLDER PICTURE_FOLDER [--count 48] [--batch 8] [--threads N] [--turns 3]

Both read the same pictures, preprocess them as preprocessor_config.json says, run the same random DINOv2-base weights
in float32 and write one safetensors file of features per picture. PyTorch runs twice a turn: preprocessing in the
loop, and in one worker process of a DataLoader; the faster one counts. Printed: pictures a second of both, the ratio (median and range
of the turns), peak memory of the processes, and how far the features of all pictures differ.
"""
import argparse
import json
import os
import pathlib
import resource
import statistics
import subprocess
import sys
import tempfile
import time


def make_model(folder):
    import torch
    from transformers import BitImageProcessorPil, Dinov2Config, Dinov2Model

    torch.manual_seed(1)
    Dinov2Model(Dinov2Config(patch_size=14, image_size=518)).save_pretrained(folder)
    BitImageProcessorPil(size={"shortest_edge": 256}, crop_size={"height": 224, "width": 224}, resample=3,
                      image_mean=[0.485, 0.456, 0.406], image_std=[0.229, 0.224, 0.225]).save_pretrained(folder)


def pictures_of(folder, count):
    return sorted(path for path in pathlib.Path(folder).iterdir() if path.suffix.lower() in (".jpg", ".jpeg", ".png"))[:count]


def peer(arguments):
    """The PyTorch side, in a process of its own, so that its peak memory is its own."""
    import torch
    from PIL import Image
    from safetensors.torch import save_file
    from transformers import BitImageProcessorPil, Dinov2Model

    torch.set_num_threads(arguments.threads)
    model = Dinov2Model.from_pretrained(arguments.model).eval()
    processor = BitImageProcessorPil.from_pretrained(arguments.model)
    paths = pictures_of(arguments.pictures, arguments.count)

    class Pictures(torch.utils.data.Dataset):
        def __len__(self):
            return len(paths)

        def __getitem__(self, index):
            return processor(Image.open(paths[index]).convert("RGB"), return_tensors="pt")["pixel_values"][0]

    workers = 1 if arguments.peer == "worker" else 0
    loader = torch.utils.data.DataLoader(Pictures(), arguments.batch, num_workers=workers)
    with torch.inference_mode():
        model(torch.zeros(1, 3, 224, 224))
        start = time.perf_counter()
        index = 0
        for pixels in loader:
            tokens = model(pixels).last_hidden_state
            for i in range(len(pixels)):
                features = tokens[i, 1:].T.reshape(-1, 16, 16).contiguous()
                save_file({"features": features, "summary": tokens[i, 0].contiguous()},
                          f"{arguments.output}/{index}.safetensors")
                index += 1
        seconds = time.perf_counter() - start
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    if workers:
        peak += resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
    print(json.dumps({"rate": len(paths) / seconds, "peak_mb": peak / 1024}))


def measured(command, environment=None):
    """Standard output and peak resident megabytes of one process."""
    done = subprocess.Popen([str(part) for part in command], stdout=subprocess.PIPE, text=True, env=environment)
    output = done.stdout.read()
    _, status, usage = os.wait4(done.pid, 0)
    if status:
        sys.exit(f"{command[0]} failed:\n{output}")
    return output, usage.ru_maxrss / 1024


def vitrine_turn(arguments, folder, model):
    program = pathlib.Path(arguments.build) / "bin" / "vitrine"
    recipe = pathlib.Path(folder) / "recipe.json"
    recipe.write_text(json.dumps({"kind": "extract", "name": "bench", "settings": {
        "model": str(model), "images": [str(path.resolve()) for path in pictures_of(arguments.pictures, arguments.count)],
        "batch": arguments.batch, "output": str(pathlib.Path(folder) / "ours")}}))
    project = pathlib.Path(folder) / "project"
    environment = dict(os.environ, OMP_NUM_THREADS=str(arguments.threads))
    _, peak = measured([program, "--project", project, "run", recipe, "--json"], environment)
    shown, _ = measured([program, "--project", project, "--json", "runs", "show", "last"], environment)
    return json.loads(shown)["metrics"]["time/pictures per second"][-1][2], peak


def difference(folder, count):
    """Largest difference of all features over their spread."""
    from safetensors.torch import load_file
    import torch

    ours = {}
    for path in (pathlib.Path(folder) / "ours").iterdir():
        raw = path.read_bytes()
        header = json.loads(raw[8 : 8 + int.from_bytes(raw[:8], "little")])
        picture = json.loads(header["__metadata__"]["origin"])["image"]
        ours[picture] = load_file(path)["features"]
    worst = 0.0
    for index, picture in enumerate(sorted(ours)):
        theirs = load_file(f"{folder}/theirs/{index}.safetensors")["features"]
        worst = max(worst, float((ours[picture] - theirs).abs().max() / theirs.std()))
    return worst


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("build")
    parser.add_argument("pictures")
    parser.add_argument("--count", type=int, default=48)
    parser.add_argument("--batch", type=int, default=8)
    parser.add_argument("--threads", type=int, default=len(os.sched_getaffinity(0)))
    parser.add_argument("--turns", type=int, default=3)
    parser.add_argument("--peer", choices=("loop", "worker"), help=argparse.SUPPRESS)
    parser.add_argument("--model", help=argparse.SUPPRESS)
    parser.add_argument("--output", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.peer:
        return peer(arguments)
    with tempfile.TemporaryDirectory() as root:
        model = pathlib.Path(root) / "model"
        make_model(model)
        ours, theirs = [], {"loop": [], "worker": []}
        for turn in range(arguments.turns):
            folder = pathlib.Path(root) / str(turn)
            (folder / "theirs").mkdir(parents=True)
            ours.append(vitrine_turn(arguments, folder, model))
            for way in theirs:
                output, _ = measured([sys.executable, __file__, arguments.build, arguments.pictures, "--count", arguments.count,
                                      "--batch", arguments.batch, "--threads", arguments.threads, "--peer", way,
                                      "--model", model, "--output", folder / "theirs"])
                theirs[way].append(json.loads(output.splitlines()[-1]))
            worst = difference(folder, arguments.count)
        best = max(theirs, key=lambda way: statistics.median(t["rate"] for t in theirs[way]))
        ratios = sorted(o[0] / t["rate"] for o, t in zip(ours, theirs[best]))
        print(json.dumps({"pictures": arguments.count, "batch": arguments.batch, "threads": arguments.threads,
                          "vitrine_per_s": statistics.median(o[0] for o in ours), "eager_per_s": statistics.median(t["rate"] for t in theirs[best]),
                          "eager_way": best, "ratio": statistics.median(ratios), "ratio_range": [ratios[0], ratios[-1]],
                          "peak_mb": statistics.median(o[1] for o in ours),
                          "eager_peak_mb": statistics.median(t["peak_mb"] for t in theirs[best]), "difference": worst}))


if __name__ == "__main__":
    main()
