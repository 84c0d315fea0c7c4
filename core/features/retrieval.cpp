#include "core/features/retrieval.h"

#include "core/features/checks.h"
#include "core/features/similarity.h"

namespace vitrine {
namespace {

constexpr int64_t kBlock = 1024;  // queries whose similarities to the whole bank are held at a time

at::Tensor unitRows(const at::Tensor& rows) {
    const auto wide = rows.to(at::kFloat);
    return wide / wide.norm(2, {1}, true).clamp_min(1e-12);
}

Result<void> checkWidths(const at::Tensor& a, const char* nameA, const at::Tensor& b, const char* nameB) {
    VITRINE_TRY_VOID(checkFinite(a, 2, nameA));
    VITRINE_TRY_VOID(checkFinite(b, 2, nameB));
    if (a.size(1) != b.size(1))
        return fail(ErrorCode::ShapeMismatch,
                    fmt::format("{} have width {}, {} have {}", nameA, a.size(1), nameB, b.size(1)), nameA,
                    "Both must come from the same model.");
    return {};
}

}  // namespace

Result<Neighbors> nearestNeighbors(const at::Tensor& queries, const at::Tensor& bank, int64_t k,
                                   bool excludeSelf) {
    VITRINE_TRY_VOID(checkWidths(queries, "queries", bank, "the bank's summaries"));
    if (excludeSelf && queries.size(0) != bank.size(0))
        return fail(ErrorCode::ShapeMismatch,
                    fmt::format("{} queries are not the bank's {} entries", queries.size(0), bank.size(0)),
                    "queries");
    k = std::min(k, bank.size(0) - int64_t(excludeSelf));
    if (k < 1)
        return fail(ErrorCode::InvalidArgument, "there is no neighbour to find", "nearest neighbours",
                    "Add pictures, or ask for at least one neighbour.");
    const auto q = unitRows(queries), b = unitRows(bank);
    std::vector<at::Tensor> indices, similarities;
    for (int64_t start = 0; start < q.size(0); start += kBlock) {
        auto scores = q.slice(0, start, start + kBlock).matmul(b.t());
        if (excludeSelf)
            scores.slice(1, start, start + scores.size(0)).diagonal().fill_(-2);
        const auto [values, order] = scores.sort(true, 1, true);
        similarities.push_back(values.slice(1, 0, k));
        indices.push_back(order.slice(1, 0, k));
    }
    return Neighbors{at::cat(indices), at::cat(similarities)};
}

Result<at::Tensor> knnVote(const Neighbors& neighbors, const at::Tensor& labels, int64_t classes,
                           double temperature) {
    if (!(temperature > 0))
        return fail(ErrorCode::InvalidArgument,
                    fmt::format("expected a positive value, found {}", temperature), "temperature");
    if (!labels.defined() || labels.dim() != 1 || labels.scalar_type() != at::kLong || labels.numel() == 0)
        return fail(ErrorCode::ShapeMismatch, "expected one integer for each entry of the bank", "labels");
    if (neighbors.index.max().item<int64_t>() >= labels.size(0))
        return fail(ErrorCode::ShapeMismatch, fmt::format("only {} labels for the bank", labels.size(0)),
                    "labels");
    if (labels.min().item<int64_t>() < 0 || labels.max().item<int64_t>() >= classes)
        return fail(ErrorCode::InvalidArgument, fmt::format("expected 0 to {}", classes - 1), "labels");
    const auto chosen = labels.index_select(0, neighbors.index.flatten()).reshape(neighbors.index.sizes());
    const auto weights =
        ((neighbors.similarity - 1) / temperature).exp();  // shifted: the same after normalising
    const auto votes =
        at::zeros({chosen.size(0), classes}, weights.options()).scatter_add(1, chosen, weights);
    return votes / votes.sum(1, true).clamp_min(1e-30);
}

Result<at::Tensor> zeroShotScores(const at::Tensor& images, const at::Tensor& texts, double logScale,
                                  double bias, ZeroShotForm form) {
    VITRINE_TRY_VOID(checkWidths(images, "image embeddings", texts, "text embeddings"));
    const auto logits = unitRows(images).matmul(unitRows(texts).t()) * std::exp(logScale) + bias;
    return form == ZeroShotForm::Softmax ? logits.softmax(1) : logits.sigmoid();
}

Result<at::Tensor> textHeat(const at::Tensor& dense, const at::Tensor& texts, bool subtractMean) {
    VITRINE_TRY_VOID(checkFinite(texts, 2, "text embeddings"));
    VITRINE_TRY(auto heat, cosineMap(dense, texts));
    return subtractMean ? heat - heat.mean(0, true) : heat;
}

}  // namespace vitrine
