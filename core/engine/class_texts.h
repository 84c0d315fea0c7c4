// Class names in the space of an image-text model (CLIP, SigLIP): what zero-shot classification compares
// pictures with.
#pragma once

#include "core/engine/model_store.h"

namespace vitrine {

// Null for a model without texts or without its tokenizer.
const TextEncoder* textSideOf(const StoredModel& model);

// InvalidArgument unless there are templates that each have a place "{}" for the class; `where` is what the
// user knows them by.
Result<void> checkTemplates(const std::vector<std::string>& templates, const std::string& where);
// The same, and classes, each once.
Result<void> checkClassTexts(const std::vector<std::string>& classes,
                             const std::vector<std::string>& templates);

// (classes, D) float32 on the CPU, rows of length 1: the embeddings of a class's sentences are normalised,
// averaged and normalised again (CLIP, and RADIO's zero-shot evaluation). The model has a text side.
// Cancelled; a stage "encoding classes" is reported.
Result<at::Tensor> classEmbeddings(const StoredModel& model, const std::vector<std::string>& classes,
                                   const std::vector<std::string>& templates, JobContext& job);

}  // namespace vitrine
