// Documents out of text files, one after another, so that a corpus need not fit into memory:
//   .txt, .md, .text, no extension: the whole file, cut at "<|endoftext|>" (the form of TinyStories)
//   .jsonl: each line is an object, the document is one of its fields
//   .gz: one of these, compressed
#pragma once

#include "core/base/job_context.h"

#include <filesystem>
#include <functional>
#include <string>
#include <vector>

namespace vitrine {

struct TextOptions {
    std::string field = "text";  // of a JSONL line
    bool strip = true;           // white space at both ends of a document; empty documents are left out
};

// Text files among `paths`; folders are searched, with the folders below them, in the order of their names.
// NotFound for a path that does not exist or a folder without a text file.
Result<std::vector<std::filesystem::path>> listTexts(const std::vector<std::filesystem::path>& paths);

// Hands each document of `file` to `take`, whose error ends the reading. InvalidFile names the line of broken
// JSON or without the field (with the fields that it has).
Result<void> readDocuments(const std::filesystem::path& file, const TextOptions& options,
                           const std::function<Result<void>(std::string_view)>& take);

}  // namespace vitrine
