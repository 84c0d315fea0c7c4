// What the claims about language models stand on: a trained model, its tokenizer, two domains of text with
// parts that the model never learnt from, and the loss on those. By default the project's own model
// (resources/models/vitrine_lm) and the sample texts that the set-up installs; tests bring a tiny one.
//
//   VITRINE_TRY(const LanguageGround ground, openLanguageGround(request.device, *request.job));
//   VITRINE_TRY(const HeldOutLoss dense, ground.heldOutLoss(*ground.model, *request.job));
//   auto pruned = ground.model->clone();
//   DecoderBlocks blocks(pruned->decoder(), ground.calibration(128, request.seed));
#pragma once

#include "core/language/language_trainer.h"

#include <filesystem>
#include <memory>
#include <string>
#include <vector>

namespace vitrine {

// Nats per predicted token on the held-out parts, by the protocol of measurePerplexity.
struct HeldOutLoss {
    std::map<std::string, double> ofText;
    double mean = 0;  // over the texts, each counted once

    // "loss" and, of several texts, "loss on NAME": metrics of a ClaimMeasurement's arm.
    std::map<std::string, double> metrics() const;
};

struct LanguageGround {
    std::shared_ptr<const LanguageModel> model;  // frozen, never written to: experiments work on clones
    std::vector<LanguageTrainingText> texts;
    int64_t length = 0;             // tokens of a window that the model sees; at most its context
    int64_t evaluationWindows = 0;  // of each text, evenly spread over its held-out part

    // The loss of `candidate`, which reads the same tokens as `model`. Errors: those of measurePerplexity.
    Result<HeldOutLoss> heldOutLoss(const LanguageModel& candidate, JobContext& job) const;
    // ids (B, length) of random windows of the training parts, in turn from each text; what is drawn depends
    // on `seed` alone.
    std::vector<at::Tensor> calibration(int64_t windows, uint64_t seed, int64_t batch = 8) const;
    // The same with some of the texts. Programmer's error: a name that there is not.
    LanguageGround with(const std::vector<std::string>& names) const;
    // InvalidArgument: no text, a text shorter than a window, more tokens than the model knows.
    Result<void> validate() const;
};

struct LanguageGroundFiles {
    std::filesystem::path model;               // a folder with its tokenizer
    std::vector<std::filesystem::path> texts;  // a text is named as its file, without the ending
    double heldOut = 0.02;                     // last part of each text, as the model's training left it out
};
// The project's own model and the sample texts: $VITRINE_SAMPLES/texts, else where the set-up puts them in
// the user's cache.
LanguageGroundFiles ownLanguageFiles();

// Errors: NotFound for a missing model or text, with what to do; those of models, tokenizers and texts.
Result<LanguageGround> openLanguageGround(const LanguageGroundFiles& files, const std::string& device,
                                          JobContext& job);
Result<LanguageGround> openLanguageGround(const std::string& device, JobContext& job);

}  // namespace vitrine
