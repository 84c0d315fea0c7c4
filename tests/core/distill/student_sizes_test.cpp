// What forms know of students before one is built.
#include "core/distill/student_sizes.h"

#include "core/distill/student_levels.h"
#include "core/distill/student_rules.h"
#include "core/models/mambavision/mamba_vision_network.h"
#include "core/models/radio/eradio_model.h"

#include <gmock/gmock.h>

namespace vitrine {
namespace {

// Told without building it, for forms.
TEST(StudentSizes, ParametersOfEverySizeAreKnownBeforeItIsBuilt) {
    const auto built = [](const torch::nn::Module& module) {
        int64_t count = 0;
        for (const at::Tensor& parameter : module.parameters())
            count += parameter.numel();
        return count;
    };
    // Of a fresh student without initial values: the large ones take no memory then.
    const auto level = [&](StudentTrunk trunk, int64_t width, const std::vector<int64_t>& depths) {
        StudentOptions options;
        options.trunk = trunk;
        options.width = width;
        options.depths = depths;
        options.patchSize = levelStudentPatch(trunk);
        options.preferredSide = 224;
        return trunk == StudentTrunk::Eradio
                   ? built(EradioModule(eradioStudent(options)))
                   : built(mambavision::MambaVisionNetwork(mambaVisionStudent(options)));
    };
    for (const StudentTrunk trunk : {StudentTrunk::Eradio, StudentTrunk::MambaVision}) {
        const std::string key = studentTrunkKey(trunk);
        ASSERT_GE(namedStudentSizes(key).size(), 4u);
        for (const NamedStudentSize& size : namedStudentSizes(key))
            EXPECT_EQ(studentParameters({{"trunk", key}, {"variant", size.name}}, 2),
                      level(trunk, size.width, size.depths))
                << key << " " << size.name;
        const std::vector<int64_t> depths{2, 1, 3, 4};
        for (const int64_t width : {16, 100, 200})
            EXPECT_EQ(studentParameters(
                          {{"trunk", key}, {"variant", "own"}, {"width", width}, {"depths", depths}}, 1),
                      level(trunk, width, depths))
                << key << " " << width;
        EXPECT_EQ(studentParameters({{"trunk", key}, {"variant", "XS"}}, 1), std::nullopt);
    }
    // The published count of E-RADIO-L, 389.6 million, and MambaVision's own table of sizes.
    EXPECT_EQ(*studentParameters({{"trunk", "eradio"}, {"variant", "L"}}, 1) / 100000, 3896);
    for (const NamedStudentSize& size : namedStudentSizes("mambavision"))
        for (const auto& [name, config] : mambavision::publishedMambaVisions())
            if (name == size.name) {
                EXPECT_EQ(size.width, config.width);
                EXPECT_TRUE(std::equal(size.depths.begin(), size.depths.end(), config.depths.begin()));
            }
    StudentOptions vit;
    vit.width = 48;
    vit.depth = 3;
    vit.patchSize = 14;
    vit.positionGridSide = 10;
    vit.registers = 2;
    Json asked{{"width", 48}, {"depth", 3}, {"patch_size", 14}, {"position_grid", 10}, {"registers", 2}};
    EXPECT_EQ(studentParameters(asked, 0), built(RadioModule(studentConfig(vit))));
    EXPECT_EQ(*studentParameters(asked, 3), built(RadioModule(studentConfig(vit))) + 2 * 48);
    asked["trunk"] = "convolutional";
    EXPECT_EQ(studentParameters(asked, 1), std::nullopt);
}

// What a form says of a recipe before it is run.
TEST(StudentRules, ProblemsOfARecipeStandAtTheirPlace) {
    Json settings{{"student",
                   {{"trunk", "eradio"},
                    {"variant", "S"},
                    {"start_from", ""},
                    {"width", 64},
                    {"heads", 3},
                    {"patch_size", 8}}},
                  {"window_sizes", {0, 7, 14}},
                  {"partitions", {{{"sides", {224, 48}}, {"batch", 1}}}}};
    const auto places = [&] {
        std::vector<std::string> found;
        for (const SchemaProblem& problem : studentProblems(settings))
            found.push_back(problem.path.substr(std::string("$.settings.").size()));
        return found;
    };
    EXPECT_THAT(places(), ::testing::ElementsAre("student.variant", "partitions[0].batch", "window_sizes",
                                                 "partitions[0].sides"));
    settings["student"]["variant"] = "own";
    settings["student"]["width"] = 9;
    settings["window_sizes"] = Json::array();
    settings["partitions"][0] = {{"sides", {64}}, {"batch", 2}};
    EXPECT_THAT(places(), ::testing::ElementsAre("student.width"));
    settings["student"]["trunk"] = "vit";
    settings["student"]["start_from"] = "somewhere";
    settings["student"]["patch_size"] = 15;
    EXPECT_THAT(places(), ::testing::ElementsAre("student.start_from", "partitions[0].sides"));
    settings["student"] = {
        {"trunk", "vit"}, {"start_from", ""}, {"width", 64}, {"heads", 3}, {"patch_size", 8}};
    EXPECT_THAT(places(), ::testing::ElementsAre("student.heads"));
    settings["student"]["heads"] = 4;
    EXPECT_TRUE(places().empty());
}

}  // namespace
}  // namespace vitrine
