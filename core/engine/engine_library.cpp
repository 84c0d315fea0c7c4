// Entry points of the engine library (engine_loader.h).
#include "core/claims/claim_commands.h"
#include "core/commands/runs_commands.h"
#include "core/engine/compress_engine_impl.h"
#include "core/engine/engine_commands.h"
#include "core/engine/engine_job_kinds.h"
#include "core/engine/engine_plugins.h"
#include "core/engine/inspect_engine_impl.h"
#include "core/engine/self_check.h"
#include "core/engine/teacher_engine_impl.h"
#include "kernels/cuda_loader.h"

extern "C" {

std::unique_ptr<vitrine::InspectEngine> vitrineCreateInspectEngine() {
    return vitrine::makeInspectEngine();
}

std::unique_ptr<vitrine::CompressEngine> vitrineCreateCompressEngine() {
    return vitrine::makeCompressEngine();
}

std::unique_ptr<vitrine::TeacherEngine> vitrineCreateTeacherEngine() {
    return vitrine::makeTeacherEngine();
}

void vitrineBindCommands(vitrine::CommandRegistry& registry) {
    // Lives until the process ends: handlers refer to it.
    static const std::unique_ptr<vitrine::InspectEngine> engine = vitrineCreateInspectEngine();
    vitrine::bindEngineCommands(registry, *engine);
    vitrine::bindClaimRunCommand(registry);
    vitrine::JobKinds kinds;
    vitrine::addJobKinds(kinds);
    vitrine::bindRunCommand(registry, std::move(kinds));
}

void vitrineAddJobKinds(vitrine::JobKinds& kinds) {
    vitrine::addJobKinds(kinds);
}

std::vector<vitrine::DoctorCheck> vitrineSelfCheck() {
    vitrine::kernels::loadCudaKernels();
    return vitrine::engineSelfCheck();
}

}  // extern "C"
