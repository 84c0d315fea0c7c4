#!/usr/bin/env python3
"""Writes sections.json: what the Python package `tokenizers` does for single sections of tokenizer.json.

The model knows no character, so that each word that a pre-tokenizer cuts is one unknown token whose offsets show
the word; with byte fallback its ids show the bytes that a normalizer left.
"""
import json
import pathlib

import tokenizers

TEXTS = [
    "", " ", "a", "Hello, world!", "  two  spaces  ", "tab\tnew\nline\r\n\r\n", "don't WON'T I'll we've he'd",
    "3.14 1,000 \u0663\u0664 \u00bd \u2167 x2y22", "caf\u00e9 nai\u0308ve A\u030angstro\u0308m", "\ufb01\u3000\uff26\uff35 \u2460\u338f",
    "Stra\u00dfe \u1e9e \u0130stanbul \u039a\u039f\u03a3\u039c\u039f\u03a3", "\u4f60\u597d\uff0c\u4e16\u754c! \u3053\u3093\u306b\u3061\u306f \uff8a\uff9e\uff9d",
    "\uc548\ub155 \u1112\u1161\u11ab", "\U0001f468\u200d\U0001f469\u200d\U0001f467 \U0001f44d\U0001f3fd", "z\u0335\u0322\u031b a\u0301\u0323", "\u2581already\u2581meta", "a_b-c__d (e) [f]",
    "nbsp\u00a0em\u2003zw\u200bsp\u180e x\u0085y\u2028z", "\u0928\u092e\u0938\u094d\u0924\u0947 \u0e2a\u0e27\u0e31\u0e2a\u0e14\u0e35", "\u0000nul\u0001ctl\u007f\ufeffbom\ufffd",
    "$a+b<=c~`^|", "x  y\n\n z", "\u24b6\u24d0 \u216b \U0001d518\U0001d7d9",
]

NORMALIZERS = [
    {"type": "NFC"}, {"type": "NFD"}, {"type": "NFKC"}, {"type": "NFKD"}, {"type": "Lowercase"}, {"type": "StripAccents"},
    {"type": "Strip", "strip_left": True, "strip_right": True}, {"type": "Strip", "strip_left": True, "strip_right": False},
    {"type": "Strip", "strip_left": False, "strip_right": True}, {"type": "Prepend", "prepend": "\u2581"},
    {"type": "Replace", "pattern": {"String": "  "}, "content": "_"},
    {"type": "Replace", "pattern": {"Regex": "\\s+|\\d"}, "content": "<>"},
    {"type": "Sequence", "normalizers": [{"type": "NFD"}, {"type": "StripAccents"}, {"type": "Lowercase"}]},
] + [
    {"type": "BertNormalizer", "clean_text": c, "handle_chinese_chars": h, "strip_accents": s, "lowercase": low}
    for c, h, s, low in [(True, True, None, True), (False, True, None, False), (True, False, True, False), (True, True, False, True)]
]

