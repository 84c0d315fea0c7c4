// Pictures of one ground, one large and three small objects, each plain in colour but for the light across
// the picture. Their tokens are made fewer in three ways; the small objects are what is easily lost.
#include "core/claims/fixed_size_teacher.h"
#include "core/claims/radio_v25_experiments.h"
#include "core/data/shape_scenes.h"
#include "core/distill/random_stream.h"
#include "core/eval/linear_probe.h"
#include "core/features/token_merging.h"

#include <algorithm>
#include <array>
#include <cmath>

namespace vitrine {
namespace {

constexpr int64_t kPatch = FixedSizeTeacher::kPatch, kSide = 192, kGrid = kSide / kPatch;
constexpr int64_t kFitted = 512, kTested = 256;  // pictures that probes learn from, and are tested on
constexpr int64_t kPiece = 32;                   // pictures drawn at once
// Radii in sides of the picture: small objects cover 3.4 to 6.7 of its 576 tokens, one in a hundred.
constexpr double kSmallest = 10.0 / kSide, kLargestSmall = 14.0 / kSide;
constexpr int64_t kColours = 8;                    // of small objects: what the probe tells
constexpr double kSpread = 0.1;                    // largest change of a channel within one of them
constexpr double kLeastCover = 0.5;                // of its main cell; objects that show less do not count
constexpr std::array<int64_t, 3> kPools{2, 3, 4};  // k: (24 / k)² tokens are kept

constexpr const char* kMerged = "merging: most similar merged";
constexpr const char* kPooled = "merging: k x k means";
constexpr const char* kByChance = "merging: kept by chance";
constexpr const char* kAll = "merging: all tokens";
constexpr std::array kWays{kMerged, kPooled, kByChance};

std::string cosineMetric(int64_t pool) {
    return fmt::format("cosine of tokens and representatives, N/{}", pool * pool);
}
std::string probeMetric(int64_t pool) {
    return fmt::format("probe accuracy on small objects, N/{}", pool * pool);
}

// Draws of `count` pictures.
struct Draw {
    int64_t count;
    const at::Generator& random;
    at::Tensor uniform(double from, double to) const {
        return from + (to - from) * at::rand({count}, random, at::TensorOptions());
    }
    at::Tensor colour() const { return at::rand({count, 3}, random, at::TensorOptions()); }
};

// Corners of the cube from 0.2 to 0.8: colours (N) int64 below kColours -> (N, 3).
at::Tensor cornerColours(const at::Tensor& colours) {
    const auto bit = [&](int64_t place) { return colours.bitwise_right_shift(place).bitwise_and(1); };
    return 0.2 + 0.6 * at::stack({bit(0), bit(1), bit(2)}, 1);
}

// `colours` (N, small objects) int64.
ShapeScenes flatScenes(const at::Tensor& colours, const at::Generator& random) {
    const Draw draw{colours.size(0), random};
    ShapeScenes scenes = drawShapeScenes(draw.count, random);
    scenes.lines.clear();
    scenes.ground.texture.zero_();
    scenes.ground.first = draw.colour();
    for (size_t slot = 0; slot < scenes.items.size(); ++slot) {
        const bool large = slot == 0;
        SceneItem& item = scenes.items[slot];
        item.present.fill_(true);
        item.radius = large ? draw.uniform(0.24, 0.34) : draw.uniform(kSmallest, kLargestSmall);
        item.centreX = large ? draw.uniform(0.3, 0.7) : draw.uniform(0.1, 0.9);
        item.centreY = large ? draw.uniform(0.3, 0.7) : draw.uniform(0.1, 0.9);
        item.paint.texture.zero_();
        item.paint.first = draw.colour();
        if (!large)
            item.paint.first =
                cornerColours(colours.select(1, int64_t(slot) - 1)) + kSpread * (2 * item.paint.first - 1);
    }
    return scenes;
}

// Tokens of pictures, and the small objects that show in them: one row per object.
struct Examples {
    at::Tensor maps;    // (N, C, kGrid, kGrid)
    at::Tensor places;  // (objects) int64: main cell of each, counted over all maps
    at::Tensor colours;
};

Examples drawExamples(int64_t count, const FixedSizeTeacher& encoder, const at::Generator& random) {
    std::vector<at::Tensor> maps, places, colours;
    for (int64_t start = 0; start < count; start += kPiece) {
        const at::Tensor drawn = at::randint(0, kColours, {std::min(kPiece, count - start), kSceneSlots - 1},
                                             random, at::TensorOptions(at::kLong));
        const ScenePictures seen = renderShapeScenes(flatScenes(drawn, random), kSide);
        maps.push_back(encoder.look(seen.pictures));
        for (int64_t slot = 1; slot < kSceneSlots; ++slot) {
            const at::Tensor shows = seen.objects.eq(slot + 1).to(at::kFloat).unsqueeze(1);
            const auto [cover, cell] = at::avg_pool2d(shows, kPatch).flatten(1).max(1);
            const at::Tensor counted = cover.ge(kLeastCover).nonzero().flatten();
            places.push_back((start + counted) * kGrid * kGrid + cell.index_select(0, counted));
            colours.push_back(drawn.select(1, slot - 1).index_select(0, counted));
        }
    }
    return {at::cat(maps), at::cat(places), at::cat(colours)};
}

Result<double> probeAccuracy(const Examples& fitted, const Examples& tested, JobContext& job) {
    const auto tokens = [](const Examples& examples) {
        return examples.maps.flatten(2).transpose(1, 2).flatten(0, 1).index_select(0, examples.places);
    };
    VITRINE_TRY(const LinearProbe probe, LinearProbe::fit(tokens(fitted), fitted.colours, kColours, {}, job));
    return probe.predict(tokens(tested)).eq(tested.colours).to(at::kDouble).mean().item<double>();
}

// What stands for each token of a map (C, h, w) when `kept` are left.
Result<at::Tensor> standing(const std::string& way, const at::Tensor& map, int64_t kept, uint64_t chance) {
    if (way == kPooled)
        return averagePooled(map, kept);
    if (way == kByChance)
        return randomlyKept(map, kept, chance);
    VITRINE_TRY(const MergedTokens merged, mergeTokens(map, {.kept = kept}));
    return merged.unmerged();
}

Result<Examples> withFewer(const std::string& way, const Examples& examples, int64_t kept,
                           const ClaimRequest& request, std::string_view purpose) {
    std::vector<at::Tensor> maps;
    for (int64_t i = 0; i < examples.maps.size(0); ++i) {
        VITRINE_TRY_VOID(request.job->checkStop());
        VITRINE_TRY(const at::Tensor map,
                    standing(way, examples.maps[i], kept, randomHash(uint64_t(request.seed), i, purpose)));
        maps.push_back(map);
    }
    return Examples{at::stack(maps), examples.places, examples.colours};
}

Result<ClaimMeasurement> measure(const ClaimRequest& request) {
    const at::NoGradGuard noGrad;
    const at::Generator random = randomStream(uint64_t(request.seed), 0, "merging pictures");
    const FixedSizeTeacher encoder(kSide, kSide, random);
    const auto pictures = [&](int64_t whole) {
        return std::max<int64_t>(8, std::llround(double(whole) * std::min(1.0, request.scale)));
    };
    request.job->beginStage("making tokens fewer", int64_t(kPools.size() * kWays.size()));
    const Examples fitted = drawExamples(pictures(kFitted), encoder, random);
    const Examples tested = drawExamples(pictures(kTested), encoder, random);
    ClaimMeasurement measurement;
    VITRINE_TRY(measurement.arms[kAll]["probe accuracy on small objects, N"],
                probeAccuracy(fitted, tested, *request.job));
    for (const int64_t pool : kPools)
        for (const char* way : kWays) {
            const int64_t kept = (kGrid / pool) * (kGrid / pool);
            VITRINE_TRY(const Examples learnt, withFewer(way, fitted, kept, request, "kept, fitted"));
            VITRINE_TRY(const Examples asked, withFewer(way, tested, kept, request, "kept, tested"));
            auto& metrics = measurement.arms[way];
            metrics[cosineMetric(pool)] =
                at::cosine_similarity(tested.maps, asked.maps, 1).mean(at::kDouble).item<double>();
            VITRINE_TRY(metrics[probeMetric(pool)], probeAccuracy(learnt, asked, *request.job));
            request.job->advance();
        }
    return measurement;
}

std::vector<ClaimCheck> judge(const ClaimTable& table) {
    std::vector<ClaimCheck> checks;
    for (const int64_t pool : kPools)
        for (const std::string& metric : {cosineMetric(pool), probeMetric(pool)})
            checks.push_back(atLeast(metric + ", merging minus the better other way",
                                     table.mean(kMerged, metric) -
                                         std::max(table.mean(kPooled, metric), table.mean(kByChance, metric)),
                                     0));
    return checks;
}

}  // namespace

ClaimExperiment mergingExperiment() {
    return {measure, judge};
}

}  // namespace vitrine
