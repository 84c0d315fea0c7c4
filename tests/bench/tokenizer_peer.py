#!/usr/bin/env python3
"""Compares tokenizer_bench with the Python packages `tokenizers` and `sentencepiece` on one thread.

  tokenizer_peer.py BENCH TOKENIZER TEXT...

Installs nothing: `python3 -m venv V && V/bin/pip install tokenizers sentencepiece` first. Both sides run in turn, three
times, and are measured in processor seconds; the ids must be equal. One JSON line per text.
"""
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time

os.environ["TOKENIZERS_PARALLELISM"] = "false"
os.environ["RAYON_NUM_THREADS"] = "1"


def peer(path):
    """Opening and encoding functions of the package that reads this file."""
    if path.endswith(".model"):
        import sentencepiece

        def load():
            return sentencepiece.SentencePieceProcessor(model_file=path)

        return load, lambda tokenizer, text: tokenizer.encode(text), None
    import tokenizers

    def load():
        return tokenizers.Tokenizer.from_file(path)

    return load, lambda tokenizer, text: tokenizer.encode(text).ids, lambda tokenizer, text: tokenizer.encode_batch_fast([text])[0].ids


def timed(work, rounds=5):
    times, result = [], None
    for _ in range(rounds):
        start = time.process_time()
        result = work()
        times.append(time.process_time() - start)
    return statistics.median(times), result


def main():
    bench, path, texts = sys.argv[1], sys.argv[2], sys.argv[3:]
    load, encode, encode_fast = peer(path)
    for file in texts:
        with open(file, newline="", encoding="utf-8") as stream:
            text = stream.read()
        ours, theirs, fast = [], [], []
        for _ in range(3):
            with tempfile.NamedTemporaryFile() as ids_file:
                done = subprocess.run([bench, path, file, "--rounds", "5", "--ids", ids_file.name], check=True, capture_output=True)
                report = json.loads(done.stdout)
                our_ids = [int(line) for line in open(ids_file.name)]
            ours.append(report)
            tokenizer = load()
            seconds, their_ids = timed(lambda: encode(tokenizer, text))
            theirs.append(seconds)
            if encode_fast:
                fast.append(timed(lambda: encode_fast(tokenizer, text))[0])
        warm = statistics.median(r["encode_warm"]["median_s"] for r in ours)
        row = {
            "text": os.path.basename(file), "mb": report["bytes"] / 1e6, "ids_equal": our_ids == their_ids,
            "cold_mb_per_s": report["bytes"] / 1e6 / statistics.median(r["encode_cold"]["median_s"] for r in ours),
            "warm_mb_per_s": report["bytes"] / 1e6 / warm, "peer_mb_per_s": report["bytes"] / 1e6 / statistics.median(theirs),
            "times_peer": statistics.median(theirs) / warm,
            "open_s": statistics.median(r["open"]["median_s"] for r in ours), "peer_open_s": timed(load, 3)[0],
        }
        if fast:
            row["peer_without_offsets_mb_per_s"] = report["bytes"] / 1e6 / statistics.median(fast)
            row["times_peer_without_offsets"] = statistics.median(fast) / warm
        print(json.dumps({k: round(v, 4) if isinstance(v, float) else v for k, v in row.items()}))


if __name__ == "__main__":
    main()
