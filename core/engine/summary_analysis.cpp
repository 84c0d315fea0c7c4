// Analyses of one vector for each picture: nearest pictures, kNN accuracy, zero-shot classification.
#include "core/engine/analysis_impl.h"
#include "core/engine/class_texts.h"
#include "core/engine/picture_batches.h"
#include "core/features/retrieval.h"

#include <algorithm>
#include <filesystem>
#include <map>

namespace vitrine {
namespace {

namespace fs = std::filesystem;

std::string canonical(const std::string& path) {
    std::error_code problem;
    const fs::path whole = fs::weakly_canonical(path, problem);
    return problem ? path : whole.string();
}

// Rows of `table` whose picture has a label, and the labels as numbers.
Result<NeighborLists::Accuracy> accuracyOf(const at::Tensor& table, const std::vector<size_t>& index,
                                           const NeighborRequest& request) {
    std::map<std::string, int64_t> numbers;
    std::vector<int64_t> rows, classes;
    for (size_t row = 0; row < index.size(); ++row) {
        const std::string& label = request.labels[index[row]];
        if (label.empty())
            continue;
        rows.push_back(int64_t(row));
        classes.push_back(numbers.try_emplace(label, int64_t(numbers.size())).first->second);
    }
    if (rows.size() < 2)
        return fail(ErrorCode::InvalidArgument,
                    fmt::format("{} of {} pictures have a label: two are needed", rows.size(), index.size()),
                    "labels", "The first column of the file names the pictures");
    const at::Tensor labelled = table.index_select(0, at::tensor(rows, at::kLong));
    const at::Tensor truth = at::tensor(classes, at::kLong);
    VITRINE_TRY(const Neighbors neighbors, nearestNeighbors(labelled, labelled, request.voters, true));
    VITRINE_TRY(const at::Tensor votes,
                knnVote(neighbors, truth, int64_t(numbers.size()), request.temperature));
    NeighborLists::Accuracy accuracy;
    accuracy.right = votes.argmax(1).eq(truth).sum().item<int64_t>();
    accuracy.total = int64_t(rows.size());
    accuracy.classCount = int64_t(numbers.size());
    accuracy.voters = neighbors.index.size(1);
    accuracy.chance = double(truth.bincount().max().item<int64_t>()) / double(accuracy.total);
    return accuracy;
}

}  // namespace

Result<std::vector<at::Tensor>> AnalysisImpl::encodedVectors(const StoredModel& model, const PictureSet& set,
                                                             Space space, JobContext& job,
                                                             std::vector<SkippedPicture>& skipped) {
    std::vector<at::Tensor> rows(set.paths.size());
    BatchSource source;
    source.models = {&model};
    source.stage = "encoding pictures";
    source.rowLimit = rowLimitFor(model, set, 2);
    const auto use = [&](const PictureBatch& batch) -> Result<void> {
        at::Tensor table;
        if (space == Space::Text) {
            VITRINE_TRY(table, textSideOf(model)->imageEmbedding(batch.models.front().pixels));
        } else {
            VITRINE_TRY(const EncoderOutput output,
                        model.model->encoder()->encode(batch.models.front().pixels, {}));
            table = output.summary.defined() ? output.summary : output.features.mean({2, 3});
        }
        table = table.to(at::kCPU, at::kFloat);
        for (size_t row = 0; row < batch.pictures.size(); ++row)
            rows[batch.pictures[row]] = table[int64_t(row)].clone();
        return {};
    };
    VITRINE_TRY_VOID(forEachBatch(set, source, job, skipped, use));
    return rows;
}

Result<AnalysisImpl::Vectors> AnalysisImpl::vectors(const StoredModel& model, const PictureSet& set,
                                                    Space space, JobContext& job,
                                                    std::vector<SkippedPicture>& skipped) {
    const auto keyOf = [&](const std::string& path) {
        return fmt::format("{}|{}|{}|{}", model.description.id, int(space), set.resolution, fileStamp(path));
    };
    std::vector<at::Tensor> rows(set.paths.size());
    PictureSet missing = set;
    missing.paths.clear();
    std::vector<size_t> missingAt;
    for (size_t index = 0; index < set.paths.size(); ++index) {
        if (const at::Tensor* known = kept_.find(keyOf(set.paths[index]))) {
            rows[index] = *known;
            continue;
        }
        missing.paths.push_back(set.paths[index]);
        missingAt.push_back(index);
    }
    if (set.paths.empty() || !missing.paths.empty()) {
        auto fresh = encodedVectors(model, missing, space, job, skipped);
        // New pictures that all fail are no reason to drop those that are known.
        if (!fresh &&
            (fresh.error().code != ErrorCode::InvalidFile || missing.paths.size() == set.paths.size()))
            return fail(fresh.error());
        for (size_t at = 0; fresh && at < fresh->size(); ++at)
            if ((*fresh)[at].defined())
                rows[missingAt[at]] =
                    kept_.insert(keyOf(missing.paths[at]), (*fresh)[at], int64_t((*fresh)[at].nbytes()));
    }
    Vectors vectors;
    std::vector<at::Tensor> defined;
    for (size_t index = 0; index < rows.size(); ++index)
        if (rows[index].defined()) {
            defined.push_back(rows[index]);
            vectors.index.push_back(index);
        }
    vectors.table = at::stack(defined);
    return vectors;
}

Result<NeighborLists> AnalysisImpl::neighbors(const NeighborRequest& request, JobContext& job) {
    if (request.count < 1 || request.voters < 1)
        return fail(ErrorCode::InvalidArgument, "at least one neighbour must be asked for");
    if (!request.labels.empty() && request.labels.size() != request.pictures.paths.size())
        return fail(
            ErrorCode::InvalidArgument,
            fmt::format("{} labels for {} pictures", request.labels.size(), request.pictures.paths.size()));
    VITRINE_TRY(const StoredModel* model, models_.find(request.modelId));
    NeighborLists result;
    result.averaged = model->description.info.summaryWidth == 0;
    VITRINE_TRY(const Vectors bank, vectors(*model, request.pictures, Space::Summary, job, result.skipped));
    result.pictureCount = int64_t(bank.index.size());
    PictureSet asked = request.pictures;
    Vectors queries = bank;
    if (!request.queries.empty()) {
        asked.paths = request.queries;
        VITRINE_TRY(queries, vectors(*model, asked, Space::Summary, job, result.skipped));
    }
    if (!request.labels.empty()) {
        VITRINE_TRY(result.accuracy, accuracyOf(bank.table, bank.index, request));
    }
    std::vector<std::string> bankPaths;
    for (const size_t index : bank.index)
        bankPaths.push_back(canonical(request.pictures.paths[index]));
    // One more than asked for: the query itself may be among them.
    VITRINE_TRY(const Neighbors found, nearestNeighbors(queries.table, bank.table, request.count + 1));
    const auto order = found.index.accessor<int64_t, 2>();
    const auto cosine = found.similarity.accessor<float, 2>();
    for (int64_t row = 0; row < order.size(0); ++row) {
        NeighborLists::Row& list = result.rows.emplace_back();
        list.query = asked.paths[queries.index[size_t(row)]];
        const std::string self = canonical(list.query);
        for (int64_t at = 0; at < order.size(1) && int64_t(list.nearest.size()) < request.count; ++at) {
            const size_t position = size_t(order[row][at]), index = bank.index[position];
            if (bankPaths[position] != self)
                list.nearest.push_back({request.pictures.paths[index],
                                        request.labels.empty() ? std::string() : request.labels[index],
                                        double(cosine[row][at])});
        }
    }
    return result;
}

Result<ZeroShotTable> AnalysisImpl::zeroShot(const ZeroShotRequest& request, JobContext& job) {
    VITRINE_TRY(const StoredModel* model, models_.find(request.modelId));
    const TextEncoder* text = textSideOf(*model);
    if (!text)
        return fail(ErrorCode::Unsupported, "this model has no text side", model->description.path,
                    "Zero-shot classification needs CLIP or SigLIP with its tokenizer");
    ZeroShotTable result;
    result.classes = request.classes;
    result.sigmoid = model->description.info.family.find("siglip") != std::string::npos;
    if (!result.sigmoid && request.classes.size() == 1)
        return fail(ErrorCode::InvalidArgument, "the softmax over one class is always 1", "classes",
                    "Name at least two classes");
    VITRINE_TRY(const at::Tensor embeddings,
                classEmbeddings(*model, request.classes, request.templates, job));
    VITRINE_TRY(const Vectors pictures, vectors(*model, request.pictures, Space::Text, job, result.skipped));
    VITRINE_TRY(const at::Tensor scores,
                zeroShotScores(pictures.table, embeddings, text->logitScale(), text->logitBias(),
                               result.sigmoid ? ZeroShotForm::Sigmoid : ZeroShotForm::Softmax));
    const at::Tensor wide = scores.to(at::kDouble).contiguous();
    for (size_t row = 0; row < pictures.index.size(); ++row) {
        const double* values = wide.const_data_ptr<double>() + int64_t(row) * wide.size(1);
        result.rows.push_back({request.pictures.paths[pictures.index[row]], {values, values + wide.size(1)}});
    }
    return result;
}

}  // namespace vitrine
