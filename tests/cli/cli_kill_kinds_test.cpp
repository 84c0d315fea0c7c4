// `kill -9` in the middle of every kind of job that a recipe can ask for: the database stays whole, the run
// is "interrupted", nothing half-written is listed, `run --resume` finishes it and leaves no scraps behind.
#include "core/base/hash.h"
#include "core/engine/engine_job_kinds.h"
#include "core/media/image_writer.h"
#include "core/runs/control_socket.h"
#include "core/runs/run_store.h"
#include "tests/cli/command_line.h"

#include <algorithm>
#include <chrono>
#include <csignal>
#include <map>
#include <thread>

namespace vitrine {
namespace fs = std::filesystem;
namespace {

// When a job is in its middle.
enum class Middle {
    Checkpoint,  // it has kept a state to go on from
    Artifact,    // it has stored a file
    Progress,    // a stage that counts has done its first piece
};

struct SmallJob {
    Middle middle;
    Json settings;
};

std::vector<std::string> registeredKinds() {
    JobKinds kinds;
    addJobKinds(kinds);
    return kinds.names();
}

}  // namespace

// The table.
class SmallJobs : public CommandLine {
  protected:
    const fs::path models_ = testing::sourceFolder() / "resources" / "models";
    const fs::path documents_ = testing::sourceFolder() / "docs";
    const std::string encoder_ = (models_ / "vitrine_s").string();
    const std::string language_ = (models_ / "vitrine_lm").string();

    // Coloured waves, of as many lengths as pictures.
    std::string pictures(int count, const std::string& name = "pictures") {
        const fs::path folder = folder_ / name;
        fs::create_directories(folder);
        for (int index = 0; index < count; ++index) {
            Image picture({96, 80}, 3, SampleType::U8);
            for (int64_t y = 0; y < picture.height(); ++y)
                for (int64_t x = 0; x < 3 * picture.width(); ++x)
                    picture.row<uint8_t>(y)[x] = uint8_t((x * (index + 2) / 3 + y * (7 - x % 3)) % 256);
            EXPECT_TRUE(writeImage(folder / fmt::format("{:02}.png", index), picture));
        }
        return folder.string();
    }
    // A folder for each of two classes.
    std::string classes() {
        pictures(10, "classes/first");
        pictures(10, "classes/second");
        return (folder_ / "classes").string();
    }
    Json texts() const {
        return Json::array(
            {{{"name", "documents"}, {"paths", Json::array({(documents_ / "compression.md").string()})}}});
    }
    Json with(Json settings, const Json& more) const {
        settings.update(more);
        return settings;
    }
    // What the jobs that change the language model have in common.
    Json language(int64_t steps) const {
        return {{"model", language_},
                {"texts", texts()},
                {"held_out", 0.1},
                {"length", 32},
                {"batch", 2},
                {"steps", steps},
                {"calibration_windows", 4},
                {"evaluation_windows", 2},
                {"checkpoint_every", 2},
                {"output_dtype", "bfloat16"},
                {"learning_rate", 0.0001},
                {"final_rate", 0.00001},
                {"warmup_steps", 1},
                {"output", (folder_ / "out").string()}};
    }
    Json classifier() const {
        return {{"side", 16},  {"scenes", 400},     {"width", 4},           {"blocks_per_stage", 1},
                {"batch", 16}, {"warmup_steps", 2}, {"checkpoint_every", 7}};
    }