BEHAVIORS = ["Removed", "Isolated", "MergedWithPrevious", "MergedWithNext", "Contiguous"]
GPT2 = {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": False, "use_regex": True}
PRE_TOKENIZERS = [
    {"type": "BertPreTokenizer"}, {"type": "Whitespace"}, {"type": "WhitespaceSplit"}, GPT2, dict(GPT2, add_prefix_space=True),
    dict(GPT2, use_regex=False), {"type": "Digits", "individual_digits": True}, {"type": "Digits", "individual_digits": False},
] + [{"type": "Punctuation", "behavior": b} for b in BEHAVIORS] + [
    {"type": "Split", "pattern": p, "behavior": b, "invert": i}
    for p in ({"String": " "}, {"Regex": "\\w+|\\s"}, {"Regex": "[0-9][0-9]|\\p{Lu}"}) for b in BEHAVIORS for i in (False, True)
] + [
    {"type": "Metaspace", "replacement": "\u2581", "prepend_scheme": p, "split": s}
    for p in ("always", "first", "never") for s in (True, False)
] + [
    {"type": "Sequence", "pretokenizers": [{"type": "WhitespaceSplit"}, {"type": "Punctuation", "behavior": "Isolated"}, {"type": "Digits", "individual_digits": True}]},
    {"type": "Sequence", "pretokenizers": [{"type": "Punctuation", "behavior": "Contiguous"}, GPT2, {"type": "Split", "pattern": {"Regex": "[0-9][0-9][0-9]"}, "behavior": "Isolated", "invert": False}]},
    {"type": "Sequence", "pretokenizers": [{"type": "Whitespace"}, {"type": "Metaspace", "replacement": "\u2581", "prepend_scheme": "first", "split": True}]},
]

TOKEN_LISTS = [
    [], ["\u2581Hello", "\u2581world"], ["\u2581", "\u2581\u2581a", "b\u2581"], ["<0xE4>", "<0xBD>", "<0xA0>", "x", "<0xFF>", "<0x41>", "<0xC3>"],
    ["un", "##aff", "##able", "!", "do", "not", "n't", "'", "s", "'s", ",", "."], ["hel", "lo</w>", "wor", "ld</w>", "!</w>"],
    ["\u0120caf", "\u00c3", "\u00a9", "\u010a", "\u00e4\u00bd"], [" a ", " b", "  "], ["<s>", "\u2581x", "</s>"],
]
DECODERS = [
    None, {"type": "ByteLevel", "add_prefix_space": True, "trim_offsets": True, "use_regex": True}, {"type": "WordPiece", "prefix": "##", "cleanup": True},
    {"type": "WordPiece", "prefix": "##", "cleanup": False}, {"type": "BPEDecoder", "suffix": "</w>"},
    {"type": "Metaspace", "replacement": "\u2581", "prepend_scheme": "always", "split": True},
    {"type": "Metaspace", "replacement": "\u2581", "prepend_scheme": "first", "split": True},
    {"type": "Metaspace", "replacement": "\u2581", "prepend_scheme": "never", "split": True},
    {"type": "ByteFallback"}, {"type": "Fuse"},
    {"type": "Sequence", "decoders": [{"type": "Replace", "pattern": {"String": "\u2581"}, "content": " "}, {"type": "ByteFallback"}, {"type": "Fuse"}, {"type": "Strip", "content": " ", "start": 1, "stop": 0}]},
    {"type": "Sequence", "decoders": [{"type": "Strip", "content": " ", "start": 1, "stop": 1}, {"type": "Replace", "pattern": {"Regex": "[ab]"}, "content": "*"}]},
]

ADDED = [
    {"id": 300, "content": "<m>", "single_word": False, "lstrip": False, "rstrip": False, "normalized": False, "special": True},
    {"id": 301, "content": "<left>", "single_word": False, "lstrip": True, "rstrip": False, "normalized": False, "special": True},
    {"id": 302, "content": "<right>", "single_word": False, "lstrip": False, "rstrip": True, "normalized": False, "special": False},
    {"id": 303, "content": "word", "single_word": True, "lstrip": False, "rstrip": False, "normalized": False, "special": False},
    {"id": 304, "content": "Norm", "single_word": False, "lstrip": False, "rstrip": False, "normalized": True, "special": False},
    {"id": 305, "content": "<m><m>", "single_word": False, "lstrip": False, "rstrip": False, "normalized": False, "special": False},
]
ADDED_TEXTS = ["<m>a <left> b <right>  c", "<m><m><m>", "word words sword word-word \u00e9word", "NORM norm xNormx Norm", "a  <left><right>  <m>",
               "<M> <m", "<right>", "  <left>  "]


def pieces(byte_fallback, tokens=()):
    vocab = [["<unk>", 0.0]]
    if byte_fallback:
        vocab += [[f"<0x{b:02X}>", -1.0] for b in range(256)]
    return {"type": "Unigram", "unk_id": 0, "byte_fallback": byte_fallback, "vocab": vocab + [[t, -1.0] for t in tokens]}


def build(**sections):
    document = {"version": "1.0", "truncation": None, "padding": None, "added_tokens": [], "normalizer": None, "pre_tokenizer": None,
                "post_processor": None, "decoder": None, "model": pieces(False)}
    document.update(sections)
    return document, tokenizers.Tokenizer.from_str(json.dumps(document))


def in_bytes(text, offsets):
    return [[len(text[:a].encode()), len(text[:b].encode())] for a, b in offsets]


def main():
    cases = []
    for section in NORMALIZERS:
        document, tokenizer = build(normalizer=section, model=pieces(True))
        cases.append({"tokenizer": document, "texts": TEXTS, "ids": [tokenizer.encode(t).ids for t in TEXTS]})
    for section in PRE_TOKENIZERS:
        document, tokenizer = build(pre_tokenizer=section)
        cases.append({"tokenizer": document, "texts": TEXTS, "offsets": [in_bytes(t, tokenizer.encode(t).offsets) for t in TEXTS]})
    for section in DECODERS:
        vocab = {t: i for i, t in enumerate(sorted({t for row in TOKEN_LISTS for t in row}))}
        document, tokenizer = build(decoder=section, model={"type": "BPE", "vocab": vocab, "merges": []})
        rows = [[vocab[t] for t in row] for row in TOKEN_LISTS]
        cases.append({"tokenizer": document, "rows": rows, "decoded": [tokenizer.decode(row, skip_special_tokens=False) for row in rows]})
    for normalizer in (None, {"type": "Lowercase"}):
        for pre in (None, {"type": "Metaspace", "replacement": "\u2581", "prepend_scheme": "first", "split": True}):
            document, tokenizer = build(normalizer=normalizer, pre_tokenizer=pre, added_tokens=ADDED,
                                        model=pieces(True, ["pad%d" % i for i in range(43)]))
            cases.append({"tokenizer": document, "texts": ADDED_TEXTS, "ids": [tokenizer.encode(t).ids for t in ADDED_TEXTS]})
    path = pathlib.Path(__file__).with_name("sections.json")
    path.write_text(json.dumps({"made_with": "tokenizers " + tokenizers.__version__, "cases": cases}, separators=(",", ":")) + "\n")
    print(path, len(cases), "cases")


if __name__ == "__main__":
    main()
