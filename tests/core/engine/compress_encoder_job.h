// The job "compress" on an encoder, as tests run it.
#pragma once

#include "core/runs/runner.h"
#include "tests/support/temporary_folder.h"

#include <gtest/gtest.h>

#include <optional>

namespace vitrine::testing {

// A project; "vit", a ViT of three blocks with random weights; "scenes.bin", 64 pictures in a CIFAR binary
// file, of which 48 calibrate.
struct CompressEncoderTest : ::testing::Test {
    CompressEncoderTest();
    // Of the job on both, without measuring speed; models go to "models".
    Json settings(const Json& plans) const;
    RunOutcome run(const Json& jobSettings);
    // vitrine::Run: GoogleTest has a member of that name.
    std::filesystem::path fileOf(const vitrine::Run& run, const std::string& artifact) const;

    TemporaryFolder folder;
    JobKinds kinds;
    std::optional<Project> project;
};

// Masks laid over the checkpoint's own tensors are the pruned model.
void expectMasksMakeTheFolder(const std::filesystem::path& masksFile, const std::filesystem::path& dense,
                              const std::filesystem::path& pruned);

}  // namespace vitrine::testing