    SmallJob selftest() const {
        return {Middle::Checkpoint,
                {{"steps", 200}, {"samples_per_step", 100}, {"checkpoint_every", 5}, {"pause_ms", 4}}};
    }
    std::map<std::string, SmallJob> pictureJobs() {
        const Json images = Json::array({pictures(24)});
        const Json seen{{"model", encoder_}, {"images", images}};
        return {{"inspect",
                 {Middle::Artifact, {{"inputs", Json::array({images[0], encoder_})}, {"resolution", 64}}}},
                {"extract", {Middle::Progress, with(seen, {{"resolution", 128}, {"batch", 1}})}},
                {"upsampler_fidelity", {Middle::Artifact, with(seen, {{"side", 64}, {"limit", 0}})}},
                {"token_merging", {Middle::Artifact, with(seen, {{"resolution", 128}, {"limit", 0}})}},
                {"teacher-statistics",
                 {Middle::Checkpoint,
                  {{"models", Json::array({encoder_})},
                   {"images", images},
                   {"resolution", 64},
                   {"batch", 2},
                   {"normalizers", Json::array({"phi-s"})},
                   {"checkpoint_every", 4}}}},
                {"evaluate",
                 {Middle::Checkpoint,
                  {{"models", Json::array({encoder_})},
                   {"classification", classes()},
                   {"resolutions", Json::array({64, 128})},
                   {"linear_steps", 20}}}},
                {"distill",
                 {Middle::Checkpoint,
                  {{"teachers", Json::array({{{"name", "teacher"}, {"model", encoder_}}})},
                   {"images", images},
                   {"student", {{"width", 48}, {"depth", 2}, {"heads", 3}, {"patch_size", 16}}},
                   {"partitions", Json::array({{{"sides", {64}}, {"batch", 2}}})},
                   {"steps", 24},
                   {"warmup_steps", 1},
                   {"statistics_batches", 2},
                   {"checkpoint_every", 3},
                   {"probe_every", 0},
                   {"output", (folder_ / "out").string()}}}},
                {"train_upsampler",
                 {Middle::Checkpoint, with(seen, {{"side", 64},
                                                  {"batch", 1},
                                                  {"views", 1},
                                                  {"steps", 6},
                                                  {"statistics_batches", 2},
                                                  {"checkpoint_every", 2},
                                                  {"probe_every", 0},
                                                  {"output", (folder_ / "out").string()}})}}};
    }
    std::map<std::string, SmallJob> languageJobs() const {
        const std::string first = (documents_ / "compression.md").string(),
                          second = (documents_ / "plugins.md").string();
        return {{"compress",
                 {Middle::Checkpoint,
                  {{"model", language_},
                   {"calibration", Json::array({first})},
                   {"evaluation", Json::array({second})},
                   {"windows", 4},
                   {"length", 64},
                   {"evaluation_windows", 4},
                   {"plans", Json::array({{{"prune", "magnitude"}}, {{"prune", "wanda"}}})},
                   {"controls", false},
                   {"speed", false},
                   {"output", (folder_ / "out").string()}}}},
                {"prune-structures",
                 {Middle::Checkpoint, with(language(8), {{"plans", Json::array({{{"intermediate", 256}}})},
                                                         {"controls", false}})}},
                {"puzzle",
                 {Middle::Checkpoint, with(language(4), {{"neuron_shares", {0.5}},
                                                         {"attention_linear", false},
                                                         {"feed_forward_linear", false},
                                                         {"blockwise_steps", 2},
                                                         {"score_windows", 2},
                                                         {"measure_times", false},
                                                         {"budgets", Json::array({{{"bytes", 0.8}}})},
                                                         {"baselines", false},
                                                         {"assemblies", 2}})}},
                {"learn-masks", {Middle::Checkpoint, with(language(6), {{"prior", "magnitude"}})}},
                {"train-elastic",
                 {Middle::Checkpoint,
                  with(language(10), {{"neuron_shares", {1, 0.5}}, {"budgets", {1, 0.6}}, {"hidden", 16}})}},
                {"evaluate-language",
                 {Middle::Checkpoint,
                  {{"models", Json::array({language_})},
                   {"texts", Json::array({second, first})},
                   {"length", 64},
                   {"batch", 1}}}},
                {"train-language-model",
                 {Middle::Checkpoint,
                  {{"texts", texts()},
                   {"vocabulary", 257},
                   {"width", 32},
                   {"depth", 2},
                   {"heads", 2},
                   {"key_value_heads", 1},
                   {"head_width", 16},
                   {"intermediate", 64},
                   {"context", 32},
                   {"length", 32},
                   {"batch", 4},
                   {"steps", 200},
                   {"evaluation_windows", 2},
                   {"sample_tokens", 0},
                   {"evaluate_every", 0},
                   {"checkpoint_every", 5},
                   {"output", (folder_ / "out").string()}}}}};
    }
    std::map<std::string, SmallJob> trainingJobs() const {
        return {
            {"train-sparse",
             {Middle::Checkpoint, with(classifier(), {{"steps", 150},
                                                      {"importance_steps", 3},
                                                      {"accuracy_steps", 2},
                                                      {"exploration_steps", 3},
                                                      {"evaluate_every", 100},
                                                      {"output", (folder_ / "out").string()}})}},
            {"train-incremental",
             {Middle::Checkpoint,
              with(classifier(), {{"chunks", 3}, {"epochs", 6}, {"output", (folder_ / "out").string()}})}},
            {"claim",
             {Middle::Checkpoint,
              {{"claim", "radio-v2.5"}, {"seeds", 2}, {"at_once", 1}, {"scale", 0.002}}}}};
    }
    // A small job of every kind that there is.
    std::map<std::string, SmallJob> table() {
        std::map<std::string, SmallJob> jobs{{"selftest", selftest()}};
        for (auto part : {pictureJobs(), languageJobs(), trainingJobs()})
            jobs.merge(part);
        return jobs;
    }
};

class KilledKinds : public SmallJobs, public ::testing::WithParamInterface<std::string> {
  protected:
    static bool inTheMiddle(Middle middle, const Project& project, const vitrine::Run& run) {
        if (middle == Middle::Checkpoint)
            return fs::exists(project.runFolder(run.id) / "checkpoint" / "state.json");
        if (middle == Middle::Artifact)
            return !RunStore(project).artifacts(run)->empty();
        const auto status = sendControl(controlSocketPath(project, run.id), {{"command", "status"}});
        return status && (*status)["progress"]["total"] > 0 && (*status)["progress"]["done"] > 0;
    }

