// `vitrine evaluate` as a user calls it.
#include "core/media/image_writer.h"
#include "tests/cli/command_line.h"

#include <map>

namespace vitrine {
namespace fs = std::filesystem;
namespace {

const Json* scoreOf(const Json& result, const char* task) {
    for (const Json& row : result["scores"])
        if (row["task"] == task)
            return &row;
    return nullptr;
}

// Ten pictures whose left part is dark and class 0, whose right part is bright and class 1.
void writeHalves(const fs::path& pictures, const fs::path& labels) {
    fs::create_directories(pictures);
    fs::create_directories(labels);
    for (int64_t index = 0; index < 10; ++index) {
        Image picture({96, 64}, 3, SampleType::U8), label({96, 64}, 1, SampleType::U8);
        for (int64_t y = 0; y < 64; ++y)
            for (int64_t x = 0; x < 96; ++x) {
                const bool bright = x >= 24 + 5 * index;
                std::fill_n(picture.row<uint8_t>(y) + 3 * x, 3,
                            uint8_t(bright ? 210 + (x * y) % 30 : 30 + (x + y) % 30));
                label.row<uint8_t>(y)[x] = y < 4 ? 255 : bright ? 1 : 0;
            }
        ASSERT_TRUE(writeImage(pictures / fmt::format("{}.png", index), picture));
        ASSERT_TRUE(writeImage(labels / fmt::format("{}.png", index), label));
    }
}

}  // namespace

TEST_F(CommandLine, EvaluatesClassesOfPictures) {
    VITRINE_SHARED_DATA(cifar, "data/images/cifar10");
    VITRINE_SHARED_DATA(resnet, "data/encoders/resnet_cifar10/resnet20.safetensors");
    const Outcome outcome = call(fmt::format("--json --quiet evaluate '{}' --classification '{}' --batch 50",
                                             resnet.string(), (cifar / "test_1000.bin").string()));
    ASSERT_EQ(outcome.exitCode, 0) << outcome.errors;
    const Json result = json(outcome);
    const Json* knn = scoreOf(result, "kNN");
    ASSERT_TRUE(knn);
    // Its own classifier has 80.4 % on these pictures; frozen features must come near, and none of this is
    // chance.
    EXPECT_GT((*knn)["score"].get<double>(), 0.7);
    EXPECT_GT((*scoreOf(result, "linear probe"))["score"].get<double>(), 0.7);
    EXPECT_DOUBLE_EQ((*knn)["detail"]["chance"].get<double>(), 0.1);
    EXPECT_EQ((*knn)["detail"]["training"], 800);
    EXPECT_EQ((*knn)["detail"]["test"], 200);
}

TEST_F(CommandLine, EvaluatesCorrespondence) {
    VITRINE_SHARED_DATA(photos, "data/images/photos");
    VITRINE_SHARED_DATA(resnet, "data/encoders/resnet_cifar10/resnet20.safetensors");
    const Outcome outcome =
        call(fmt::format("--json --quiet evaluate '{}' --correspondence '{}' --resolutions 128",
                         resnet.string(), photos.string()));
    ASSERT_EQ(outcome.exitCode, 0) << outcome.errors;
    const Json result = json(outcome);
    const Json* row = scoreOf(result, "correspondence");
    ASSERT_TRUE(row);
    EXPECT_EQ((*row)["detail"]["warps"].size(), 3u);
    // Chance is five cells of a thousand.
    EXPECT_GT((*row)["score"].get<double>(), 0.05);
    EXPECT_LT((*row)["score"].get<double>(), 1);
}

TEST_F(CommandLine, EvaluatesClassesOfPixels) {
    VITRINE_SHARED_DATA(resnet, "data/encoders/resnet_cifar10/resnet20.safetensors");
    const fs::path set = folder_ / "set";
    writeHalves(set / "train", set / "train_labels");
    writeHalves(set / "test", set / "test_labels");
    ASSERT_TRUE(writeFileAtomically(set / "classes.csv", "id,name\n0,dark\n1,bright\n2,Unlabelled\n"));
    const std::string command =
        fmt::format("--json --quiet evaluate '{}' --segmentation '{}' --resolutions 64 --output '{}'",
                    resnet.string(), set.string(), (folder_ / "out").string());
    const Outcome outcome = call(command);
    ASSERT_EQ(outcome.exitCode, 0) << outcome.errors;
    const Json result = json(outcome);
    const Json* row = scoreOf(result, "segmentation");
    ASSERT_TRUE(row);
    EXPECT_GT((*row)["score"].get<double>(), 0.85);
    EXPECT_EQ((*row)["detail"]["intersectionOverUnion"].size(), 2u);
    EXPECT_TRUE(fs::exists(folder_ / "out" / "evaluation.csv"));
    // A label picture that is missing is named before anything is encoded.
    fs::remove(set / "test_labels" / "3.png");
    const Outcome missing = call(command);
    EXPECT_EQ(missing.exitCode, 3);
    EXPECT_NE(missing.errors.find("3.png"), std::string::npos) << missing.errors;
    EXPECT_EQ(call(fmt::format("evaluate '{}'", resnet.string())).exitCode, 2) << "nothing to evaluate on";
}

TEST_F(CommandLine, ReadsClassesByTexts) {
    VITRINE_SHARED_DATA(photos, "data/images/photos");
    VITRINE_SHARED_DATA(clip, "goldens/clip");
    VITRINE_SHARED_DATA(radio, "goldens/radio_g");
    const std::vector<std::pair<std::string, std::string>> labels{
        {"dog.jpg", "dog"}, {"outdoor.jpg", "dog"}, {"truck.jpg", "truck"}};
    const fs::path set = folder_ / "set", swapped = folder_ / "swapped";
    const auto other = [](const std::string& label) { return label == "dog" ? "truck" : "dog"; };
    for (const auto& [name, label] : labels)
        for (const auto& [root, folder] : {std::pair{set, label}, {swapped, std::string(other(label))}}) {
            fs::create_directories(root / folder);
            fs::copy(photos / name, root / folder / name);
        }
    // What another command says of each picture.
    int right = 0;
    for (const auto& [name, label] : labels) {
        const Json table = json(call(fmt::format("--json --quiet zeroshot '{}' '{}' --classes 'dog,truck'",
                                                 clip.string(), (photos / name).string())));
        const auto& both = table["pictures"][0]["probabilities"];
        right += (both[0] > both[1]) == (label == "dog");
    }
    const auto run = [&](const fs::path& model, const fs::path& folder, const std::string& more) {
        const Outcome outcome =
            call(fmt::format("--json --quiet evaluate '{}' --classification '{}' --zero-shot {}",
                             model.string(), folder.string(), more));
        EXPECT_EQ(outcome.exitCode, 0) << outcome.errors;
        const Json result = json(outcome);
        const Json* row = scoreOf(result, "zero-shot");
        EXPECT_TRUE(row);
        return row ? *row : Json();
    };
    const std::string output = fmt::format("--output '{}'", (folder_ / "out").string());
    const Json row = run(clip, set, output);
    EXPECT_DOUBLE_EQ(row["score"].get<double>(), right / 3.0);
    EXPECT_DOUBLE_EQ(run(clip, swapped, "")["score"].get<double>(), 1 - right / 3.0);
    EXPECT_EQ(row["detail"]["test"], 3);
    EXPECT_NEAR(row["detail"]["chance"].get<double>(), 2.0 / 3, 1e-9);
    EXPECT_EQ(row["detail"]["adaptor"], "");
    int confusions = 0;
    for (const auto& entry : fs::directory_iterator(folder_ / "out" / "zero-shot"))
        confusions += entry.path().extension() == ".png" || entry.path().extension() == ".csv";
    EXPECT_EQ(confusions, 2);
    // A student through its head in the space of this CLIP's texts.
    const std::string texts = fmt::format("--text-model '{}'", clip.string());
    const Json head = run(radio, set, texts);
    EXPECT_EQ(head["detail"]["adaptor"], "clip");
    EXPECT_NEAR(head["score"].get<double>() + run(radio, swapped, texts)["score"].get<double>(), 1, 1e-9);
    const auto refused = [&](const std::string& arguments, const std::vector<const char*>& expected) {
        const Outcome outcome = call("--quiet evaluate " + arguments);
        EXPECT_NE(outcome.exitCode, 0) << arguments;
        for (const char* part : expected)
            EXPECT_NE(outcome.errors.find(part), std::string::npos) << part << "\n" << outcome.errors;
        // What was typed is an option, not a recipe.
        EXPECT_EQ(outcome.errors.find("settings"), std::string::npos) << outcome.errors;
    };
    const std::string pictures = fmt::format(" --classification '{}'", set.string());
    refused(fmt::format("'{}'{} --zero-shot", radio.string(), pictures), {"--text-model"});
    refused(fmt::format("'{}'{} --zero-shot --text-adaptor no {}", radio.string(), pictures, texts),
            {"no adaptor \"no\"", "--text-adaptor"});
    refused(fmt::format("'{}'{} --zero-shot --templates 'a photo'", clip.string(), pictures),
            {"--templates", "no place for the class"});
    refused(fmt::format("'{}' --correspondence '{}' --zero-shot", clip.string(), photos.string()),
            {"--classification", "pictures with classes"});
    refused(fmt::format("'{}'{}", clip.string(), pictures), {"no class has 5 pictures", "--test"});
    refused(fmt::format("'{}'", clip.string()), {"--classification", "--segmentation", "--imitation"});
    refused(fmt::format("'{}' --imitation '{}'", clip.string(), photos.string()), {"--teachers"});
}

// The project's own encoder against the very networks that it learned from.
TEST_F(CommandLine, ComparesAdaptorHeadsWithTheirTeachers) {
    VITRINE_SHARED_DATA(photos, "data/images/photos");
    VITRINE_SHARED_DATA(efficientnet, "data/encoders/efficientnet_lite0");
    VITRINE_SHARED_DATA(vit, "data/encoders/vit_cifar10");
    const fs::path student = testing::sourceFolder() / "resources" / "models" / "vitrine_s";
    fs::create_directories(folder_ / "photos");
    for (const char* name : {"dog.jpg", "truck.jpg", "indoor.jpg", "groceries.jpg"})
        fs::copy(photos / name, folder_ / "photos" / name);
    const std::string command = fmt::format("--json --quiet evaluate '{}' --imitation '{}' ",
                                            student.string(), (folder_ / "photos").string());
    const Outcome outcome =
        call(command + fmt::format("--teachers 'efficientnet={0}' --teachers 'efficientnet_mid:11={0}' "
                                   "--resolutions 64 --resolutions 224 --output '{1}'",
                                   efficientnet.string(), (folder_ / "out").string()));
    ASSERT_EQ(outcome.exitCode, 0) << outcome.errors;
    const Json result = json(outcome);
    std::map<std::pair<std::string, int64_t>, Json> rows;
    for (const Json& row : result["scores"])
        rows[{row["task"], row["resolution"]}] = row;
    ASSERT_EQ(rows.size(), 4u);
    // Better than the mean vector where it was taught, worse where it hardly was. The sparse last map of
    // 1,280 channels is harder to tell than the one in the middle.
    const std::map<std::string, std::pair<double, double>> least{{"imitates efficientnet", {0.03, 0.3}},
                                                                 {"imitates efficientnet_mid", {0.6, 0.8}}};
    for (const auto& [task, bounds] : least) {
        const Json &small = rows[{task, 64}], &home = rows[{task, 224}];
        EXPECT_EQ(home["detail"]["teacherResolution"], 224);
        EXPECT_EQ(home["detail"]["pictures"], 4);
        EXPECT_GT(home["score"].get<double>(), bounds.first) << task;
        EXPECT_GT(home["detail"]["cosine"].get<double>(), bounds.second) << task;
        EXPECT_GT(small["detail"]["error"].get<double>(), 1.2 * home["detail"]["error"].get<double>())
            << task;
        EXPECT_NEAR(home["score"].get<double>() + home["detail"]["error"].get<double>(), 1, 1e-9);
    }
    EXPECT_GT((rows[{"imitates efficientnet", 224}]["detail"]["summaryCosine"].get<double>()), 0.5);
    EXPECT_TRUE((rows[{"imitates efficientnet_mid", 224}]["detail"]["summaryCosine"].is_null()));
    const auto curve = readFile(folder_ / "out" / "mode-switch.csv");
    ASSERT_TRUE(curve);
    EXPECT_EQ(std::count(curve->begin(), curve->end(), '\n'), 5);
    EXPECT_FALSE(fs::is_empty(folder_ / "out" / "mode-switch"));
    EXPECT_FALSE(fs::is_empty(folder_ / "out" / "imitation"));
    // What the student sees, as in a distillation: another teacher's view, and told apart from the first.
    const std::string two =
        fmt::format("--teachers 'efficientnet={}' --resolutions 64 ", efficientnet.string());
    for (const auto& [asked, side, view, task] :
         {std::tuple("student", 64, "student", "imitates efficientnet at the student's resolution"),
          std::tuple("96", 96, "own", "imitates efficientnet")}) {
        const Outcome other = call(command + two + "--teacher-resolution " + asked);
        ASSERT_EQ(other.exitCode, 0) << other.errors;
        const Json row = json(other)["scores"][0];
        EXPECT_EQ(row["task"], task);
        EXPECT_EQ(row["detail"]["teacherView"], view);
        EXPECT_EQ(row["detail"]["teacherResolution"], side);
        EXPECT_NE(row["detail"]["error"], (rows[{"imitates efficientnet", 64}]["detail"]["error"]));
    }
    // At 64 pixels the last map is told worse than by its mean vector: the table says what to try.
    const Outcome table = call(fmt::format("--quiet evaluate '{}' --imitation '{}' {}", student.string(),
                                           (folder_ / "photos").string(), two));
    EXPECT_NE(table.output.find("imitates efficientnet (teacher at 224)"), std::string::npos) << table.output;
    EXPECT_NE(table.output.find("--teacher-resolution student"), std::string::npos) << table.output;
    const auto refused = [&](const std::string& arguments, const char* expected) {
        const Outcome wrong = call(command + arguments);
        EXPECT_NE(wrong.exitCode, 0) << arguments;
        EXPECT_NE(wrong.errors.find(expected), std::string::npos) << wrong.errors;
    };
    refused("", "teachers");
    refused(fmt::format("--teachers '{}'", efficientnet.string()), "ADAPTOR=MODEL");
    refused(fmt::format("--teachers 'clip={}'", efficientnet.string()), "no adaptor \"clip\"");
    refused(fmt::format("--teachers 'aliked={}' --resolutions 64", vit.string()), "Is this the teacher");
    refused(two + "--teacher-resolution big", "Write own, student, or 1 to 8192 pixels");
}

}  // namespace vitrine
