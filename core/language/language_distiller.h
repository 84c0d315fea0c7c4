// Distillation of a language model from a frozen teacher on tokenised texts: divergence of the logits,
// optional cross-entropy, hidden states and embeddings, balanced as Minitron does (Muralidharan et al. 2024,
// section 4). Schedule, optimiser, checkpoints and exact resume are LanguageTrainer's.
//
//   VITRINE_TRY(auto distiller, createLanguageDistiller(options, texts, std::move(student), teacher, {}));
//   while (distiller->step() < options.steps) VITRINE_TRY(const auto report, distiller->train());
//   auto student = distiller->takeModel();
#pragma once

#include "core/language/language_objective.h"
#include "core/language/language_trainer.h"

namespace vitrine {

enum class LogitLoss {
    None,
    ForwardKl,   // KL(teacher‖student), what Minitron and Puzzle use
    ReverseKl,   // KL(student‖teacher)
    MeanSquare,  // of the logits
    Cosine       // 1 - cosine of the logits
};
const char* logitLossName(LogitLoss loss);  // "none", "forward_kl", "reverse_kl", "mean_square", "cosine"
Result<LogitLoss> logitLossFromName(const std::string& name);

enum class StateLoss {
    Cosine,     // 1 - cosine of each token's state
    MeanSquare  // mean square over the teacher's own mean square
};

// Streams that are compared; 0: behind the embedding, k: behind block k-1.
struct StatePair {
    int64_t student = 0, teacher = 0;
    bool operator==(const StatePair&) const = default;
};

struct DistillationOptions {
    LogitLoss logits = LogitLoss::ForwardKl;
    double temperature = 1;
    bool squareTemperature = true;  // the logit loss times temperature² where that is not 1
    int64_t topK = 0;               // both distributions over the teacher's K likeliest tokens; 0: all
    // Cross-entropy of the text as well: L = L_CE + logitWeight · L_KD · detach(L_CE / L_KD). 0: none.
    double crossEntropy = 0;
    double logitWeight = 1;
    StateLoss stateLoss = StateLoss::Cosine;
    std::vector<StatePair>
        states;  // where widths differ a learnt projection (shared by all pairs) is between
    // L = L_logit + stateWeight · L_state · detach(L_logit / L_state) where balanced, without the ratio where
    // not.
    double stateWeight = 1;
    bool balance = true;

    // InvalidArgument: nothing to learn from, a temperature of 0 or less, states that do not exist.
    Result<void> validate(int64_t studentDepth, int64_t teacherDepth) const;
};

// Mean over rows of the logit loss in float32. student, teacher (N, V).
at::Tensor logitDistance(const at::Tensor& student, const at::Tensor& teacher,
                         const DistillationOptions& options);
// 1 - cosine or normalised mean square of states (..., d), mean over tokens.
at::Tensor stateDistance(const at::Tensor& student, const at::Tensor& teacher, StateLoss loss);

// The objective alone, for trainers of other students. The teacher is frozen, of the same vocabulary.
// `projection` (student width, teacher width): where the learnt one begins; undefined: scaled random.
Result<std::shared_ptr<LanguageObjective>> distillationObjective(std::shared_ptr<const LanguageModel> teacher,
                                                                 const DecoderConfig& student,
                                                                 const DistillationOptions& options,
                                                                 at::Tensor projection = {});

// `options.model` is taken from the student. Errors: those of both.
Result<std::unique_ptr<LanguageTrainer>> createLanguageDistiller(LanguageTrainingOptions options,
                                                                 std::vector<LanguageTrainingText> texts,
                                                                 std::unique_ptr<LanguageModel> student,
                                                                 std::shared_ptr<const LanguageModel> teacher,
                                                                 const DistillationOptions& distillation);

// Mean KL(teacher‖student) per token in nats over windows ids (B, T); what replaced blocks are scored by.
double meanDivergence(const Decoder& teacher, const Decoder& student, const at::Tensor& ids);

}  // namespace vitrine