    // Starts the recipe and kills it in its middle; the run.
    vitrine::Run killed(const Project& project, const std::string& recipe, Middle middle) {
        const RunStore store(project);
        child_ = start("--quiet run " + recipe);
        const auto until = std::chrono::steady_clock::now() + std::chrono::seconds(60);
        Result<vitrine::Run> run = store.find("last");
        while (!run || !inTheMiddle(middle, project, *run)) {
            siginfo_t ended{};
            ::waitid(P_PID, id_t(child_), &ended, WEXITED | WNOHANG | WNOWAIT);
            if (ended.si_pid != 0 || std::chrono::steady_clock::now() > until) {
                ADD_FAILURE() << "not seen in the middle of its work";
                break;
            }
            std::this_thread::sleep_for(std::chrono::milliseconds(1));
            run = store.find("last");
        }
        ::kill(child_, SIGKILL);
        const Outcome outcome = end(child_);
        EXPECT_EQ(outcome.exitCode, -SIGKILL) << "ended before the kill: " << outcome.errors;
        return run.value_or(vitrine::Run());
    }

    // Every file that is listed is there, and every file that is there is what its name says.
    static void expectWholeArtifacts(const Project& project, const vitrine::Run& run) {
        const auto artifacts = RunStore(project).artifacts(run);
        ASSERT_TRUE(artifacts) << artifacts.error().text();
        for (const Artifact& artifact : *artifacts)
            EXPECT_TRUE(project.artifacts().contains(artifact.sha256)) << artifact.name;
        for (const auto& entry : fs::recursive_directory_iterator(project.folder() / "artifacts"))
            if (entry.is_regular_file() && entry.path().extension() != ".tmp") {
                const auto hash = sha256OfFile(entry.path());
                ASSERT_TRUE(hash) << hash.error().text();
                EXPECT_EQ(*hash, entry.path().filename());
            }
    }

    // What a kill within a write leaves: a piece under the temporary name of that process.
    void leaveAPiece(const fs::path& file) const {
        fs::create_directories(file.parent_path());
        fs::path piece = file;
        piece += fmt::format(".{}-99.tmp", child_);
        ASSERT_TRUE(writeFileAtomically(piece, "the first half"));
    }
    std::vector<std::string> scraps() const {
        std::vector<std::string> found;
        for (const auto& entry : fs::recursive_directory_iterator(folder_.path()))
            if (entry.path().extension() == ".tmp")
                found.push_back(entry.path().string());
        return found;
    }

    pid_t child_ = 0;
};

TEST_P(KilledKinds, LeaveNothingHalfDoneAndGoOn) {
    const auto jobs = table();
    const auto job = jobs.find(GetParam());
    ASSERT_NE(job, jobs.end()) << "a new kind of job needs a row in the table of this test";
    const fs::path recipe = folder_ / "recipe.json";
    const Json content{{"kind", job->first}, {"seed", 4}, {"settings", job->second.settings}};
    ASSERT_TRUE(writeFileAtomically(recipe, content.dump()));
    const auto created = Project::create(folder_ / "project");
    ASSERT_TRUE(created) << created.error().text();
    const std::string id = killed(*created, recipe.string(), job->second.middle).id;
    ASSERT_FALSE(HasFailure()) << readFile(folder_ / "started.err").value_or("");

    const auto project = Project::open(folder_ / "project");  // finds that the process is gone
    ASSERT_TRUE(project) << project.error().text();
    EXPECT_EQ(*project->checkIntegrity(), std::vector<std::string>());
    const RunStore store(*project);
    ASSERT_TRUE(store.find(id));
    EXPECT_EQ(store.find(id)->status, RunStatus::Interrupted);
    expectWholeArtifacts(*project, *store.find(id));

    leaveAPiece(project->folder() / "artifacts" / "ab" / std::string(64, 'a'));
    leaveAPiece(project->runFolder(id) / "checkpoint" / "step-0000099.safetensors");
    const Outcome resumed = call("--quiet run --resume " + id);
    ASSERT_EQ(resumed.exitCode, 0) << resumed.errors;
    EXPECT_EQ(store.find(id)->status, RunStatus::Finished);
    EXPECT_EQ(*project->checkIntegrity(), std::vector<std::string>());
    expectWholeArtifacts(*project, *store.find(id));
    EXPECT_EQ(scraps(), std::vector<std::string>());
}

INSTANTIATE_TEST_SUITE_P(All, KilledKinds, ::testing::ValuesIn(registeredKinds()), [](const auto& kind) {
    std::string name = kind.param;
    std::replace_if(
        name.begin(), name.end(), [](char c) { return !std::isalnum(c); }, '_');
    return name;
});

// A row of a kind that is gone would test nothing.
TEST_F(SmallJobs, TheTableHasNoOtherRows) {
    std::vector<std::string> rows;
    for (const auto& row : table())
        rows.push_back(row.first);
    EXPECT_EQ(rows, registeredKinds());
}

}  // namespace vitrine
