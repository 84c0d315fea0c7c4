#include "core/runs/artifact_store.h"

#include "core/base/file.h"
#include "core/base/hash.h"

#include <unistd.h>

#include <cerrno>

namespace vitrine {
namespace fs = std::filesystem;

namespace {

Result<void> makeFolder(const fs::path& folder) {
    std::error_code error;
    fs::create_directories(folder, error);
    if (error)
        return fail(errorFromErrno(error.value(), "create the folder", folder));
    return {};
}

Result<void> copyIn(const fs::path& from, const fs::path& to) {
    VITRINE_TRY(const auto mapped, MappedFile::open(from));
    VITRINE_TRY(auto writer, AtomicFileWriter::create(to));
    const auto bytes = mapped->bytes();
    VITRINE_TRY_VOID(writer.write({reinterpret_cast<const char*>(bytes.data()), bytes.size()}));
    return writer.commit();
}

}  // namespace

fs::path ArtifactStore::pathOf(const std::string& sha256) const {
    return folder_ / sha256.substr(0, 2) / sha256;
}

bool ArtifactStore::contains(const std::string& sha256) const {
    std::error_code ignored;
    return sha256.size() == 64 && fs::is_regular_file(pathOf(sha256), ignored);
}

Result<StoredFile> ArtifactStore::putBytes(std::string_view content) const {
    StoredFile stored{sha256Hex(content), int64_t(content.size())};
    if (contains(stored.sha256))
        return stored;
    const fs::path path = pathOf(stored.sha256);
    VITRINE_TRY_VOID(makeFolder(path.parent_path()));
    VITRINE_TRY_VOID(writeFileAtomically(path, content));
    return stored;
}

Result<StoredFile> ArtifactStore::putFile(const fs::path& file, bool moveIn) const {
    std::error_code error;
    const fs::path real = fs::canonical(file, error);
    if (error)
        return fail(errorFromErrno(error.value(), "store the file", file));
    StoredFile stored;
    VITRINE_TRY(stored.sha256, sha256OfFile(real));
    stored.bytes = int64_t(fs::file_size(real, error));
    const fs::path path = pathOf(stored.sha256);
    if (!contains(stored.sha256)) {
        VITRINE_TRY_VOID(makeFolder(path.parent_path()));
        const bool linked = moveIn && ::link(real.c_str(), path.c_str()) == 0;
        if (!linked)
            VITRINE_TRY_VOID(copyIn(real, path));
    }
    if (moveIn)
        fs::remove(file, error);
    return stored;
}

Result<std::string> ArtifactStore::read(const std::string& sha256) const {
    if (!contains(sha256))
        return fail(ErrorCode::NotFound, "no such artifact is stored", sha256,
                    "It was purged, or the artifacts folder was not copied along");
    return readFile(pathOf(sha256));
}

Result<void> ArtifactStore::remove(const std::string& sha256) const {
    std::error_code error;
    fs::remove(pathOf(sha256), error);
    if (error)
        return fail(errorFromErrno(error.value(), "remove", pathOf(sha256)));
    return {};
}

}  // namespace vitrine
