"""What transformers makes of a language model folder that Vitrine wrote.

  run_peer.sh language_peer.py logits FOLDER GOLDEN   logits of the golden folder's input against its expected ones
  run_peer.sh language_peer.py decode FOLDER N [T]    tokens a second of its greedy generation, N new tokens, T threads
  run_peer.sh language_peer.py tokens FOLDER TEXT     token ids of a text, and the text that they stand for
"""
import json
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


def tokens(folder, text):
    tokenizer = AutoTokenizer.from_pretrained(folder)
    ids = tokenizer(text).input_ids
    print(json.dumps({"ids": ids, "text": tokenizer.decode(ids), "end": tokenizer.eos_token_id}))


if __name__ == "__main__":
    if sys.argv[1] == "logits":
        logits(sys.argv[2], sys.argv[3])
    elif sys.argv[1] == "tokens":
        tokens(sys.argv[2], sys.argv[3])
    else:
        torch.set_num_threads(int(sys.argv[4]) if len(sys.argv) > 4 else torch.get_num_threads())
        decode(sys.argv[2], int(sys.argv[3]))
