#include "core/engine/segment_command.h"

#include "core/base/file.h"
#include "core/commands/text_table.h"
#include "core/engine/model_store.h"
#include "core/media/color_map.h"
#include "core/media/image_reader.h"
#include "core/media/image_writer.h"
#include "core/models/picture_masks.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>

namespace vitrine {
namespace fs = std::filesystem;
namespace {

// "700,560" -> numbers, in pixels of the picture.
Result<std::vector<double>> numbersOf(const std::string& text, size_t count, const char* argument) {
    std::vector<double> numbers;
    const char* at = text.data();
    const char* const end = text.data() + text.size();
    while (at < end) {
        double value = 0;
        const auto [next, problem] = std::from_chars(at, end, value);
        if (problem != std::errc() || !std::isfinite(value) || (next < end && *next != ','))
            break;
        numbers.push_back(value);
        at = next < end ? next + 1 : next;
    }
    if (at != end || numbers.size() != count)
        return fail(ErrorCode::InvalidArgument,
                    fmt::format("expected {} numbers with commas between, found \"{}\"", count, text),
                    argument);
    return numbers;
}

// Places of `argument`, each `count` numbers (x, y pairs), in pixels of the model's input, (N, count).
Result<std::vector<float>> placesOf(const Json& arguments, const char* argument, size_t count,
                                    const ImageTransform& transform) {
    std::vector<float> places;
    for (const std::string text : arguments[argument]) {
        VITRINE_TRY(const std::vector<double> numbers, numbersOf(text, count, argument));
        for (size_t i = 0; i < count; i += 2) {
            const auto [width, height] = transform.imageSize;
            if (numbers[i] < 0 || numbers[i + 1] < 0 || numbers[i] > double(width) ||
                numbers[i + 1] > double(height))
                return fail(ErrorCode::InvalidArgument,
                            fmt::format("{} lies outside the picture of {} x {} pixels", text, width, height),
                            argument);
            const Point2 inModel = transform.modelFromImage({numbers[i], numbers[i + 1]});
            places.push_back(float(inModel.x));
            places.push_back(float(inModel.y));
        }
    }
    return places;
}

at::Tensor rowsOf(const std::vector<float>& values, int64_t columns) {
    return values.empty() ? at::Tensor() : at::tensor(values).view({-1, columns});
}

Result<SegmentPrompt> promptOf(const Json& arguments, const StoredModel& stored,
                               const ImageTransform& transform) {
    SegmentPrompt prompt;
    VITRINE_TRY(std::vector<float> points, placesOf(arguments, "point", 2, transform));
    VITRINE_TRY(const std::vector<float> outside, placesOf(arguments, "outside", 2, transform));
    VITRINE_TRY(const std::vector<float> boxes, placesOf(arguments, "box", 4, transform));
    std::vector<int64_t> labels(points.size() / 2, 1);
    labels.resize((points.size() + outside.size()) / 2, 0);
    points.insert(points.end(), outside.begin(), outside.end());
    prompt.points = rowsOf(points, 2);
    if (prompt.points.defined())
        prompt.pointLabels = at::tensor(labels, at::kLong);
    prompt.boxes = rowsOf(boxes, 4);
    const PromptKinds kinds = stored.model->segmenter()->promptKinds();
    std::string text = arguments["text"];
    if (text.empty() && kinds.text && prompt.boxes.defined())
        text = kinds.textForExamples;
    if (text.empty())
        return prompt;
    if (!kinds.text)
        return fail(ErrorCode::Unsupported, "this model takes no text", stored.description.path,
                    "Give points or boxes; texts are for SAM 3");
    if (!stored.textTokens)
        return fail(ErrorCode::NotFound, "the model's folder has no tokenizer", stored.description.path,
                    "Put the checkpoint's tokenizer.json there");
    VITRINE_TRY(const TextTokens tokens, stored.textTokens(text, kinds.textLength));
    prompt.tokenIds = tokens.ids;
    prompt.tokenMask = tokens.mask;
    return prompt;
}

// Objects in pixels of the picture.
struct Objects {
    at::Tensor masks;  // (K, height, width) bool
    std::vector<double> scores;
    std::optional<double> presence;
};

Result<Objects> segmentPicture(const StoredModel& stored, const Image& image, const Json& arguments) {
    VITRINE_TRY(const PreprocessedImage input, preprocess(image, stored.preprocess));
    VITRINE_TRY(const SegmentPrompt prompt, promptOf(arguments, stored, input.transform));
    const at::Tensor pixels =
        at::from_blob(const_cast<float*>(input.pixels.data()), {1, 3, input.height, input.width}, at::kFloat)
            .to(stored.device, stored.dtype);
    VITRINE_TRY(const Segmentation found, stored.model->segmenter()->segment(pixels, prompt));
    Objects objects;
    objects.presence = found.presence;
    const double threshold = found.presence ? arguments["threshold"].get<double>() : -INFINITY;
    const at::Tensor kept = found.scores.cpu().to(at::kDouble).ge(threshold).nonzero().flatten();
    const at::Tensor scores = found.scores.cpu().to(at::kDouble).index_select(0, kept).contiguous();
    objects.scores.assign(scores.const_data_ptr<double>(), scores.const_data_ptr<double>() + scores.numel());
    const Point2 content = input.transform.modelFromImage({double(image.width()), double(image.height())});
    const nn::GridSize model{input.height, input.width};
    objects.masks = masksOfPicture(found.masks.cpu().index_select(0, kept), model,
                                   {std::min<int64_t>(model.height, std::llround(content.y)),
                                    std::min<int64_t>(model.width, std::llround(content.x))},
                                   {image.height(), image.width()})
                        .gt(0)
                        .contiguous();
    return objects;
}

// x0, y0, x1, y1 around the set pixels; zeros for an empty mask.
std::array<int64_t, 4> boundsOf(const at::Tensor& mask) {
    const at::Tensor places = mask.nonzero();
    if (places.size(0) == 0)
        return {0, 0, 0, 0};
    const at::Tensor low = std::get<0>(places.min(0)), high = std::get<0>(places.max(0));
    return {low[1].item<int64_t>(), low[0].item<int64_t>(), high[1].item<int64_t>() + 1,
            high[0].item<int64_t>() + 1};
}

// The picture with its objects in colours, later ones on top.
Image overlayOf(const Image& image, const Objects& objects) {
    Image drawn = image.toRgb8();
    const bool* inside = objects.masks.const_data_ptr<bool>();
    for (int64_t object = 0; object < objects.masks.size(0); ++object) {
        const Rgb8 color = labelColor(object);
        const uint8_t ink[3] = {color.r, color.g, color.b};
        for (int64_t y = 0; y < drawn.height(); ++y) {
            uint8_t* row = drawn.row<uint8_t>(y);
            for (int64_t x = 0; x < drawn.width(); ++x, ++inside)
                for (int channel = 0; *inside && channel < 3; ++channel)
                    row[3 * x + channel] = uint8_t((row[3 * x + channel] + ink[channel]) / 2);
        }
    }
    return drawn;
}

Result<void> writeMasks(const fs::path& folder, const Objects& objects) {
    std::error_code problem;
    fs::create_directories(folder, problem);
    if (problem)
        return fail(errorFromErrno(problem.value(), "make the folder", folder));
    const at::Tensor bytes = objects.masks.to(at::kByte).mul(255).contiguous();
    for (int64_t object = 0; object < bytes.size(0); ++object) {
        Image mask({bytes.size(2), bytes.size(1)}, 1, SampleType::U8);
        std::copy_n(bytes[object].const_data_ptr<uint8_t>(), bytes.size(1) * bytes.size(2),
                    mask.row<uint8_t>(0));
        VITRINE_TRY_VOID(writeImage(folder / fmt::format("object-{}.png", object + 1), mask));
    }
    return {};
}

Result<CommandOutput> segment(const Json& arguments, CommandContext& context) {
    ModelStore store;
    VITRINE_TRY(const StoredModel* stored,
                store.load(arguments["model"].get<std::string>(), arguments["device"], arguments["dtype"]));
    if (!stored->model->segmenter())
        return fail(ErrorCode::Unsupported, "this model outlines nothing", stored->description.path,
                    "Use SAM, SAM 2 or SAM 3");
    const std::string path = arguments["image"];
    VITRINE_TRY(const Image image, readImage(path));
    context.job.beginStage("segmenting", 0);
    VITRINE_TRY(const Objects objects, segmentPicture(*stored, image, arguments));
    CommandOutput output;
    output.data = {{"picture", path}, {"objects", Json::array()}};
    if (objects.presence)
        output.data["presence"] = *objects.presence;
    TextTable table;
    table.header = {"object", "score", "pixels", "x0", "y0", "x1", "y1"};
    table.rightAligned = {true, true, true, true, true, true, true};
    for (size_t i = 0; i < objects.scores.size(); ++i) {
        const at::Tensor mask = objects.masks[int64_t(i)];
        const int64_t area = mask.sum().item<int64_t>();
        const auto box = boundsOf(mask);
        output.data["objects"].push_back({{"score", objects.scores[i]}, {"pixels", area}, {"box", box}});
        table.rows.push_back({std::to_string(i + 1), fmt::format("{:.3f}", objects.scores[i]),
                              groupedNumber(area), std::to_string(box[0]), std::to_string(box[1]),
                              std::to_string(box[2]), std::to_string(box[3])});
    }
    output.text = objects.scores.empty() ? "nothing was found\n" : table.text();
    output.exitCode = objects.scores.empty() ? 1 : 0;
    if (const std::string file = arguments["output"]; !file.empty())
        VITRINE_TRY_VOID(writeImage(file, overlayOf(image, objects)));
    if (const std::string folder = arguments["masks"]; !folder.empty())
        VITRINE_TRY_VOID(writeMasks(folder, objects));
    return output;
}

}  // namespace

void bindSegmentCommand(CommandRegistry& registry) {
    registry.bind("segment", segment);
}

}  // namespace vitrine
