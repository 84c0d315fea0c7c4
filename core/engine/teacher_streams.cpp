#include "core/engine/teacher_streams.h"

#include <algorithm>
#include <chrono>

namespace vitrine {
namespace {

double secondsSince(std::chrono::steady_clock::time_point start) {
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

// A GPU works on after a call returns: reading one value waits for it.
void waitFor(const at::Tensor& tensor) {
    if (tensor.defined() && tensor.is_cuda())
        (void)tensor.flatten()[0].item();
}

Result<std::vector<std::string>> wantedAdaptors(const StoredModel& model, const StreamSettings& settings) {
    const auto& known = model.description.info.adaptors;
    std::vector<std::string> wanted;
    for (const std::string& name : settings.adaptors) {
        if (name == "*") {
            wanted.insert(wanted.end(), known.begin(), known.end());
        } else if (std::find(known.begin(), known.end(), name) != known.end()) {
            wanted.push_back(name);
        } else {
            return fail(
                ErrorCode::InvalidArgument,
                fmt::format("this model has no adaptor \"{}\" ({})", name,
                            known.empty() ? "it has none" : fmt::format("it has {}", fmt::join(known, ", "))),
                model.description.path);
        }
    }
    return wanted;
}

}  // namespace

at::Tensor pictureCells(const std::vector<ImageTransform>& transforms, int64_t height, int64_t width) {
    auto mask = at::ones({int64_t(transforms.size()), height, width}, at::kBool);
    auto seen = mask.accessor<bool, 3>();
    bool all = true;
    for (size_t row = 0; row < transforms.size(); ++row) {
        const ImageTransform& transform = transforms[row];
        const double cellHeight = double(transform.modelSize.height) / double(height),
                     cellWidth = double(transform.modelSize.width) / double(width);
        for (int64_t y = 0; y < height; ++y)
            for (int64_t x = 0; x < width; ++x) {
                const Point2 inImage =
                    transform.imageFromModel({(double(x) + 0.5) * cellWidth, (double(y) + 0.5) * cellHeight});
                const bool inside = inImage.x >= 0 && inImage.y >= 0 &&
                                    inImage.x < double(transform.imageSize.width) &&
                                    inImage.y < double(transform.imageSize.height);
                seen[int64_t(row)][y][x] = inside;
                all &= inside;
            }
    }
    return all ? at::Tensor() : mask;
}

Result<TeacherStreams> TeacherStreams::open(const StoredModel& model, const StreamSettings& settings) {
    VITRINE_TRY_VOID(settings.moments.validate());
    const EncoderInfo& info = model.description.info;
    VITRINE_TRY(const auto adaptors, wantedAdaptors(model, settings));
    TeacherStreams streams(model);
    for (const int64_t layer : settings.layers) {
        if (layer < -1 || layer > info.layerCount)
            return fail(ErrorCode::InvalidArgument,
                        fmt::format("layer {} of {}: -1 is the final features, 0 to {} are hidden states",
                                    layer, info.layerCount, info.layerCount),
                        model.description.path);
        streams.streams_.push_back({layer < 0 ? "final" : fmt::format("layer {}", layer), layer, "",
                                    TeacherMoments(settings.moments), settings.sample});
        if (layer >= 0)
            streams.request_.layers.push_back(layer);
    }
    for (const std::string& name : adaptors)
        streams.streams_.push_back(
            {"adaptor " + name, -1, name, TeacherMoments(settings.moments), settings.sample});
    streams.request_.adaptors = adaptors;
    if (streams.streams_.empty())
        return fail(ErrorCode::InvalidArgument, "neither a layer nor an adaptor is asked for",
                    model.description.path);
    return streams;
}

Result<void> TeacherStreams::add(const ModelBatch& batch, const std::vector<std::string>& names) {
    const auto started = std::chrono::steady_clock::now();
    VITRINE_TRY(const EncoderOutput output, model_->model->encoder()->encode(batch.pixels, request_));
    waitFor(output.features);
    encodeSeconds += secondsSince(started);
    const auto encoded = std::chrono::steady_clock::now();
    for (TeacherStream& stream : streams_) {
        auto added = addStream(stream, output, batch, names);
        if (!added)
            return fail(added.error().in(stream.name).in(model_->description.info.name));
    }
    momentSeconds += secondsSince(encoded);
    return {};
}

Result<void> TeacherStreams::addStream(TeacherStream& stream, const EncoderOutput& output,
                                       const ModelBatch& batch, const std::vector<std::string>& names) {
    at::Tensor features = output.features, summary = output.summary;
    if (!stream.adaptor.empty()) {
        const AdaptorOutput& adaptor = output.adaptors.at(stream.adaptor);
        features = adaptor.features;
        summary = adaptor.summary;
    } else if (stream.layer >= 0) {
        const auto place = std::find(request_.layers.begin(), request_.layers.end(), stream.layer);
        features = output.layers[size_t(place - request_.layers.begin())].features;
        summary = at::Tensor();
    }
    const at::Tensor cells = pictureCells(batch.transforms, features.size(2), features.size(3));
    VITRINE_TRY_VOID(stream.moments.add(features, summary, cells));
    return stream.sample.addMaps(features, cells, names);
}

Result<std::vector<std::string>> TeacherStreams::save(const std::filesystem::path& folder,
                                                      const std::string& prefix) const {
    std::vector<std::string> files;
    const auto next = [&] {
        files.push_back(fmt::format("{}-{}.safetensors", prefix, files.size()));
        return folder / files.back();
    };
    for (const TeacherStream& stream : streams_) {
        VITRINE_TRY_VOID(stream.moments.save(next()));
        VITRINE_TRY_VOID(stream.sample.save(next()));
    }
    return files;
}

Result<void> TeacherStreams::restore(const std::filesystem::path& folder,
                                     const std::vector<std::string>& files) {
    if (files.size() != 2 * streams_.size())
        return fail(
            ErrorCode::InvalidFile,
            fmt::format("the checkpoint has {} files, expected {}: moments and a sample of each of {} "
                        "streams",
                        files.size(), 2 * streams_.size(), streams_.size()),
            folder.string(), "Start a new run");
    for (size_t index = 0; index < streams_.size(); ++index) {
        VITRINE_TRY(streams_[index].moments, TeacherMoments::load(folder / files[2 * index]));
        VITRINE_TRY(streams_[index].sample, FeatureSample::load(folder / files[2 * index + 1]));
    }
    return {};
}

}  // namespace vitrine
