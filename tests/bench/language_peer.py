"""What transformers makes of a language model folder that Vitrine wrote.

  run_peer.sh language_peer.py logits FOLDER GOLDEN   logits of the golden folder's input against its expected ones
  run_peer.sh language_peer.py decode FOLDER N [T]    tokens a second of its greedy generation, N new tokens, T threads
  run_peer.sh language_peer.py tokens FOLDER TEXT     token ids of a text, and the text that they stand for
  run_peer.sh language_peer.py turns BENCH FOLDER N [T [ROUNDS]]  greedy generation by BENCH (build/bin/language_bench) and
      by transformers in turn: medians of tokens a second, ratio (cpu_ratio: of processor time; above 1: BENCH is faster),
      and how many of the new ids are equal from the first one on
"""
import json
import statistics
import subprocess
import sys
import time

import torch
from safetensors.torch import load_file
from transformers import AutoModelForCausalLM, AutoTokenizer


def logits(folder, golden):
    model = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32).eval()
    ids = load_file(f"{golden}/inputs.safetensors")["a.input_ids"]
    expected = load_file(f"{golden}/expected.safetensors")["a.logits"]
    with torch.no_grad():
        error = (model(ids).logits - expected).abs().max().item()
    print(json.dumps({"folder": folder, "class": type(model).__name__, "largest_error": error,
                      "std": expected.std().item()}))


def decode(folder, count):
    model = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32).eval()
    ids = torch.full((1, 8), 3)
    times = []
    with torch.no_grad():
        for _ in range(4):
            start = time.perf_counter()
            model.generate(ids, attention_mask=torch.ones_like(ids), do_sample=False, max_new_tokens=count,
                           min_new_tokens=count, pad_token_id=0)
            times.append(time.perf_counter() - start)
    print(json.dumps({"folder": folder, "tokens_per_second": count / min(times[1:]),
                      "threads": torch.get_num_threads()}))


PROMPT = list(range(1, 9))  # what language_bench begins with


class Bench:
    def __init__(self, program, folder, count, threads):
        self.process = subprocess.Popen([program, "--decode", folder, "--tokens", str(count), "--threads", str(threads)],
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def __call__(self):
        self.process.stdin.write("\n")
        self.process.stdin.flush()
        answer = json.loads(self.process.stdout.readline())
        return answer["seconds"], answer["cpu_seconds"], answer["ids"]


class Transformers:
    def __init__(self, folder, count):
        self.model = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32).eval()
        self.model.generation_config.eos_token_id = None  # both write as many tokens
        self.count = count

    def __call__(self):
        ids = torch.tensor([PROMPT])
        start, busy = time.perf_counter(), time.process_time()
        with torch.no_grad():
            out = self.model.generate(ids, attention_mask=torch.ones_like(ids), do_sample=False, max_new_tokens=self.count,
                                      pad_token_id=0)
        return time.perf_counter() - start, time.process_time() - busy, out[0, len(PROMPT):].tolist()


def turns(program, folder, count, threads=torch.get_num_threads(), rounds=9):
    torch.set_num_threads(threads)
    ours, theirs = Bench(program, folder, count, threads), Transformers(folder, count)
    ours_ids, theirs_ids = ours()[2], theirs()[2]  # warms up too
    times = [(ours(), theirs()) for _ in range(rounds)]
    ours.process.stdin.close()
    ratios = sorted(b[0] / a[0] for a, b in times)
    different = [index for index, (a, b) in enumerate(zip(ours_ids, theirs_ids)) if a != b]
    print(json.dumps({"folder": folder, "new_tokens": count, "threads": threads, "rounds": rounds,
                      "vitrine": count / statistics.median(a[0] for a, _ in times),
                      "transformers": count / statistics.median(b[0] for _, b in times),
                      "ratio": statistics.median(ratios), "ratio_range": [ratios[0], ratios[-1]],
                      "cpu_ratio": statistics.median(b[1] / a[1] for a, b in times),
                      "equal_ids": different[0] if different else min(len(ours_ids), len(theirs_ids))}))


def tokens(folder, text):
    tokenizer = AutoTokenizer.from_pretrained(folder)
    ids = tokenizer(text).input_ids
    print(json.dumps({"ids": ids, "text": tokenizer.decode(ids), "end": tokenizer.eos_token_id}))


if __name__ == "__main__":
    if sys.argv[1] == "logits":
        logits(sys.argv[2], sys.argv[3])
    elif sys.argv[1] == "tokens":
        tokens(sys.argv[2], sys.argv[3])
    elif sys.argv[1] == "turns":
        turns(*sys.argv[2:4], *(int(each) for each in sys.argv[4:7]))
    else:
        torch.set_num_threads(int(sys.argv[4]) if len(sys.argv) > 4 else torch.get_num_threads())
        decode(sys.argv[2], int(sys.argv[3]))
