// Makes what scripted walks open and no repository should hold: tour_fixtures FOLDER NAME...
//   many   10,000 small pictures with numbers in their names
//   bad    what a folder of pictures should not contain, beside two good pictures
//   huge   a JPEG of 12,000 x 8,000 pixels and a PNG of 7,000 x 5,000
//   classes twelve pictures of each of three kinds, in a folder for each kind
//   runs    a project of 5,009 runs with 500 columns: nine with curves and pictures, the others with a value
//           in each column
//   sharp  an encoder that fits the FeatSharp upsampler of the golden files (VITRINE_SHARED)
//   weights a matrix of 4,096 x 14,336, as a large language model has them, in bfloat16
#include "core/base/file.h"
#include "core/base/json.h"
#include "core/io/safetensors.h"
#include "core/media/image_writer.h"
#include "core/runs/run_store.h"
#include "tests/widgets/runs/sample_runs.h"

#include <cstdlib>
#include <cstring>
#include <iostream>

namespace {

using namespace vitrine;
namespace fs = std::filesystem;

// A picture that differs from place to place and from seed to seed.
Image pattern(ImageSize size, uint32_t seed) {
    Image image(size, 3, SampleType::U8);
    const int64_t step = std::max<int64_t>(1, size.width / 16);
    for (int64_t y = 0; y < size.height; ++y) {
        uint8_t* row = image.row<uint8_t>(y);
        for (int64_t x = 0; x < size.width; ++x) {
            const bool light = (x / step + y / step + seed) % 2 == 0;
            row[3 * x] = uint8_t(255 * x / size.width);
            row[3 * x + 1] = uint8_t(255 * y / size.height);
            row[3 * x + 2] = uint8_t(light ? 220 : 40 + seed * 37 % 120);
        }
    }
    return image;
}

Result<void> makeMany(const fs::path& folder) {
    constexpr int kKinds = 40, kCount = 10'000;
    const fs::path originals = folder.parent_path() / "many_originals";
    fs::create_directories(originals);
    for (int kind = 0; kind < kKinds; ++kind)
        VITRINE_TRY_VOID(
            writeImage(originals / fmt::format("{}.jpg", kind), pattern({640, 480}, uint32_t(kind))));
    for (int index = 1; index <= kCount; ++index)
        fs::create_hard_link(originals / fmt::format("{}.jpg", index % kKinds),
                             folder / fmt::format("frame {}.jpg", index));
    return {};
}

Result<void> makeBad(const fs::path& folder) {
    VITRINE_TRY_VOID(writeImage(folder / "a good.png", pattern({300, 200}, 1)));
    VITRINE_TRY_VOID(writeImage(folder / "vanishing.png", pattern({300, 200}, 2)));
    fs::create_directory(folder / "folder.png");
    fs::create_directory_symlink(folder, folder / "loop");
    fs::create_symlink(folder / "itself.png", folder / "itself.png");
    fs::create_symlink(folder / "nowhere.png", folder / "dangling.png");
    VITRINE_TRY(const std::string png, encodeImage(pattern({300, 200}, 3), ".png"));
    VITRINE_TRY(const std::string jpeg, encodeImage(pattern({300, 200}, 3), ".jpg"));
    VITRINE_TRY_VOID(writeFileAtomically(folder / "cut.png", png.substr(0, png.size() / 2)));
    VITRINE_TRY_VOID(writeFileAtomically(folder / "cut.jpg", jpeg.substr(0, jpeg.size() / 2)));
    std::string spoilt = png;
    for (size_t at = 60; at < spoilt.size() - 20; at += 7)
        spoilt[at] = char(spoilt[at] ^ 0x5a);
    VITRINE_TRY_VOID(writeFileAtomically(folder / "spoilt.png", spoilt));
    std::string bomb = png;
    bomb.replace(16, 8, std::string("\x00\x01\x86\xa0\x00\x01\x86\xa0", 8));  // claims 100,000 x 100,000
    VITRINE_TRY_VOID(writeFileAtomically(folder / "bomb.png", bomb));
    VITRINE_TRY_VOID(writeFileAtomically(folder / "empty.png", ""));
    VITRINE_TRY_VOID(writeFileAtomically(folder / "text.jpg", "this is not a picture\n"));
    // An animation under the name of a picture.
    const std::string gif(
        "GIF89a\x02\x00\x02\x00\x80\x00\x00\xff\xff\xff\x00\x00\x00!\xff\x0bNETSCAPE2.0\x03\x01"
        "\x00\x00\x00,\x00\x00\x00\x00\x02\x00\x02\x00\x00\x02\x02\x84Q\x00;",
        54);
    return writeFileAtomically(folder / "animation.png", gif);
}

Result<void> makeClasses(const fs::path& folder) {
    constexpr int kEach = 12;
    for (int kind = 0; kind < 3; ++kind) {
        const fs::path inside = folder / fmt::format("checks {}", kind + 1);
        fs::create_directory(inside);
        for (int index = 0; index < kEach; ++index) {
            Image image = pattern({160, 120}, uint32_t(2 * kind));
            for (int64_t y = 0; y < image.height(); ++y)
                for (int64_t x = 0; x < image.width();
                     ++x)  // each kind has its colour, each picture its brightness
                    image.row<uint8_t>(y)[3 * x + kind] = uint8_t(200 + 4 * index);
            VITRINE_TRY_VOID(writeImage(inside / fmt::format("{}.png", index + 1), image));
        }
    }
    return {};
}

Result<void> makeHuge(const fs::path& folder) {
    VITRINE_TRY_VOID(writeImage(folder / "huge.jpg", pattern({12'000, 8'000}, 1), {.jpegQuality = 85}));
    return writeImage(folder / "huge.png", pattern({7'000, 5'000}, 2), {.pngCompression = 1});
}

// The golden DINOv2 cut to the width and patch size of the golden FeatSharp: each dimension keeps its
// beginning.
int64_t cutSize(int64_t size) {
    static const std::map<int64_t, int64_t> sizes{{64, 24}, {128, 48}, {352, 128}, {176, 64}, {14, 8}};
    const auto it = sizes.find(size);
    return it == sizes.end() ? size : it->second;
}

std::vector<float> cutTensor(const TensorBytes& tensor, const std::vector<int64_t>& shape) {
    const std::vector<int64_t>& from = tensor.info.shape;
    int64_t count = 1;
    for (const int64_t size : shape)
        count *= size;
    std::vector<float> values(static_cast<size_t>(count));
    for (int64_t index = 0; index < count; ++index) {
        int64_t rest = index, source = 0, stride = 1;
        for (size_t dimension = shape.size(); dimension-- > 0;) {
            int64_t at = rest % shape[dimension];
            rest /= shape[dimension];
            // Two halves lie one behind the other in a gated layer.
            if (from[dimension] == 352 && at >= shape[dimension] / 2)
                at += from[dimension] / 2 - shape[dimension] / 2;
            source += at * stride;
            stride *= from[dimension];
        }
        std::memcpy(&values[size_t(index)], tensor.bytes.data() + source * 4, 4);
    }
    return values;
}

// Sums of uniform numbers, near enough to a trained matrix's values; columns differ in size.
Result<void> makeWeights(const fs::path& folder) {
    constexpr int64_t kRows = 4096, kColumns = 14336;
    std::vector<uint16_t> weights(size_t(kRows * kColumns));
    uint64_t state = 88172645463325252ull;
    for (size_t index = 0; index < weights.size(); ++index) {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        float value = -2;
        for (int part = 0; part < 4; ++part)
            value += float(state >> (16 * part) & 0xffff) / 65536;
        value *= 0.02f * (1 + float(index % size_t(kColumns)) / float(kColumns));
        uint32_t bits = 0;
        std::memcpy(&bits, &value, sizeof bits);
        weights[index] = uint16_t(bits >> 16);
    }
    const TensorToWrite tensor{"model.layers.0.mlp.down_proj.weight",
                               DType::BF16,
                               {kRows, kColumns},
                               std::as_bytes(std::span(weights))};
    return writeSafetensors(folder / "model.safetensors", std::span(&tensor, 1));
}

Result<void> makeSharp(const fs::path& folder) {
    const char* shared = std::getenv("VITRINE_SHARED");
    const fs::path golden = fs::path(shared ? shared : "../shared") / "goldens" / "dinov2";
    VITRINE_TRY(Json config, readJsonFile(golden / "config.json"));
    config["hidden_size"] = 24;
    config["patch_size"] = 8;
    config["image_size"] = 32;
    VITRINE_TRY(const auto source, openSafetensors(golden / "model.safetensors"));
    std::vector<TensorToWrite> tensors;
    std::vector<std::vector<float>> kept;
    kept.reserve(source->tensors().size());
    for (const TensorInfo& info : source->tensors()) {
        VITRINE_TRY(const TensorBytes tensor, source->read(info.name));
        TensorToWrite out{info.name, DType::F32, {}, {}};
        for (const int64_t size : info.shape)
            out.shape.push_back(cutSize(size));
        kept.push_back(cutTensor(tensor, out.shape));
        out.bytes = std::as_bytes(std::span(kept.back()));
        tensors.push_back(std::move(out));
    }
    VITRINE_TRY_VOID(writeSafetensors(folder / "model.safetensors", tensors));
    const Json preprocessing{{"image_processor_type", "ViTImageProcessor"},
                             {"size", {{"height", 32}, {"width", 32}}},
                             {"image_mean", {0.485, 0.456, 0.406}},
                             {"image_std", {0.229, 0.224, 0.225}}};
    VITRINE_TRY_VOID(writeFileAtomically(folder / "preprocessor_config.json", preprocessing.dump(2)));
    return writeFileAtomically(folder / "config.json", config.dump(2));
}

Result<void> addWideRuns(const Project& project) {
    constexpr int kRuns = 5000, kParameters = 480, kMetrics = 16;
    RunStore store(project);
    Json settings = Json::object();
    return project.database().transaction([&]() -> Result<void> {
        for (int index = 0; index < kRuns; ++index) {
            for (int parameter = 0; parameter < kParameters; ++parameter)
                // The first fifty are the same everywhere.
                settings[fmt::format("p{:03}", parameter)] =
                    parameter < 50 ? parameter : (index * 31 + parameter) % 97;
            NewRun fresh;
            fresh.name = fmt::format("sweep {}", index);
            fresh.kind = "sweep";
            fresh.status = index % 50 == 0 ? RunStatus::Failed : RunStatus::Finished;
            fresh.seed = index % 5;
            fresh.recipe = {{"settings", settings}};
            VITRINE_TRY(const Run run, store.create(fresh));
            // As a writer leaves them; one writer (a connection of its own) for each run would take minutes.
            for (int metric = 0; metric < kMetrics; ++metric) {
                VITRINE_TRY(const int64_t key,
                            keyId(project.database(), "metric", fmt::format("score/{:02}", metric)));
                VITRINE_TRY_VOID(project.database().execute(
                    "INSERT INTO series(key, run, last_step, last_time, last_value) VALUES(?, ?, 3, 0, ?)",
                    key, run.number, double((index * 7 + metric) % 101)));
            }
        }
        return {};
    });
}

Result<void> makeRuns(const fs::path& folder) {
    VITRINE_TRY(const Project project, testing::makeSampleRuns(folder));
    return addWideRuns(project);
}

Result<void> make(const std::string& name, const fs::path& folder) {
    fs::create_directories(folder);
    if (name == "many")
        return makeMany(folder);
    if (name == "bad")
        return makeBad(folder);
    if (name == "huge")
        return makeHuge(folder);
    if (name == "classes")
        return makeClasses(folder);
    if (name == "runs")
        return makeRuns(folder);
    if (name == "sharp")
        return makeSharp(folder);
    if (name == "weights")
        return makeWeights(folder);
    return fail(ErrorCode::InvalidArgument, "there is no such fixture", name,
                "many, bad, huge, classes, runs, sharp or weights");
}

}  // namespace

int main(int count, char** arguments) {
    if (count < 3) {
        std::cerr << "tour_fixtures FOLDER many|bad|huge|classes|runs|sharp|weights...\n";
        return 2;
    }
    for (int index = 2; index < count; ++index)
        if (const auto made = make(arguments[index], fs::path(arguments[1]) / arguments[index]); !made) {
            std::cerr << made.error().text() << "\n";
            return 1;
        }
    return 0;
}
