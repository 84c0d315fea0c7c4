// The same training on one process and on several. The processes are copies of this program, told apart by
// the environment: the test "SeveralProcesses.Work" does what one of them does.
#include "core/io/tensor_source.h"
#include "core/nn/weights.h"
#include "tests/core/distill/classroom.h"
#include "tests/support/temporary_folder.h"

#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <fstream>

namespace vitrine {
namespace {

using testing::Classroom;
using testing::TemporaryFolder;

// Biases in front of a batch normalisation have no gradient but rounding, which Adam makes steps of: from the
// second step on the weights of such a student are others.
int64_t stepsOf(bool eradio) {
    return eradio ? 1 : 2;
}

std::string variable(const char* name) {
    const char* value = std::getenv(name);
    return value ? value : "";
}

// Students with batch normalisation share its statistics too.
void takeEradio(StudentOptions& student) {
    student.trunk = StudentTrunk::Eradio;
    student.patchSize = 16;
    student.width = 8;
    student.depths = {1, 1, 1, 1};
    student.preferredSide = 96;
    student.headHidden = 24;
    student.spectral = true;
}

DistillOptions sharedOptions(bool eradio) {
    DistillOptions options = testing::smallOptions();
    options.shiftDeviation = 0.5;
    options.slowDecay = 0.9;
    options.mesaWeight = 0.5;
    options.balance = LossBalance::AdaLoss;
    options.clipNorm = 0;
    options.partitions = {{{32, 40}, 8, {}}, {{48}, 4, {"loud"}}};
    if (eradio) {
        takeEradio(options.student);
        options.partitions = {{{64, 96}, 8, {}}, {{64}, 4, {"loud"}}};
    }
    return options;
}

// Starts `count` copies of this program as one group; their process ids.
std::vector<pid_t> startGroup(int count, const std::filesystem::path& folder, int leaver,
                              bool eradio = false) {
    static int port = 20000 + int(::getpid()) % 20000;
    ++port;
    std::vector<pid_t> processes;
    for (int rank = 0; rank < count; ++rank) {
        const pid_t child = ::fork();
        if (child == 0) {
            const auto set = [](const char* name, const std::string& value) {
                ::setenv(name, value.c_str(), 1);
            };
            set("RANK", std::to_string(rank));
            set("WORLD_SIZE", std::to_string(count));
            set("MASTER_ADDR", "127.0.0.1");
            set("MASTER_PORT", std::to_string(port));
            set("OMP_NUM_THREADS", "1");
            set("VITRINE_TEST_FOLDER", folder.string());
            set("VITRINE_TEST_LEAVER", std::to_string(leaver));
            set("VITRINE_TEST_ERADIO", eradio ? "1" : "");
            ::execl("/proc/self/exe", "vitrine_distill_test", "--gtest_filter=SeveralProcesses.Work",
                    nullptr);
            ::_exit(127);
        }
        processes.push_back(child);
    }
    return processes;
}

int exitStatus(pid_t process) {
    int status = 0;
    ::waitpid(process, &status, 0);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

TEST(SeveralProcesses, Work) {
    const std::string folder = variable("VITRINE_TEST_FOLDER");
    if (folder.empty())
        GTEST_SKIP() << "the part of one process, started by the other tests";
    const auto place = worldPlaceFromEnvironment();
    ASSERT_TRUE(place && *place) << (place ? "no place" : place.error().text());
    const auto world = World::join(**place);
    ASSERT_TRUE(world) << world.error().text();
    const int rank = (*world)->rank();
    Classroom classroom;
    const bool eradio = !variable("VITRINE_TEST_ERADIO").empty();
    const auto distiller = classroom.make(sharedOptions(eradio));
    if (rank == 0) {
        JobContext job;
        ASSERT_TRUE(distiller->estimateStatistics(job));
    }
    const auto joined = distiller->join(**world);
    ASSERT_TRUE(joined) << joined.error().text();
    for (int64_t step = 0; step < stepsOf(eradio); ++step) {
        if (step == 1 && variable("VITRINE_TEST_LEAVER") == std::to_string(rank))
            ::raise(SIGKILL);
        const auto report = distiller->train();
        if (!report) {
            std::ofstream(fmt::format("{}/lost-{}", folder, rank)) << report.error().text();
            EXPECT_EQ(report.error().code, ErrorCode::IoFailure);
            EXPECT_EQ(distiller->step(), step) << "the weights are those of the last good step";
            break;
        }
        EXPECT_EQ(report->pictures, 12);
    }
    ASSERT_TRUE(distiller->save(fmt::format("{}/state-{}.safetensors", folder, rank)));
}

std::map<std::string, at::Tensor> stateIn(const std::filesystem::path& file) {
    const auto source = openTensors(file);
    EXPECT_TRUE(source) << (source ? "" : source.error().text());
    auto state = source ? readAllTensors(**source) : fail(source.error());
    return state ? *state : std::map<std::string, at::Tensor>();
}

// Relative to the largest value of the tensor, or to `least`: the processes add up in another order.
double relativeDifference(const at::Tensor& a, const at::Tensor& b, double least = 1e-12) {
    return ((a - b).abs().max() / b.abs().max().clamp_min(least)).item<double>();
}

bool isMean(const std::string& name) {
    return name.starts_with("optimizer.") && name.ends_with(".first");
}

// A share of the largest gradient, below which one counts as none.
double leastGradient(const std::map<std::string, at::Tensor>& state) {
    double largest = 0;
    for (const auto& [name, tensor] : state)
        if (isMean(name))
            largest = std::max(largest, tensor.abs().max().item<double>());
    return 1e-3 * largest;
}

void expectGradientsOfOneProcess(bool eradio) {
    Classroom classroom;
    const auto alone = classroom.make(sharedOptions(eradio));
    JobContext job;
    ASSERT_TRUE(alone->estimateStatistics(job));
    for (int64_t step = 0; step < stepsOf(eradio); ++step)
        ASSERT_TRUE(alone->train());
    const TemporaryFolder folder;
    ASSERT_TRUE(alone->save(folder / "alone.safetensors"));
    const auto expected = stateIn(folder / "alone.safetensors");
    for (const int count : {2, 4}) {
        for (const pid_t process : startGroup(count, folder.path(), -1, eradio))
            EXPECT_EQ(exitStatus(process), 0) << count << " processes";
        const auto first = stateIn(folder / "state-0.safetensors");
        int compared = 0;
        for (const auto& [name, tensor] : expected) {
            ASSERT_TRUE(first.contains(name)) << name;
            // Some means are nothing but rounding.
            if (name.find("running_") != std::string::npos)
                EXPECT_LT(relativeDifference(first.at(name), tensor, 0.01), 1e-3)
                    << name << ", " << count << " processes";
            // The optimiser's running means are the averaged gradients; the weights after Adam's first steps
            // are not compared, since it divides small gradients by themselves.
            if (!isMean(name))
                continue;
            EXPECT_LT(relativeDifference(first.at(name), tensor, eradio ? leastGradient(expected) : 1e-12),
                      1e-4)
                << name << ", " << count << " processes";
            ++compared;
        }
        EXPECT_GT(compared, 20);
        for (int rank = 1; rank < count; ++rank)
            for (const auto& [name, tensor] : stateIn(folder / fmt::format("state-{}.safetensors", rank)))
                EXPECT_TRUE(at::equal(tensor, first.at(name))) << name << " of process " << rank;
    }
}

TEST(SeveralProcesses, GradientsAreThoseOfOneProcess) {
    expectGradientsOfOneProcess(false);
}

TEST(SeveralProcesses, BatchNormalisationIsThatOfOneProcess) {
    expectGradientsOfOneProcess(true);
}

TEST(SeveralProcesses, ALostProcessIsNamedByTheOthers) {
    const TemporaryFolder folder;
    const auto processes = startGroup(4, folder.path(), 1);
    EXPECT_EQ(exitStatus(processes[1]), 128 + SIGKILL);
    for (const int rank : {0, 2, 3}) {
        EXPECT_EQ(exitStatus(processes[size_t(rank)]), 0);
        std::ifstream file(folder / fmt::format("lost-{}", rank));
        const std::string message(std::istreambuf_iterator<char>(file), {});
        EXPECT_NE(message.find("another of the 4 processes was lost"), std::string::npos) << message;
    }
}

TEST(SeveralProcesses, AWrongVariableIsNamed) {
    ::setenv("RANK", "0", 1);
    ::setenv("WORLD_SIZE", "two", 1);
    const auto place = worldPlaceFromEnvironment();
    ::unsetenv("RANK");
    ::unsetenv("WORLD_SIZE");
    ASSERT_FALSE(place);
    EXPECT_NE(place.error().text().find("WORLD_SIZE"), std::string::npos) << place.error().text();
}

}  // namespace
}  // namespace vitrine
