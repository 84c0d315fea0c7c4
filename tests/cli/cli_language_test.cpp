// `vitrine perplexity`, `choices`, `generate` and the training of a language model as a user calls them.
#include "tests/cli/command_line.h"

namespace vitrine {
namespace fs = std::filesystem;

TEST_F(CommandLine, TellsAndMeasuresStories) {
    VITRINE_SHARED_DATA(model, "data/language_models/stories260K/stories260K.bin");
    VITRINE_SHARED_DATA(stories, "data/text/tinystories/tinystories_sample.txt");
    const Outcome told = call(fmt::format(
        "--json --quiet generate '{}' --prompt 'Once upon a time' --greedy --tokens 40", model.string()));
    ASSERT_EQ(told.exitCode, 0) << told.errors;
    EXPECT_EQ(
        json(told)["text"].get<std::string>().find("Once upon a time, there was a little girl named Lily."),
        0u)
        << told.output;
    EXPECT_EQ(json(told)["tokens"].size(), 40u);
    const auto drawn = [&](int seed) {
        return json(call(
            fmt::format("--json --quiet generate '{}' --seed {} --tokens 30", model.string(), seed)))["text"]
            .get<std::string>();
    };
    EXPECT_EQ(drawn(1), drawn(1));
    EXPECT_NE(drawn(1), drawn(2));

    const std::string measure = fmt::format("--json --quiet perplexity '{}' '{}' --documents --length 512",
                                            model.string(), stories.string());
    const Outcome measured = call(measure);
    ASSERT_EQ(measured.exitCode, 0) << measured.errors;
    const Json score = json(measured)["scores"][0];
    EXPECT_NEAR(score["natsPerToken"].get<double>(), 1.2664, 1e-4);
    const Json again = json(call(measure));
    EXPECT_EQ(again["scores"], json(measured)["scores"]);
    EXPECT_NE(again["run"], json(measured)["run"]);

    const Outcome info = call(fmt::format("--json model info '{}'", model.string()));
    ASSERT_EQ(info.exitCode, 0) << info.errors;
    EXPECT_EQ(json(info)["layers"], 5);
    EXPECT_EQ(json(info)["kind"], "language model");
    EXPECT_TRUE(json(info)["storedAs"].get<std::string>().ends_with(" × F32")) << info.output;
    EXPECT_EQ(json(info)["bytesAsFloat32"], 4 * json(info)["parameters"].get<int64_t>());
    EXPECT_GE(json(info)["storedBytes"], json(info)["bytesAsFloat32"]);
}

TEST_F(CommandLine, AsksQuestions) {
    VITRINE_SHARED_DATA(model, "data/language_models/stories260K/stories260K.bin");
    ASSERT_TRUE(writeFileAtomically(
        folder_ / "q.jsonl",
        "{\"context\": \"Once upon a\", \"choices\": [\" time\", \" zebra\"], \"answer\": 0}\n"
        "{\"context\": \"She was very\", \"choices\": [\" Friday\", \" happy\"], \"answer\": \"B\"}\n"
        "{\"context\": \"Once upon a time, there\", \"target\": \" was\"}\n"));
    const Outcome outcome =
        call(fmt::format("--json --quiet choices '{}' '{}'", model.string(), (folder_ / "q.jsonl").string()));
    ASSERT_EQ(outcome.exitCode, 0) << outcome.errors;
    const Json score = json(outcome)["scores"][0];
    EXPECT_EQ(score["accuracy"], 1.0) << outcome.output;
    EXPECT_EQ(score["clozeAccuracy"], 1.0) << outcome.output;
    EXPECT_EQ(score["chance"], 0.5);
}

TEST_F(CommandLine, TrainsALanguageModelOnTwoProcessesAsOnOne) {
    std::string text;
    for (int i = 0; i < 300; ++i)
        text += fmt::format("{} and {} make {}. ", i % 10, (i * 3) % 10, i % 10 + (i * 3) % 10);
    ASSERT_TRUE(writeFileAtomically(folder_ / "sums.txt", text));
    const auto recipe = [&](const char* name) {
        const fs::path file = folder_ / fmt::format("{}.json", name);
        const Json content = {{"kind", "train-language-model"},
                              {"name", name},
                              {"settings",
                               {{"texts", {{{"name", "sums"}, {"paths", {(folder_ / "sums.txt").string()}}}}},
                                {"held_out", 0.1},
                                {"vocabulary", 257},
                                {"width", 32},
                                {"depth", 2},
                                {"heads", 4},
                                {"key_value_heads", 2},
                                {"head_width", 8},
                                {"intermediate", 64},
                                {"context", 48},
                                {"length", 32},
                                {"batch", 4},
                                {"steps", 12},
                                {"warmup_steps", 2},
                                {"sample_tokens", 0},
                                {"output", (folder_ / name).string()},
                                {"output_dtype", "float32"}}}};
        EXPECT_TRUE(writeFileAtomically(file, content.dump()));
        return file.string();
    };
    const Outcome one = call(fmt::format("--quiet run '{}'", recipe("one")));
    ASSERT_EQ(one.exitCode, 0) << one.errors;
    const Outcome two = call(fmt::format("--quiet run --processes 2 '{}'", recipe("two")));
    ASSERT_EQ(two.exitCode, 0) << two.errors;
    const auto perplexity = [&](const char* name) {
        const Outcome outcome = call(fmt::format("--json --quiet perplexity '{}' '{}' --length 32",
                                                 (folder_ / name).string(), (folder_ / "sums.txt").string()));
        EXPECT_EQ(outcome.exitCode, 0) << outcome.errors;
        return json(outcome)["scores"][0]["natsPerToken"].get<double>();
    };
    const double alone = perplexity("one");
    EXPECT_LT(alone, 5.2);  // a blind guess: 5.55
    EXPECT_NEAR(perplexity("two"), alone, 1e-3);
}

TEST_F(CommandLine, SaysWhatLanguageModelsLack) {
    VITRINE_SHARED_DATA(model, "data/language_models/stories260K/stories260K.bin");
    VITRINE_SHARED_DATA(clip, "goldens/clip");
    const auto wrong = [&](const std::string& arguments, int exitCode, const char* expected) {
        const Outcome outcome = call("--quiet " + arguments);
        EXPECT_EQ(outcome.exitCode, exitCode) << arguments << outcome.errors;
        EXPECT_NE(outcome.errors.find(expected), std::string::npos) << outcome.errors;
    };
    wrong(fmt::format("generate '{}' --prompt a", clip.string()), 2, "no language model");
    wrong(fmt::format("generate '{}' --prompt a --temperature 0", model.string()), 2, "temperature");
    wrong(fmt::format("perplexity '{}' /no/such/text", model.string()), 3, "/no/such/text");
    ASSERT_TRUE(writeFileAtomically(folder_ / "empty.txt", " "));
    wrong(fmt::format("perplexity '{}' '{}'", model.string(), (folder_ / "empty.txt").string()), 2,
          "no text");
    std::string text;
    for (int i = 0; i < 600; ++i)
        text += "word ";
    wrong(fmt::format("generate '{}' --prompt '{}'", model.string(), text), 2, "the context holds 512");
}

}  // namespace vitrine
