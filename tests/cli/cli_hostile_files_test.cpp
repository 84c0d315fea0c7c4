// Damaged, lying and hostile model folders, tokenizers and pickles, as a user meets them on the command line.
#include "tests/cli/command_line.h"
#include "tests/core/io/zip_builder.h"

#include <cstring>
#include <functional>

namespace vitrine {
namespace fs = std::filesystem;

class HostileFiles : public CommandLine {
  protected:
    // A copy of a good model folder for the test to damage.
    fs::path copyOf(const fs::path& golden, const std::string& name) {
        const fs::path copy = folder_ / name;
        fs::copy(golden, copy);
        return copy;
    }
    // Rewrites the header of a safetensors file; the data behind it stay.
    static void changeHeader(const fs::path& file, const std::function<void(Json&)>& change) {
        const std::string content = *readFile(file);
        uint64_t length = 0;
        std::memcpy(&length, content.data(), sizeof length);
        Json header = Json::parse(content.substr(8, length));
        change(header);
        const std::string text = header.dump();
        const uint64_t newLength = text.size();
        const std::string start(reinterpret_cast<const char*>(&newLength), sizeof newLength);
        ASSERT_TRUE(writeFileAtomically(file, start + text + content.substr(8 + length)));
    }
    static void changeConfig(const fs::path& folder, const std::function<void(Json&)>& change) {
        auto config = readJsonFile(folder / "config.json");
        ASSERT_TRUE(config);
        change(*config);
        ASSERT_TRUE(writeFileAtomically(folder / "config.json", config->dump()));
    }
    // The command says all of `parts` on one of its streams and ends with `exitCode`.
    void refused(const std::string& arguments, int exitCode, const std::vector<std::string>& parts) {
        const Outcome outcome = call("--quiet " + arguments);
        EXPECT_EQ(outcome.exitCode, exitCode) << arguments << "\n" << outcome.output << outcome.errors;
        for (const std::string& part : parts)
            EXPECT_NE((outcome.errors + outcome.output).find(part), std::string::npos)
                << arguments << " does not say \"" << part << "\":\n"
                << outcome.errors << outcome.output;
    }
};

TEST_F(HostileFiles, SafetensorsThatLieAreRefusedByEveryCommand) {
    VITRINE_SHARED_DATA(golden, "goldens/dinov2");
    struct Damage {
        const char* name;
        std::function<void(const fs::path&)> apply;
        const char* said;
    };
    const auto setShape = [](Json& header, int64_t side) {
        header["dinov2.layernorm.bias"]["shape"] = {side, side};
    };
    const std::vector<Damage> damages = {
        {"truncated", [](const fs::path& file) { fs::resize_file(file, fs::file_size(file) / 2); },
         "truncated"},
        {"oversized", [](const fs::path& file) { fs::resize_file(file, fs::file_size(file) + 100); },
         "100 bytes after the last tensor"},
        {"empty", [](const fs::path& file) { fs::resize_file(file, 0); }, "too few"},
        {"overlapping",
         [](const fs::path& file) {
             changeHeader(file, [](Json& header) {
                 header["dinov2.layernorm.bias"]["data_offsets"] =
                     header["dinov2.layernorm.weight"]["data_offsets"];
             });
         },
         "dinov2.layernorm."},
        {"impossible",
         [&](const fs::path& file) {
             changeHeader(file, [&](Json& header) { setShape(header, int64_t(1) << 40); });
         },
         "impossible size"},
        {"lying",
         [&](const fs::path& file) { changeHeader(file, [&](Json& header) { setShape(header, 7); }); },
         "dinov2.layernorm.bias"},
        {"boastful",
         [](const fs::path& file) {
             std::string content = *readFile(file);
             const uint64_t length = uint64_t(1) << 60;
             std::memcpy(content.data(), &length, sizeof length);
             ASSERT_TRUE(writeFileAtomically(file, content));
         },
         "the header claims 1152921504606846976 bytes"},
    };
    VITRINE_SHARED_DATA(photo, "data/images/photos/dog.jpg");
    for (const Damage& damage : damages) {
        const fs::path folder = copyOf(golden, damage.name);
        damage.apply(folder / "model.safetensors");
        for (const char* command : {"model show", "model info"})
            refused(fmt::format("{} '{}'", command, folder.string()), 3, {"model.safetensors", damage.said});
        refused(fmt::format("verify '{}'", folder.string()), 1, {"model.safetensors", damage.said});
        refused(fmt::format("inspect '{}' '{}'", folder.string(), photo.string()), 3,
                {"model.safetensors", damage.said});
    }
}

TEST_F(HostileFiles, ConfigurationsThatDoNotFitNameKeyOrTensor) {
    VITRINE_SHARED_DATA(golden, "goldens/dinov2");
    struct Change {
        const char* name;
        std::function<void(Json&)> apply;
        int exitCode;
        std::vector<std::string> said;
    };
    const std::vector<Change> changes = {
        {"family",
         [](Json& config) {
             config["model_type"] = "dinov9";
             config.erase("architectures");
         },
         2,
         {"\"dinov9\"", "Known families: "}},
        {"missing",
         [](Json& config) { config.erase("hidden_size"); },
         3,
         {"does not state hidden_size", "[1, 1, 768]", "[1, 1, 64]"}},
        {"wider",
         [](Json& config) { config["hidden_size"] = 128; },
         3,
         {"embeddings.cls_token", "[1, 1, 128]", "[1, 1, 64]"}},
        {"deeper",
         [](Json& config) { config["num_hidden_layers"] = 7; },
         3,
         {"not in the checkpoint", "layer."}},
        {"headless",
         [](Json& config) { config["num_attention_heads"] = 0; },
         3,
         {"\"num_attention_heads\" must lie between", "found 0"}},
        {"huge", [](Json& config) { config["hidden_size"] = int64_t(1) << 40; }, 3, {"1099511627776"}},
        {"text",
         [](Json& config) { config["hidden_size"] = "wide"; },
         3,
         {"\"hidden_size\" must be a whole number", "\"wide\""}},
    };
    for (const Change& change : changes) {
        const fs::path folder = copyOf(golden, change.name);
        changeConfig(folder, change.apply);
        refused(fmt::format("model info '{}'", folder.string()), change.exitCode, change.said);
    }
    const fs::path broken = copyOf(golden, "broken");
    ASSERT_TRUE(writeFileAtomically(broken / "config.json", "{\"a\": 1,\n \"b\" 2}"));
    for (const char* command : {"model show", "model info"})
        refused(fmt::format("{} '{}'", command, broken.string()), 3, {"config.json", "line 2"});
}

TEST_F(HostileFiles, TokenizersOfUnknownKindNameTheKind) {
    VITRINE_SHARED_DATA(golden, "goldens/tokenizer_gpt2");
    const auto changed = [&](const char* name, const std::function<void(Json&)>& change) {
        const fs::path folder = copyOf(golden, name);
        auto json = readJsonFile(folder / "tokenizer.json");
        change(*json);
        EXPECT_TRUE(writeFileAtomically(folder / "tokenizer.json", json->dump()));
        return folder.string();
    };
    refused(
        fmt::format("verify '{}'", changed("model", [](Json& json) { json["model"]["type"] = "Quantum"; })),
        2, {"tokenizer.json", "unknown model \"Quantum\"", "known: BPE, Unigram, WordPiece"});
    refused(fmt::format("verify '{}'", changed("pre",
                                               [](Json& json) {
                                                   json["pre_tokenizer"] = {{"type", "Magic"}};
                                               })),
            2, {"unknown pre_tokenizer \"Magic\"", "ByteLevel"});
    refused(fmt::format("verify '{}'", changed("model-less", [](Json& json) { json.erase("model"); })), 1,
            {"tokenizer.json", "model"});
    const fs::path cut = copyOf(golden, "cut");
    ASSERT_TRUE(writeFileAtomically(cut / "tokenizer.json", "{"));
    refused(fmt::format("verify '{}'", cut.string()), 1, {"tokenizer.json", "no valid JSON"});
}

// GLOBAL posix.system, its argument, REDUCE: what pickle.load would execute.
TEST_F(HostileFiles, PicklesAreNeverExecuted) {
    const fs::path witness = folder_ / "executed";
    const std::string command = "touch '" + witness.string() + "'";
    std::string pickle =
        "\x80\x02"
        "cposix\nsystem\n";
    pickle += "X";
    const auto length = uint32_t(command.size());
    pickle.append(reinterpret_cast<const char*>(&length), sizeof length);
    pickle += command + "\x85R.";
    const fs::path plain = folder_ / "plain.pt";
    ASSERT_TRUE(writeFileAtomically(plain, pickle));
    const fs::path archive = folder_ / "archive.pth";
    ASSERT_TRUE(writeFileAtomically(
        archive, testing::torchZip({{"archive/data.pkl", pickle}, {"archive/version", "3\n"}})));
    for (const fs::path& file : {plain, archive})
        for (const char* verb : {"model show", "model info"})
            refused(fmt::format("{} '{}'", verb, file.string()), 3, {file.filename().string()});
    refused(fmt::format("model show '{}'", archive.string()), 3, {"posix.system", "Nothing was executed"});
    EXPECT_FALSE(fs::exists(witness));
}

}  // namespace vitrine
