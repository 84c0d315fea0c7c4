#include "core/runs/run_import.h"

#include "core/base/file.h"
#include "core/runs/run_query.h"
#include "core/runs/series.h"
#include "tests/support/temporary_folder.h"
#include "tests/support/test_data.h"

#include <gmock/gmock.h>

#include <set>

namespace vitrine {
namespace {

using ::testing::HasSubstr;
using testing::TemporaryFolder;

// Written by TensorBoard's own EventFileWriter.
std::filesystem::path sample() {
    return testing::dataFolder() / "runs/tensorboard/events.out.tfevents.1700000000.sample";
}

TEST(RunImport, Crc32cOfTheStandardsTestVector) {
    EXPECT_EQ(crc32c("123456789"), 0xe3069283u);  // RFC 3720, B.4
    EXPECT_EQ(crc32c(std::string(32, '\0')), 0x8a9136aau);
}

TEST(RunImport, ReadsTensorboardScalarsAndPictures) {
    TemporaryFolder folder;
    const auto project = Project::create(folder / "p");
    const auto runs = importRuns(*project, sample().parent_path());
    ASSERT_TRUE(runs) << runs.error().text();
    ASSERT_EQ(runs->size(), 1u);
    const auto& run = (*runs)[0];
    EXPECT_EQ(run.status, RunStatus::Finished);
    EXPECT_EQ(run.name, "tensorboard");
    const auto loss = *readSeries(*project, run, "train/loss");
    ASSERT_EQ(loss.size(), 5u);
    EXPECT_FLOAT_EQ(float(loss[2].value), 1.0f / 3);
    EXPECT_EQ(loss[2].time, 1700000002.5);
    EXPECT_EQ(readSeries(*project, run, "val/acc")->at(2).value, 0.75);
    EXPECT_EQ(readSeries(*project, run, "lr")->at(0).value, 0.25);
    EXPECT_EQ(readSeries(*project, run, "lr")->at(0).step, 7);
    EXPECT_EQ(readSeries(*project, run, "big")->at(0).value, 1e-300);
    EXPECT_EQ(readSeries(*project, run, "count")->at(0).value, -3);
    const auto pictures = *RunStore(*project).artifacts(run);
    ASSERT_EQ(pictures.size(), 2u);
    EXPECT_EQ(pictures[0].name, "picture");
    EXPECT_EQ(pictures[0].step, 2);
    EXPECT_EQ(pictures[1].mediaType, "image/png");
    EXPECT_TRUE(project->artifacts().read(pictures[1].sha256)->starts_with("\x89PNG"));
}

TEST(RunImport, DamagedEventFilesNeverCrash) {
    const std::string good = *readFile(sample());
    ASSERT_EQ(parseTensorboard(good, "x")->skippedValues, 1);  // the histogram
    EXPECT_FALSE(parseTensorboard(good, "x")->truncated);
    for (size_t length = 0; length < good.size(); ++length) {  // cut anywhere: what is whole stays
        const auto cut = parseTensorboard(std::string_view(good).substr(0, length), "x");
        ASSERT_TRUE(cut) << length;
    }
    for (size_t i = 0; i < good.size(); ++i) {  // any changed byte is noticed
        std::string bad = good;
        bad[i] = char(bad[i] ^ 0x10);
        const auto parsed = parseTensorboard(bad, "x");
        ASSERT_TRUE(!parsed || parsed->truncated) << i;
    }
}

TEST(RunImport, ReadsCsv) {
    TemporaryFolder folder;
    const auto project = Project::create(folder / "p");
    ASSERT_TRUE(writeFileAtomically(folder / "log.csv",
                                    "\xef\xbb\xbf"
                                    "Epoch,loss,\"val, top1\",note\r\n0,1.5,0.1,a\r\n1,,0.2,\"b\nc\"\r\n"
                                    "2,0.5,nan,\r\n"));
    const auto runs = importRuns(*project, folder / "log.csv");
    ASSERT_TRUE(runs) << runs.error().text();
    EXPECT_EQ(readSeries(*project, (*runs)[0], "loss")->size(), 2u);
    EXPECT_EQ(readSeries(*project, (*runs)[0], "val, top1")->at(1).value, 0.2);
    EXPECT_THAT(*metricNames(*project, (*runs)[0]), ::testing::ElementsAre("loss", "val, top1"));
}

TEST(RunImport, RefusesBadCsvAndOtherFiles) {
    TemporaryFolder folder;
    const auto project = Project::create(folder / "p");
    const auto errorOf = [&](const std::string& content, const std::string& column = {}) {
        EXPECT_TRUE(writeFileAtomically(folder / "log.csv", content));
        const auto runs = importRuns(*project, folder / "log.csv", column);
        return runs ? std::string("accepted") : runs.error().text();
    };
    EXPECT_THAT(errorOf("a,b\n1,2\n"), HasSubstr("the columns are: a, b"));
    EXPECT_THAT(errorOf("a,b\n1,2\n", "c"), HasSubstr("no column \"c\""));
    EXPECT_EQ(errorOf("a,b\n1,2\n", "a"), "accepted");
    EXPECT_THAT(errorOf("step,b\n1,2,3\n"), HasSubstr("record 2 has 3 fields"));
    EXPECT_THAT(errorOf("step,b\n1.5,2\n"), HasSubstr("not a whole number"));
    EXPECT_THAT(errorOf(""), HasSubstr("no column"));
    EXPECT_EQ(importRuns(*project, folder / "none.csv").error().code, ErrorCode::NotFound);
    EXPECT_EQ(importRuns(*project, folder.path()).error().code, ErrorCode::NotFound);
    EXPECT_EQ(listRuns(*project, {})->size(), 1u);
}

}  // namespace
}  // namespace vitrine
