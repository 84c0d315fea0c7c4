// What a distillation needs before it runs: the teachers, pictures and options that a recipe names.
#pragma once

#include "core/base/job_context.h"
#include "core/distill/distiller.h"
#include "core/engine/model_store.h"

#include <filesystem>

namespace vitrine {

// `settings`: of the recipe, complete. What it leaves to the run (seed, device) is filled in.
Result<DistillOptions> distillOptionsOf(const Json& settings, uint64_t seed, const std::string& device);

class DistillSetup {
  public:
    // Something that the run uses.
    struct Input {
        std::string kind, reference, label;
    };

    // Loads the teachers and lists the pictures. Errors name the setting or file.
    Result<void> open(const Json& settings, uint64_t seed, const std::string& device, JobContext& job);
    Result<std::unique_ptr<Distiller>> makeDistiller() const;

    const DistillOptions& options() const { return options_; }
    const std::vector<std::unique_ptr<Teacher>>& teachers() const { return teachers_; }
    PictureSource& pictures() const { return *pictures_; }
    const std::vector<std::filesystem::path>& firstFiles() const { return firstFiles_; }  // at most four
    const std::vector<Input>& inputs() const { return inputs_; }
    // What the log should say of it.
    const std::vector<std::string>& notes() const { return notes_; }

  private:
    Result<void> loadTeachers(const Json& settings, const std::string& device, JobContext& job);
    Result<void> openPictures(const Json& settings, JobContext& job);

    DistillOptions options_;
    ModelStore store_;
    std::map<const StoredModel*, std::shared_ptr<SharedPasses>> passes_;  // of teachers with the same encoder
    std::vector<std::unique_ptr<Teacher>> teachers_;
    std::unique_ptr<PictureSource> pictures_;
    std::vector<std::filesystem::path> firstFiles_;
    std::vector<Input> inputs_;
    std::vector<std::string> notes_;
};

// What `vitrine run --dry-run` tells of a recipe of this kind (JobKind::estimate).
Result<Json> estimateDistillation(const Json& recipe, const std::filesystem::path& project, JobContext& job);

}  // namespace vitrine
