// Loading the engine library (LibTorch, models, features) at run time, so that what does not need it starts
// in milliseconds.
#pragma once

#include "core/commands/command.h"
#include "core/engine/compress_engine.h"
#include "core/engine/inspect_engine.h"
#include "core/engine/teacher_engine.h"

namespace vitrine {

class JobKinds;
struct DoctorCheck;

// What the engine library offers; valid until the process ends (the library is never unloaded).
struct Engine {
    std::unique_ptr<InspectEngine> (*createInspectEngine)() = nullptr;
    std::unique_ptr<CompressEngine> (*createCompressEngine)() = nullptr;
    std::unique_ptr<TeacherEngine> (*createTeacherEngine)() = nullptr;
    void (*bindCommands)(CommandRegistry& registry) = nullptr;
    void (*addJobKinds)(JobKinds& kinds) = nullptr;
    std::vector<DoctorCheck> (*selfCheck)() = nullptr;
};

// Loads the library once; later calls return the same. Error: Unsupported with the dynamic linker's message.
Result<const Engine*> loadEngine();

// Declares the engine's commands (without loading it): encode, verify, model.*, features.* and the analyses.
void declareEngineCommands(CommandRegistry& registry);
// The analyses alone: compare, rank, pattern, neighbors, zeroshot.
void declareAnalysisCommands(CommandRegistry& registry);

}  // namespace vitrine
