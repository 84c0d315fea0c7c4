// The jobs "prune-structures" and "puzzle" as a user meets them.
#include "core/puzzle/block_library.h"
#include "tests/core/engine/structure_kinds_data.h"

#include <cmath>
#include <stop_token>

namespace vitrine {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;

using StructureKindsTest = testing::StructureKinds;

TEST_F(StructureKindsTest, StudentsStandBesideDenseAndRandom) {
    auto project = Project::openOrCreate(folder / "project");
    ASSERT_TRUE(project);
    Json wanted = pruning();
    wanted["output"] = (folder / "students").string();
    const RunOutcome outcome = run(*project, "prune-structures", wanted);
    ASSERT_FALSE(outcome.error) << outcome.error->text();
    const Json report = *readJsonFile(fileOf(*project, outcome.run, "structures.json"));
    const Json& rows = report["students"];
    EXPECT_EQ(rows.size(),
              1u + 4 + 2 + 1);  // dense; two plans with controls; candidates; the best
    const Json& narrow = rowOf(rows, "student", "neurons 12");
    EXPECT_LT(narrow["nats_as_cut"], rowOf(rows, "student", "random control: neurons 12")["nats_as_cut"]);
    EXPECT_LT(narrow["nats_per_token"], narrow["nats_as_cut"]);
    const Json& shallow = rowOf(rows, "student", "depth 3, stand-in of rank 4");
    EXPECT_EQ(shallow["stand_ins"].size(), 1u);
    EXPECT_EQ(shallow["stand_in"], "low_rank");
    EXPECT_EQ(shallow["rank"], 4);
    EXPECT_LT(shallow["stand_ins"][0]["left_by_map"], shallow["stand_ins"][0]["left_by_mean"]);
    EXPECT_TRUE(report["search"].contains("flipped_by_distillation"));
    EXPECT_LE(rowOf(rows, "student", "best of the search")["parameters"], 20000);
    // The folder is what the best row says.
    const auto student = loadLanguageModel(folder / "students" / "best", {});
    ASSERT_TRUE(student) << student.error().text();
    EXPECT_EQ((*student)->config().parameterCount(),
              rowOf(rows, "student", report["best"]["student"])["parameters"].get<int64_t>());
    const Json config = *readJsonFile(folder / "students" / "best" / "config.json");
    EXPECT_EQ(config["vitrine"]["student"], report["best"]["student"]);
    // The ranking cuts again without a pass: the corrected teacher is another model, the first one's is
    // refused.
    const auto ranking = StructureRanking::load(fileOf(*project, outcome.run, "ranking.safetensors"));
    ASSERT_TRUE(ranking) << ranking.error().text();
    EXPECT_TRUE(ranking->checkModel(trained()));
    // It cuts again without a pass; a corrected teacher is another model, for which it is refused.
    wanted.erase("search_parameters");
    wanted["ranking"] = fileOf(*project, outcome.run, "ranking.safetensors").string();
    wanted["plans"] = {{{"width", 24}, {"heads", 2}}};
    wanted["block_metric"] = "shapley_loss";
    const RunOutcome again = run(*project, "prune-structures", wanted);
    ASSERT_FALSE(again.error) << again.error->text();
    wanted["teacher_steps"] = 3;
    const RunOutcome corrected = run(*project, "prune-structures", wanted);
    ASSERT_TRUE(corrected.error);
    EXPECT_THAT(corrected.error->text(), HasSubstr("made of another model"));
    wanted.erase("ranking");
    const RunOutcome anew = run(*project, "prune-structures", wanted);
    ASSERT_FALSE(anew.error) << anew.error->text();
    const Json second = *readJsonFile(fileOf(*project, anew.run, "structures.json"));
    EXPECT_TRUE(rowOf(second["students"], "student", "corrected teacher").contains("nats_per_token"));
}

TEST_F(StructureKindsTest, HeadsThatGoAreMerged) {
    auto project = Project::openOrCreate(folder / "project");
    ASSERT_TRUE(project);
    Json wanted = settings();
    wanted["steps"] = 0;
    wanted["controls"] = false;
    for (const char* how : {"none", "residual", "outputs"})
        wanted["plans"].push_back({{"heads", 2}, {"merge_heads", how}});
    const RunOutcome outcome = run(*project, "prune-structures", wanted);
    ASSERT_FALSE(outcome.error) << outcome.error->text();
    const Json rows = (*readJsonFile(fileOf(*project, outcome.run, "structures.json")))["students"];
    const double plain = rowOf(rows, "student", "heads 2")["nats_as_cut"];
    EXPECT_NE(plain, rowOf(rows, "student", "heads 2, merged by residual")["nats_as_cut"]);
    EXPECT_NE(plain, rowOf(rows, "student", "heads 2, merged by outputs")["nats_as_cut"]);
    EXPECT_EQ(rowOf(rows, "student", "heads 2, merged by outputs")["merge_heads"], "outputs");
    wanted["plans"] = {{{"intermediate", 12}, {"merge_heads", "residual"}}};
    const RunOutcome refused = run(*project, "prune-structures", wanted);
    ASSERT_TRUE(refused.error);
    EXPECT_THAT(refused.error->text(), HasSubstr("settings/plans/0/merge_heads"));
}

TEST_F(StructureKindsTest, AStoppedRunGoesOnToTheSameTable) {
    for (const auto& [kind, wanted, table] : {std::tuple{"prune-structures", pruning(), "structures.json"},
                                              std::tuple{"puzzle", puzzle(), "library.safetensors"}}) {
        auto whole = Project::openOrCreate(folder / (std::string(kind) + "-whole"));
        auto parts = Project::openOrCreate(folder / (std::string(kind) + "-parts"));
        ASSERT_TRUE(whole && parts);
        const RunOutcome uncut = run(*whole, kind, wanted);
        ASSERT_FALSE(uncut.error) << uncut.error->text();
        std::stop_source stop;
        RunnerOptions options;
        int calls = 0;
        options.stop = stop.get_token();
        options.onProgress = [&](const Progress& progress) {
            if ((progress.stage.starts_with("distilling") || progress.stage.starts_with("teaching")) &&
                ++calls == 3)
                stop.request_stop();
        };
        const RunOutcome cut = run(*parts, kind, wanted, options);
        ASSERT_TRUE(cut.error);
        RunnerOptions resume;
        resume.handleSignals = resume.controlSocket = false;
        const auto resumed = resumeRun(*parts, cut.run.id, kinds, resume);
        ASSERT_TRUE(resumed) << resumed.error().text();
        ASSERT_FALSE(resumed->error) << resumed->error->text();
        EXPECT_EQ(*readFile(fileOf(*whole, uncut.run, table)),
                  *readFile(fileOf(*parts, resumed->run, table)));
    }
}

TEST_F(StructureKindsTest, PuzzleSearchesItsLibrary) {
    auto project = Project::openOrCreate(folder / "project");
    ASSERT_TRUE(project);
    Json wanted = puzzle();
    wanted["output"] = (folder / "children").string();
    wanted["state_blocks"] = 4;
    const RunOutcome outcome = run(*project, "puzzle", wanted);
    ASSERT_FALSE(outcome.error) << outcome.error->text();
    const Json report = *readJsonFile(fileOf(*project, outcome.run, "puzzle.json"));
    const Json& rows = report["architectures"];
    const Json& parent = rowOf(rows, "name", "parent");
    const Json& found = rowOf(rows, "name", "puzzle: bytes 0.7");
    EXPECT_LE(found["bytes"], 0.7 * parent["bytes"].get<double>());
    EXPECT_LE(found["score"], rowOf(rows, "name", "greedy: bytes 0.7")["score"]);
    EXPECT_LE(found["score"], rowOf(rows, "name", "random: bytes 0.7")["score"]);
    EXPECT_LE(found["score"], rowOf(rows, "name", "puzzle: bytes 0.7, alternative 1")["score"]);
    const Json& refined = rowOf(rows, "name", "refined: bytes 0.7");
    EXPECT_LE(refined["whole_score"], refined["whole_score_before"]);
    EXPECT_LE(refined["bytes"], 0.7 * parent["bytes"].get<double>());
    // Only pairs that a search chose are taught together, and the second search takes none but them.
    const Json& coupled = rowOf(rows, "name", "coupled: bytes 0.7");
    EXPECT_LE(coupled["bytes"], 0.7 * parent["bytes"].get<double>());
    for (size_t layer = 0; layer < 4; ++layer) {
        const Json pairs = report["library"][layer].value("pairs", Json::array());
        const Json own = Json::array({0, 0}), &chosen = coupled["choice"][layer];
        bool known = chosen == own;
        for (const Json& pair : pairs) {
            const Json choice = Json::array({pair["attention"], pair["feed_forward"]});
            bool searched = false;
            for (const Json& row : rows)
                searched = searched || ((row["how"] == "puzzle" || row["how"] == "refined") &&
                                        row["choice"][layer] == choice);
            EXPECT_TRUE(searched) << layer << " " << choice.dump();
            EXPECT_TRUE(pair["score"].is_number());
            known = known || chosen == choice;
        }
        EXPECT_TRUE(known) << layer << " " << chosen.dump();
    }
    EXPECT_LE(rowOf(rows, "name", "uniform: bytes 0.7")["bytes"], 0.7 * parent["bytes"].get<double>());
    EXPECT_EQ(report["library"].size(), 4u);
    EXPECT_EQ(report["library"][0]["scores"].size(), report["library"][0]["attention"].size());
    EXPECT_GT(report["costs"]["layers"][0]["attention"][0]["prompt_seconds"], 0);
    EXPECT_TRUE(report["additivity"]["spearman"].is_number());
    const auto child = loadLanguageModel(folder / "children" / "best", {});
    ASSERT_TRUE(child) << child.error().text();
    // Another search in the same library: nothing is taught again.
    wanted["library"] = fileOf(*project, outcome.run, "library.safetensors").string();
    wanted["budgets"] = {{{"parameters", 0.8}}};
    wanted["steps"] = 0;
    const RunOutcome again = run(*project, "puzzle", wanted);
    ASSERT_FALSE(again.error) << again.error->text();
    // Scored in another way, not taught again.
    wanted["score"] = "loss";
    const RunOutcome byLoss = run(*project, "puzzle", wanted);
    ASSERT_FALSE(byLoss.error) << byLoss.error->text();
    const Json second = *readJsonFile(fileOf(*project, byLoss.run, "puzzle.json"));
    for (const char* key : {"error_before", "error_after", "steps"})
        EXPECT_EQ(second["library"][1]["attention"][1][key], report["library"][1]["attention"][1][key]);
    EXPECT_NE(second["library"][1]["scores"], report["library"][1]["scores"]);
    wanted["score"] = "task";
    const RunOutcome noQuestions = run(*project, "puzzle", wanted);
    ASSERT_TRUE(noQuestions.error);
    EXPECT_THAT(noQuestions.error->text(), HasSubstr("settings/questions"));
    ASSERT_TRUE(writeFileAtomically(folder / "questions.jsonl",
                                    "{\"context\": \"1+1=\", \"choices\": [\"2\", \"3\"], \"answer\": 0}\n"
                                    "{\"context\": \"2+2=\", \"target\": \"4\"}\n"));
    wanted["questions"] = Json::array({(folder / "questions.jsonl").string()});
    const RunOutcome byTask = run(*project, "puzzle", wanted);
    ASSERT_FALSE(byTask.error) << byTask.error->text();
    const Json third = *readJsonFile(fileOf(*project, byTask.run, "puzzle.json"));
    for (const Json& row : third["library"][1]["scores"])
        for (const Json& score : row)
            EXPECT_EQ(std::fmod(2 * score.get<double>(), 1), 0);  // of two questions
    wanted["score"] = "divergence";
    wanted["budgets"] = {{{"bytes", 0.01}}};
    const RunOutcome none = run(*project, "puzzle", wanted);
    ASSERT_TRUE(none.error);
    EXPECT_THAT(none.error->text(), HasSubstr("the smallest architecture takes"));
    EXPECT_THAT(none.error->text(), HasSubstr("bytes 0.01"));
}

TEST_F(StructureKindsTest, PuzzleKeepsTheBestOfSeveralBatches) {
    auto project = Project::openOrCreate(folder / "project");
    ASSERT_TRUE(project);
    Json wanted = puzzle();
    for (const char* key : {"alternatives", "refinements", "coupled_steps", "assemblies", "steps"})
        wanted[key] = 0;
    wanted["baselines"] = false;
    wanted["keep"] = "none";
    // As much memory as the parent takes with two sequences: more of them must lose something. Times depend
    // on the machine, so that no throughput is asked for here.
    wanted["budgets"] = {{{"bytes", 1}, {"batches", {2, 4}}, {"prompt", 8}, {"generated", 16}},
                         {{"bytes", 0.95}, {"batches", {8}}}};
    const RunOutcome outcome = run(*project, "puzzle", wanted);
    ASSERT_FALSE(outcome.error) << outcome.error->text();
    const Json report = *readJsonFile(fileOf(*project, outcome.run, "puzzle.json"));
    const Json& first = report["batches"]["bytes 1, prompt 8, generated 16, batches 2 4"];
    ASSERT_EQ(first.size(), 2u);
    EXPECT_EQ(first[0]["score"], 0);  // 8 + 16 tokens are those of the profile, 16 + 8
    EXPECT_TRUE(first[0]["kept"]);
    EXPECT_GT(first[1]["score"], 0);
    EXPECT_GT(first[0]["tokens_per_second"], 0);
    const Json& parent = rowOf(report["architectures"], "name", "parent");
    const Json& kept =
        rowOf(report["architectures"], "name", "puzzle: bytes 1, prompt 8, generated 16, batches 2 4");
    EXPECT_EQ(kept["batch"], 2);
    EXPECT_EQ(kept["bytes"], parent["bytes"]);
    const Json& many = rowOf(report["architectures"], "name", "puzzle: bytes 0.95, batches 8");
    EXPECT_EQ(many["batch"], 8);
    EXPECT_LE(many["bytes"], 0.95 * parent["bytes"].get<double>());
    EXPECT_EQ(report["other_costs"].size(), 3u);
    for (const Json& costs : report["other_costs"])
        EXPECT_GT(costs["layers"][0]["attention"][0]["token_seconds"], 0);
    // Eight sequences have four times the cache of two.
    const auto cacheOf = [](const Json& costs) {
        return costs["layers"][0]["attention"][0]["cache_bytes"].get<double>();
    };
    EXPECT_GT(cacheOf(report["costs"]), 0);
    EXPECT_EQ(cacheOf(report["other_costs"][2]), 4 * cacheOf(report["costs"]));
    // Tokens that the model cannot see.
    wanted["library"] = fileOf(*project, outcome.run, "library.safetensors").string();
    wanted["budgets"] = {{{"bytes", 0.9}, {"batches", {1}}, {"prompt", 400}}};
    const RunOutcome refused = run(*project, "puzzle", wanted);
    ASSERT_TRUE(refused.error);
    EXPECT_THAT(refused.error->text(), HasSubstr("settings/budgets/0"));
    EXPECT_THAT(refused.error->text(), HasSubstr("the context holds 48"));
}

TEST_F(StructureKindsTest, RefusesWhatCannotBeCut) {
    auto project = Project::openOrCreate(folder / "project");
    ASSERT_TRUE(project);
    const auto errorOf = [&](const Json& change) {
        Json wanted = settings();
        wanted.update(change);
        const RunOutcome outcome = run(*project, "prune-structures", wanted);
        return outcome.error ? outcome.error->text() : std::string();
    };
    EXPECT_THAT(errorOf(Json::object()), HasSubstr("no student to make"));
    EXPECT_THAT(errorOf({{"plans", {{{"heads", 3}}}}}), HasSubstr("Keep a multiple of 2"));
    EXPECT_THAT(errorOf({{"plans", {{{"width", 999}}}}}), HasSubstr("there are 32"));
    EXPECT_THAT(errorOf({{"plans", {{{"width", 24}}}}, {"length", 400}}), HasSubstr("2 to 48 tokens"));
    EXPECT_THAT(errorOf({{"search_parameters", 10}}), HasSubstr("budget of 10 parameters"));
}

}  // namespace
}  // namespace vitrine
