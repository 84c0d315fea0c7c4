"""Greedy decoding in float32 by Vitrine, by llama.cpp and by the generate loop of transformers, with the same weights,
prompt, number of new tokens and threads; in turn within one run, so that a busy moment of the machine meets all.

  run_peer.sh llama_cpp_peer.py build/bin/language_bench FOLDER [TOKENS [THREADS [ROUNDS]]]

FOLDER: a Llama as a Hugging Face folder ("language_bench --case s15 --write FOLDER" makes one). One JSON line: medians
of tokens a second, ratios above 1 where Vitrine is faster, and how many of the new ids are those of Vitrine from the
first one on.
"""
import ctypes
import json
import statistics
import subprocess
import sys
import tempfile
import time

import gguf
import llama_cpp
import numpy
import torch
from transformers import AutoModelForCausalLM

PROMPT = list(range(1, 9))  # what language_bench begins with


class Vitrine:
    def __init__(self, program, folder, count, threads):
        self.process = subprocess.Popen([program, "--decode", folder, "--tokens", str(count), "--threads", str(threads)],
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def decode(self):
        self.process.stdin.write("\n")
        self.process.stdin.flush()
        answer = json.loads(self.process.stdout.readline())
        return answer["seconds"], answer["ids"]


class Transformers:
    def __init__(self, model, count, threads):
        torch.set_num_threads(threads)
        self.model, self.count = model, count
        self.model.generation_config.eos_token_id = None  # all write as many tokens

    def decode(self):
        ids = torch.tensor([PROMPT])
        start = time.perf_counter()
        with torch.no_grad():
            out = self.model.generate(ids, attention_mask=torch.ones_like(ids), do_sample=False,
                                      max_new_tokens=self.count, pad_token_id=0)
        return time.perf_counter() - start, out[0, len(PROMPT):].tolist()


STORED_NAMES = (("model.embed_tokens", "token_embd"), ("model.norm", "output_norm"), ("lm_head", "output"),
                ("model.layers", "blk"), ("post_attention_layernorm", "ffn_norm"), ("input_layernorm", "attn_norm"),
                ("self_attn.q_proj", "attn_q"), ("self_attn.k_proj", "attn_k"), ("self_attn.v_proj", "attn_v"),
                ("self_attn.o_proj", "attn_output"), ("mlp.gate_proj", "ffn_gate"), ("mlp.up_proj", "ffn_up"),
                ("mlp.down_proj", "ffn_down"))


def pairs_from_halves(weight, heads):
    """llama.cpp turns neighbouring channels of queries and keys, transformers the two halves of a head."""
    rows, columns = weight.shape
    return weight.reshape(heads, 2, rows // heads // 2, columns).swapaxes(1, 2).reshape(rows, columns)


def write_gguf(file, model):
    config = model.config
    writer = gguf.GGUFWriter(file, "llama")
    writer.add_context_length(config.max_position_embeddings)
    writer.add_embedding_length(config.hidden_size)
    writer.add_block_count(config.num_hidden_layers)
    writer.add_feed_forward_length(config.intermediate_size)
    writer.add_head_count(config.num_attention_heads)
    writer.add_head_count_kv(config.num_key_value_heads)
    writer.add_rope_dimension_count(config.head_dim)
    writer.add_rope_freq_base(config.rope_parameters["rope_theta"])
    writer.add_layer_norm_rms_eps(config.rms_norm_eps)
    writer.add_vocab_size(config.vocab_size)
    writer.add_tokenizer_model("none")  # ids go in and come out
    for name, value in model.state_dict().items():
        if name == "lm_head.weight" and config.tie_word_embeddings:
            continue
        weight = value.to(torch.float32).numpy()
        if "q_proj" in name:
            weight = pairs_from_halves(weight, config.num_attention_heads)
        if "k_proj" in name:
            weight = pairs_from_halves(weight, config.num_key_value_heads)
        for part, stored in STORED_NAMES:
            name = name.replace(part, stored)
        writer.add_tensor(name, numpy.ascontiguousarray(weight))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


@llama_cpp.llama_log_callback
def quiet(level, text, user_data):
    if level == 4:  # errors
        sys.stderr.write(text.decode())


class LlamaCpp:
    def __init__(self, file, count, threads):
        llama_cpp.llama_log_set(quiet, ctypes.c_void_p(0))
        llama_cpp.llama_backend_init()
        self.model = llama_cpp.llama_model_load_from_file(file.encode(), llama_cpp.llama_model_default_params())
        settings = llama_cpp.llama_context_default_params()
        settings.n_ctx = len(PROMPT) + count
        settings.n_threads = settings.n_threads_batch = threads
        settings.type_k = settings.type_v = llama_cpp.GGML_TYPE_F32  # the cache, otherwise of half precision
        self.context = llama_cpp.llama_init_from_model(self.model, settings)
        assert self.context, "llama.cpp refuses the file"
        self.vocabulary = llama_cpp.llama_vocab_n_tokens(llama_cpp.llama_model_get_vocab(self.model))
        self.count = count

    def next(self, ids):
        tokens = (llama_cpp.llama_token * len(ids))(*ids)
        code = llama_cpp.llama_decode(self.context, llama_cpp.llama_batch_get_one(tokens, len(ids)))
        assert code == 0, f"llama_decode: {code}"
        logits = llama_cpp.llama_get_logits_ith(self.context, -1)
        return int(numpy.ctypeslib.as_array(logits, (self.vocabulary,)).argmax())

    def decode(self):
        llama_cpp.llama_memory_clear(llama_cpp.llama_get_memory(self.context), True)
        start = time.perf_counter()
        ids = [self.next(PROMPT)]
        while len(ids) < self.count:
            ids.append(self.next(ids[-1:]))
        return time.perf_counter() - start, ids


def equal_front(a, b):
    different = [index for index, (x, y) in enumerate(zip(a, b)) if x != y]
    return different[0] if different else min(len(a), len(b))


def compare(program, folder, count=128, threads=2, rounds=9):
    hugging_face = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32).eval()
    with tempfile.NamedTemporaryFile(suffix=".gguf") as file:
        write_gguf(file.name, hugging_face)
        programs = {"vitrine": Vitrine(program, folder, count, threads), "llama.cpp": LlamaCpp(file.name, count, threads),
                    "transformers": Transformers(hugging_face, count, threads)}
        ids = {name: each.decode()[1] for name, each in programs.items()}  # warms up too
        times = {name: [] for name in programs}
        for _ in range(rounds):
            for name, each in programs.items():
                times[name].append(each.decode()[0])
    programs["vitrine"].process.stdin.close()
    ours = statistics.median(times["vitrine"])
    print(json.dumps({
        "folder": folder, "new_tokens": count, "threads": threads, "rounds": rounds,
        "tokens_per_second": {name: count / statistics.median(each) for name, each in times.items()},
        "ratio": {name: statistics.median(each) / ours for name, each in times.items() if name != "vitrine"},
        "ratio_by_round": {name: sorted(round(a / b, 3) for a, b in zip(each, times["vitrine"]))
                           for name, each in times.items() if name != "vitrine"},
        "same_ids": {name: equal_front(ids["vitrine"], each) for name, each in ids.items() if name != "vitrine"}}))


if __name__ == "__main__":
    compare(sys.argv[1], sys.argv[2], *(int(each) for each in sys.argv[3:6]))
