#include "core/engine/engine_loader.h"

#include "core/base/paths.h"
#include "core/engine/doctor.h"

#include <dlfcn.h>

#include <mutex>

namespace vitrine {
namespace {

template <typename Function>
bool resolve(void* library, const char* name, Function& function) {
    function = reinterpret_cast<Function>(::dlsym(library, name));
    return function != nullptr;
}

Result<const Engine*> loadOnce() {
    const std::filesystem::path path = libraryFolder() / "libvitrine_engine.so";
    void* library = ::dlopen(path.c_str(), RTLD_NOW | RTLD_GLOBAL);
    if (!library)
        return fail(ErrorCode::Unsupported,
                    fmt::format("the engine library cannot be loaded: {}", ::dlerror()), path.string(),
                    "Build it again with ./run --setup");
    static Engine engine;
    if (!resolve(library, "vitrineCreateInspectEngine", engine.createInspectEngine) ||
        !resolve(library, "vitrineCreateCompressEngine", engine.createCompressEngine) ||
        !resolve(library, "vitrineCreateTeacherEngine", engine.createTeacherEngine) ||
        !resolve(library, "vitrineBindCommands", engine.bindCommands) ||
        !resolve(library, "vitrineAddJobKinds", engine.addJobKinds) ||
        !resolve(library, "vitrineSelfCheck", engine.selfCheck))
        return fail(ErrorCode::Unsupported, "the engine library is of another version", path.string(),
                    "Build program and library together: ./run --setup");
    return &engine;
}

}  // namespace

Result<const Engine*> loadEngine() {
    static const Result<const Engine*> engine = loadOnce();
    return engine;
}

}  // namespace vitrine
