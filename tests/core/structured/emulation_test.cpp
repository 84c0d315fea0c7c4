#include "core/structured/emulation.h"

#include "core/structured/structure_cost.h"
#include "tests/core/structured/structured_data.h"

namespace vitrine {
namespace {

using ::testing::HasSubstr;
using EmulationTest = testing::StructuredData;

TEST_F(EmulationTest, AnAffineUpdateIsFoundExactly) {
    const at::Tensor x = at::randn({400, 12}).matmul(at::randn({12, 12})) + 3;
    const at::Tensor map = at::randn({12, 2}).matmul(at::randn({2, 12})), bias = at::randn({12});
    const at::Tensor f = x.matmul(map.t()) + bias;
    const auto fit = fitUpdate(x, f, 2, 1e-10);
    ASSERT_TRUE(fit) << fit.error().text();
    EXPECT_LT(fit->leftByMap, 1e-8);
    EXPECT_TRUE(fit->up.matmul(fit->down).allclose(map, 1e-3, 1e-3));
    EXPECT_TRUE(fit->bias.allclose(bias, 1e-2, 1e-2));
}

TEST_F(EmulationTest, TheCutIsTheBestOfItsRank) {
    at::manual_seed(5);
    const at::Tensor x = at::randn({600, 10}) * at::logspace(1, -1, 10) + 1;
    const at::Tensor f = at::tanh(x.matmul(at::randn({10, 10})) * 0.3) + x.matmul(at::randn({10, 10})) * 0.2;
    double last = 1e9;
    for (const int64_t rank : {1, 3, 6, 10}) {
        const auto fit = fitUpdate(x, f, rank, 1e-9);
        ASSERT_TRUE(fit);
        EXPECT_LT(fit->leftByMap, last);
        EXPECT_LT(fit->leftByMap, fit->leftByMean);
        last = fit->leftByMap;
        // The plain SVD of the full map, cut to the same rank, is no better.
        const auto full = fitUpdate(x, f, 10, 1e-9);
        const auto [u, s, v] = at::linalg_svd(full->up.matmul(full->down));
        const at::Tensor cut = (u.narrow(1, 0, rank) * s.narrow(0, 0, rank)).matmul(v.narrow(0, 0, rank));
        const at::Tensor centred = x - x.mean(0), rest = f - f.mean(0);
        const double plain =
            ((rest - centred.matmul(cut.t())).square().sum() / f.square().sum()).item<double>();
        EXPECT_LE(fit->leftByMap, plain + 1e-6);
    }
}

TEST_F(EmulationTest, StandInsRepairATrainedModel) {
    const LanguageModel& model = trained();
    const auto windows = batches(6);
    for (const Players players : {Players::Blocks, Players::Parts}) {
        const std::vector<int64_t> removed =
            players == Players::Blocks ? std::vector<int64_t>{1, 2} : std::vector<int64_t>{2, 3, 5};
        const double plain = lossWithout(model.decoder(), windows, players, {removed.begin(), removed.end()});
        const auto mean = emulateRemoved(model, removed, windows, {players, 0}, job);
        const auto map = emulateRemoved(model, removed, windows, {players, 8}, job);
        ASSERT_TRUE(mean && map);
        EXPECT_EQ(map->reports.size(), removed.size());
        EXPECT_LT(lossWithout(map->model->decoder(), windows, players, {}), plain);
        for (const EmulationReport& report : map->reports) {
            EXPECT_LT(report.leftByMap, report.leftByMean);
            EXPECT_LE(report.leftByMean, 1 + 1e-9);
            EXPECT_EQ(report.addedParameters, 2 * 32 * 8 + 32);
        }
        EXPECT_EQ(mean->reports[0].addedParameters, 32);
        // The file holds what was computed.
        ASSERT_TRUE(saveLanguageModel(*map->model, folder / "emulated"));
        const auto loaded = loadLanguageModel(folder / "emulated", {});
        ASSERT_TRUE(loaded) << loaded.error().text();
        EXPECT_EQ(difference(*map->model, **loaded, windows[0]), 0);
    }
}

TEST_F(EmulationTest, RefusesWhatCannotBeFitted) {
    const LanguageModel& model = trained();
    EXPECT_THAT(emulateRemoved(model, {1}, batches(), {Players::Blocks, 33}, job).error().text(),
                HasSubstr("rank 33 is larger than the width 32"));
    EXPECT_THAT(emulateRemoved(model, {4}, batches(), {Players::Blocks, 2}, job).error().text(),
                HasSubstr("no player 4 of 4"));
    EXPECT_THAT(emulateRemoved(model, {1}, {}, {Players::Blocks, 2}, job).error().text(),
                HasSubstr("no text"));
}

}  // namespace
}  // namespace vitrine
