"""Turns of a C++ benchmark and of eager PyTorch in the same run, so that a busy moment of the machine meets both."""
import argparse
import json
import pathlib
import statistics
import subprocess
import tempfile

import torch

TURNS = 3


def arguments_parser():
    """With the options that both sides of every comparison take."""
    parser = argparse.ArgumentParser()
    parser.add_argument("build")
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--size", type=int, default=224)
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    return parser


def take_turns(build, name, options, peer):
    """Runs the program `name` and then peer(folder, measured), TURNS times; gives the pairs (measured, answer of peer).

    options: {"batch": 8} becomes "--batch 8". The program exports to `folder`; `measured` is its JSON line.
    """
    program = next(pathlib.Path(build).rglob(name))
    turns = []
    for _ in range(TURNS):
        with tempfile.TemporaryDirectory() as folder:
            command = [str(program), "--export", folder]
            for key, value in options.items():
                command += [f"--{key}", str(value)]
            done = subprocess.run(command, capture_output=True, text=True, check=True)
            measured = json.loads(done.stdout)
            turns.append((measured, peer(folder, measured)))
    return turns


def summary(name, values):
    """Median and range of the turns, as two entries of a JSON line."""
    return {name: statistics.median(values), f"{name}_range": [min(values), max(values)]}
