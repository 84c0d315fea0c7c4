// Short versions of the experiments on RADIO's successors and on PHI-S. The rules are made for whole ones:
// here only the mechanism must show, and every number that a rule reads must be there.
#include "core/claims/claim_experiments.h"
#include "core/claims/radio_v25_experiments.h"

#include <gtest/gtest.h>

#include <cmath>

namespace vitrine {
namespace {

Result<ClaimMeasurement> measureShort(const char* name, double scale) {
    static JobContext job;
    ClaimRequest request;
    request.scale = scale;
    request.job = &job;
    return claimExperiment(name)->measure(request);
}

void expectEveryNumber(const char* name, const ClaimMeasurement& measurement) {
    for (const ClaimCheck& check : claimExperiment(name)->judge(ClaimTable({measurement})))
        EXPECT_FALSE(std::isnan(check.measured)) << check.rule;
}

TEST(RadioV25Claim, MeasuresAllExperimentsAndTheSameTwice) {
    const auto measured = measureShort("radio-v2.5", 0.02);
    ASSERT_TRUE(measured) << measured.error().text();
    expectEveryNumber("radio-v2.5", *measured);
    const auto again = measureShort("radio-v2.5", 0.02);
    ASSERT_TRUE(again);
    EXPECT_EQ(again->toJson(), measured->toJson());
    const ClaimTable table({*measured});
    for (const char* share : {"N/4", "N/9", "N/16"}) {
        const auto metric = fmt::format("cosine of tokens and representatives, {}", share);
        EXPECT_GT(table.mean("merging: most similar merged", metric),
                  table.mean("merging: k x k means", metric));
    }
}

TEST(RadioV25Claim, MosaicsTeachLessOfTheArtefacts) {
    static JobContext job;
    ClaimRequest request;
    request.scale = 0.2;
    request.job = &job;
    const auto measured = mosaicExperiment().measure(request);
    ASSERT_TRUE(measured) << measured.error().text();
    const ClaimTable table({*measured});
    const char* const share = "share of the artefacts learned";
    EXPECT_LT(table.mean("mosaic: cut targets", share), 0.7 * table.mean("mosaic: resized targets", share));
}

TEST(PhiSClaim, TeachersFillAsManyDirectionsAsThePublishedOnes) {
    const auto measured = measureShort("phi-s", 0.02);
    ASSERT_TRUE(measured) << measured.error().text();
    expectEveryNumber("phi-s", *measured);
    ASSERT_EQ(measured->arms.size(), 7u);
    const ClaimTable table({*measured});
    // RankMe over width: 0.61 (SAM), 0.79 (SigLIP), 0.85 (DFN CLIP), 0.87 (DINOv2).
    const double rank = table.mean("phi-s", "RankMe of the teachers, share of their channels");
    EXPECT_GT(rank, 0.61);
    EXPECT_LT(rank, 0.87);
    EXPECT_LT(table.mean("phi-s", "largest deviation of a channel variance from 1"), 1e-6);
    EXPECT_GT(table.mean("global", "largest deviation of a channel variance from 1"), 0.1);
}

}  // namespace
}  // namespace vitrine
