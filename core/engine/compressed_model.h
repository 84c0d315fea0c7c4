// What the job "compress" writes: model folders and tables.
#pragma once

#include "core/compress/compressed_weights.h"
#include "core/models/language/language_model.h"

#include <string>
#include <vector>

namespace vitrine {

// A Hugging Face folder with dense weights, for any program, and beside them compressed.safetensors with the
// packed form. options.lineage goes into both. Errors: those of saveLanguageModel and
// CompressedWeights::save.
Result<void> saveCompressedModel(const LanguageModel& model, CompressedWeights& weights,
                                 const std::filesystem::path& folder,
                                 const SaveLanguageModelOptions& options);

// A table of the named members of JSON objects; empty fields where one lacks a member.
std::string jsonRowsCsv(const Json& rows, const std::vector<std::string>& columns);

// All but letters, digits and hyphens as underscores.
std::string plainFileName(std::string name);

}  // namespace vitrine
