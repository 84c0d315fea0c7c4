#include "core/features/feature_sample.h"

#include "core/base/json.h"
#include "core/features/checks.h"
#include "core/features/statistics.h"
#include "core/io/safetensors.h"
#include "core/nn/weights.h"

#include <algorithm>

namespace vitrine {
namespace {

constexpr int64_t kMostPictures = 4096, kMostTokens = 65536;

int64_t channelsOf(const SampledPicture& picture) {
    return picture.tokens.size(1);
}

at::Tensor numbers(const std::vector<int64_t>& values) {
    return at::tensor(values, at::kLong);
}

}  // namespace

SampledPicture FeatureSample::pick(const at::Tensor& map, const at::Tensor& mask,
                                   const std::string& name) const {
    const int64_t height = map.size(1), width = map.size(2);
    const at::Tensor seen = mask.defined() ? mask.to(at::kCPU, at::kBool).flatten().contiguous()
                                           : at::ones({height * width}, at::kBool);
    const uint64_t seed = streamPriority(seed_, uint64_t(seen_));
    std::vector<std::pair<uint64_t, int64_t>> cells;
    for (int64_t cell = 0; cell < height * width; ++cell)
        if (seen.const_data_ptr<bool>()[cell])
            cells.emplace_back(streamPriority(seed, uint64_t(cell)), cell);
    const size_t count = std::min(cells.size(), size_t(tokens_));
    std::partial_sort(cells.begin(), cells.begin() + int64_t(count), cells.end());
    std::vector<int64_t> chosen;
    for (size_t index = 0; index < count; ++index)
        chosen.push_back(cells[index].second);
    std::sort(chosen.begin(), chosen.end());
    SampledPicture picture{name, seen_, {}, at::empty({int64_t(count), 2})};
    const at::Tensor rows = map.flatten(1).t();
    picture.tokens = rows.index_select(0, numbers(chosen).to(rows.device()))
                         .to(at::kCPU, at::kFloat, /*non_blocking=*/false, /*copy=*/true)
                         .contiguous();
    float* place = picture.places.data_ptr<float>();
    for (const int64_t cell : chosen) {
        *place++ = (float(cell % width) + 0.5f) / float(width);
        *place++ = (float(cell / width) + 0.5f) / float(height);
    }
    return picture;
}

Result<void> FeatureSample::addMaps(const at::Tensor& maps, const at::Tensor& mask,
                                    const std::vector<std::string>& names) {
    VITRINE_TRY_VOID(checkFeatures(maps, 4, "feature sample"));
    if (int64_t(names.size()) != maps.size(0))
        return fail(ErrorCode::ShapeMismatch, fmt::format("{} names for {} maps", names.size(), maps.size(0)),
                    "feature sample");
    if (mask.defined() && mask.sizes() != at::IntArrayRef({maps.size(0), maps.size(2), maps.size(3)}))
        return fail(ErrorCode::ShapeMismatch,
                    fmt::format("a mask of {} for maps of {}", sizesText(mask), sizesText(maps)),
                    "feature sample");
    if (!kept_.empty() && channelsOf(kept_.front().picture) != maps.size(1))
        return fail(ErrorCode::ShapeMismatch,
                    fmt::format("earlier maps have {} channels, these have {}",
                                channelsOf(kept_.front().picture), maps.size(1)),
                    "feature sample");
    std::vector<Kept> kept = kept_;
    const int64_t before = seen_;
    for (int64_t row = 0; row < maps.size(0); ++row, ++seen_) {
        const uint64_t priority = streamPriority(seed_, uint64_t(seen_));
        if (int64_t(kept.size()) == pictures_ && (kept.empty() || priority >= kept.back().priority))
            continue;
        Kept entry{priority, pick(maps[row], mask.defined() ? mask[row] : at::Tensor(), names[size_t(row)])};
        if (entry.picture.tokens.size(0) == 0)
            continue;  // nothing of the picture is to be seen
        if (auto finite = checkFinite(entry.picture.tokens, 2, "feature sample"); !finite) {
            seen_ = before;
            return fail(finite.error().in(names[size_t(row)]));
        }
        const auto place = std::upper_bound(kept.begin(), kept.end(), priority,
                                            [](uint64_t a, const Kept& b) { return a < b.priority; });
        kept.insert(place, std::move(entry));
        if (int64_t(kept.size()) > pictures_)
            kept.pop_back();
    }
    kept_ = std::move(kept);
    return {};
}

std::vector<SampledPicture> FeatureSample::list() const {
    std::vector<SampledPicture> pictures;
    for (const Kept& each : kept_)
        pictures.push_back(each.picture);
    std::sort(pictures.begin(), pictures.end(),
              [](const auto& a, const auto& b) { return a.number < b.number; });
    return pictures;
}

Result<void> FeatureSample::save(const std::filesystem::path& file,
                                 const std::map<std::string, std::string>& metadata) const {
    std::vector<int64_t> priorities, order, counts;
    std::vector<at::Tensor> tokens, places;
    Json names = Json::array();
    for (const Kept& each : kept_) {
        priorities.push_back(int64_t(each.priority));
        order.push_back(each.picture.number);
        counts.push_back(each.picture.tokens.size(0));
        tokens.push_back(each.picture.tokens);
        places.push_back(each.picture.places);
        names.push_back(each.picture.name);
    }
    std::map<std::string, std::string> texts = metadata;
    texts["pictures"] = names.dump(-1, ' ', false, Json::error_handler_t::replace);
    return writeTensors(file,
                        {{"setup", numbers({seen_, pictures_, tokens_, int64_t(seed_)})},
                         {"priorities", numbers(priorities)},
                         {"numbers", numbers(order)},
                         {"counts", numbers(counts)},
                         {"tokens", tokens.empty() ? at::empty({0, 0}) : at::cat(tokens)},
                         {"places", places.empty() ? at::empty({0, 2}) : at::cat(places)}},
                        texts);
}

Result<FeatureSample> FeatureSample::load(const std::filesystem::path& file) {
    VITRINE_TRY(const auto source, openSafetensors(file));
    VITRINE_TRY(const auto tensors, readAllTensors(*source));
    const auto fault = [&](const std::string& name) {
        return fail(ErrorCode::InvalidFile, "missing, or of another shape or type",
                    file.string() + ": " + name);
    };
    const auto find = [&](const std::string& name, int64_t dimensions, at::ScalarType type) {
        const auto entry = tensors.find(name);
        const bool fits = entry != tensors.end() && entry->second.dim() == dimensions &&
                          entry->second.scalar_type() == type;
        return fits ? entry->second.contiguous() : at::Tensor();
    };
    const at::Tensor setup = find("setup", 1, at::kLong);
    if (!setup.defined() || setup.numel() != 4)
        return fault("setup");
    const int64_t* values = setup.const_data_ptr<int64_t>();
    if (values[0] < 0 || values[1] < 0 || values[1] > kMostPictures || values[2] < 1 ||
        values[2] > kMostTokens)
        return fault("setup");
    FeatureSample sample(values[1], values[2], uint64_t(values[3]));
    sample.seen_ = values[0];
    const at::Tensor priorities = find("priorities", 1, at::kLong), order = find("numbers", 1, at::kLong),
                     counts = find("counts", 1, at::kLong), tokens = find("tokens", 2, at::kFloat),
                     places = find("places", 2, at::kFloat);
    for (const auto& [name, tensor] :
         {std::pair{"priorities", priorities}, std::pair{"numbers", order}, std::pair{"counts", counts}})
        if (!tensor.defined() || tensor.numel() > sample.pictures_ || tensor.numel() != priorities.numel())
            return fault(name);
    const int64_t pictures = priorities.numel();
    if (!tokens.defined() || (pictures > 0 && (counts.min().item<int64_t>() < 1 ||
                                               counts.sum().item<int64_t>() != tokens.size(0))))
        return fault("tokens");
    if (!places.defined() || places.size(0) != tokens.size(0) || places.size(1) != 2)
        return fault("places");
    const auto written = source->metadata().find("pictures");
    if (written == source->metadata().end())
        return fault("metadata \"pictures\"");
    VITRINE_TRY(const Json names, parseJson(written->second, file.string()));
    if (!names.is_array() || int64_t(names.size()) != pictures)
        return fault("metadata \"pictures\"");
    int64_t first = 0;
    for (int64_t index = 0; index < pictures; ++index) {
        const int64_t count = counts[index].item<int64_t>();
        if (!names[size_t(index)].is_string())
            return fault("metadata \"pictures\"");
        sample.kept_.push_back(
            {uint64_t(priorities[index].item<int64_t>()),
             {names[size_t(index)], order[index].item<int64_t>(), tokens.narrow(0, first, count).clone(),
              places.narrow(0, first, count).clone()}});
        first += count;
    }
    return sample;
}

}  // namespace vitrine
