// `vitrine merge`, as a user calls it.
#include "tests/cli/command_line.h"

namespace vitrine {
namespace fs = std::filesystem;

TEST_F(CommandLine, MergedTokensSayMoreThanMeans) {
    VITRINE_SHARED_DATA(photos, "data/images/photos");
    VITRINE_SHARED_DATA(encoder, "data/encoders/vit_cifar10");
    const std::string arguments =
        fmt::format("merge '{}' '{}' --limit 6 --kept 0.25 --kept 0.0625", encoder.string(), photos.string());
    const Outcome outcome =
        call(fmt::format("--json --quiet {} --output '{}'", arguments, (folder_ / "out").string()));
    ASSERT_EQ(outcome.exitCode, 0) << outcome.errors;
    const Json result = json(outcome);
    EXPECT_EQ(result["pictures"], 6);
    EXPECT_EQ(result["cells"], 64);
    std::map<std::string, double> cosine, error;
    for (const Json& row : result["scores"]) {
        const std::string key =
            fmt::format("{:g} {}", row["kept"].get<double>(), row["way"].get<std::string>());
        cosine[key] = row["cosine"];
        error[key] = row["error"];
        EXPECT_EQ(row["tokens"], row["kept"].get<double>() * 64);
    }
    ASSERT_EQ(cosine.size(), 6u);
    for (const char* kept : {"0.25", "0.0625"}) {
        const std::string share(kept);
        for (const char* way : {" average pooling", " kept by chance"}) {
            EXPECT_GT(cosine[share + " merged"], cosine[share + way]) << share << way;
            EXPECT_LT(error[share + " merged"], error[share + way]) << share << way;
        }
    }
    EXPECT_GT(cosine["0.25 merged"], cosine["0.0625 merged"]);
    EXPECT_TRUE(fs::exists(folder_ / "out" / "merging.csv"));
    EXPECT_FALSE(fs::is_empty(folder_ / "out" / "merging"));
    const Outcome again = call("--quiet " + arguments);
    ASSERT_EQ(again.exitCode, 0) << again.errors;
    EXPECT_NE(again.output.find("average pooling"), std::string::npos);

    const Outcome none = call("--quiet " + arguments + " --adaptor clip");
    EXPECT_EQ(none.exitCode, 2);
    EXPECT_NE(none.errors.find("has no adaptor \"clip\""), std::string::npos) << none.errors;
}

}  // namespace vitrine
