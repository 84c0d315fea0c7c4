// The EfficientNet-Lite plugin on real photographs, with the accuracies that its weights are known to have.
#include "core/media/image_reader.h"
#include "core/media/preprocess.h"
#include "core/models/model.h"
#include "core/plugins/plugin_manager.h"
#include "tests/support/temporary_folder.h"
#include "tests/support/test_data.h"

#include <gtest/gtest.h>

#include <fstream>
#include <sstream>

namespace vitrine {
namespace {

class CollectingHost : public PluginHost {
  public:
    void addModelFamily(const ModelFamily& family) override { ModelFamilies::instance().add(family); }
    // The folder holds other plugins too.
    void addUpsampler(const FeatureUpsampler&) override {}
    void addPointCloudReader(const PointCloudReader&) override {}
};

void loadPlugin() {
    static const bool loaded = [] {
        testing::TemporaryFolder state;
        PluginManager plugins(state / "plugins.json");
        plugins.discover({testing::buildFolder() / "lib" / "plugins"});
        CollectingHost host;
        plugins.load(host, true);
        for (const PluginStatus& plugin : plugins.plugins())
            if (plugin.manifest.id == "vitrine.efficientnet-lite")
                return plugin.state == PluginState::Loaded;
        return false;
    }();
    ASSERT_TRUE(loaded);
}

struct Labelled {
    std::string file;
    int64_t label;
};

// Every second row, as the known figures were computed.
std::vector<Labelled> everySecondRow(const std::filesystem::path& csv) {
    std::ifstream stream(csv);
    std::vector<Labelled> rows;
    std::string line;
    std::getline(stream, line);
    for (size_t index = 0; std::getline(stream, line); ++index) {
        if (index % 2)
            continue;
        std::istringstream cells(line);
        std::string file, wnid, label;
        std::getline(cells, file, ',');
        std::getline(cells, wnid, ',');
        std::getline(cells, label, ',');
        rows.push_back({file, std::stoll(label)});
    }
    return rows;
}

}  // namespace

TEST(EfficientNetLite, ReachesItsKnownAccuracy) {
    VITRINE_SHARED_DATA(weights, "data/encoders/efficientnet_lite0");
    VITRINE_SHARED_DATA(images, "data/images/imagenet_samples");
    loadPlugin();
    const auto model = loadModel(weights, {});
    ASSERT_TRUE(model) << model.error().text();
    ASSERT_NE((*model)->classifier(), nullptr);
    const auto config = preprocessConfigFromJson((*model)->encoder()->defaultPreprocessor());
    ASSERT_TRUE(config) << config.error().text();
    int64_t top1 = 0, top5 = 0;
    const auto rows = everySecondRow(images / "labels.csv");
    ASSERT_EQ(rows.size(), 470u);
    for (const Labelled& row : rows) {
        const auto image = readImage(images / "256" / row.file);
        ASSERT_TRUE(image) << image.error().text();
        const auto input = preprocess(*image, *config);
        ASSERT_TRUE(input) << input.error().text();
        const at::Tensor pixels = at::from_blob(const_cast<float*>(input->pixels.data()),
                                                {1, 3, input->height, input->width}, at::kFloat);
        const auto logits = (*model)->classifier()->classify(pixels);
        ASSERT_TRUE(logits) << logits.error().text();
        const at::Tensor best = std::get<1>((*logits)[0].topk(5));
        top1 += best[0].item<int64_t>() == row.label;
        top5 += best.eq(row.label).any().item<bool>();
    }
    // One picture of slack: decoders and crop rounding may move a borderline one.
    EXPECT_NEAR(double(top1), 404, 1);
    EXPECT_NEAR(double(top5), 455, 1);
}

TEST(EfficientNetLite, GivesEveryLayerAtAnyMultipleOf32) {
    VITRINE_SHARED_DATA(weights, "data/encoders/efficientnet_lite0");
    loadPlugin();
    const auto model = loadModel(weights, {});
    ASSERT_TRUE(model) << model.error().text();
    const VisionEncoder& encoder = *(*model)->encoder();
    EncodeRequest request;
    request.layers = {0, 5, encoder.info().layerCount};
    const auto output = encoder.encode(at::rand({1, 3, 96, 160}), request);
    ASSERT_TRUE(output) << output.error().text();
    EXPECT_EQ(output->features.sizes(), (std::vector<int64_t>{1, 1280, 3, 5}));
    EXPECT_EQ(output->layers[0].features.sizes(), (std::vector<int64_t>{1, 32, 48, 80}));
    EXPECT_TRUE(at::equal(output->layers[2].features, output->features));
    const auto wrong = encoder.encode(at::rand({1, 3, 97, 160}), {});
    ASSERT_FALSE(wrong);
    EXPECT_EQ(wrong.error().hint, "The nearest accepted size is 96x160");
}

}  // namespace vitrine
