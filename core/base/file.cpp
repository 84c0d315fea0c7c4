#include "core/base/file.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstring>

namespace vitrine {
namespace fs = std::filesystem;

Error errorFromErrno(int errnoValue, std::string_view doing, const fs::path& path) {
    Error error{ErrorCode::IoFailure,
                fmt::format("cannot {}: {}", doing, std::strerror(errnoValue)),
                path.string(),
                {}};
    switch (errnoValue) {
        case ENOENT:
            error.code = ErrorCode::NotFound;
            error.message = fmt::format("cannot {}: no such file or folder", doing);
            error.hint = "Check the path";
            break;
        case EACCES:
        case EPERM:
        case EROFS:
            error.code = ErrorCode::PermissionDenied;
            error.hint = "Check the permissions of the file and its folder";
            break;
        case ENOSPC:
        case EDQUOT:
            error.code = ErrorCode::DiskFull;
            error.message = fmt::format("cannot {}: no space left on the disk", doing);
            error.hint = "Free some space and try again; nothing was changed";
            break;
        case EFBIG:
            error.code = ErrorCode::DiskFull;
            error.message = fmt::format("cannot {}: the file may not become so large", doing);
            error.hint =
                "Raise the limit on the size of files (ulimit -f), or write to another disk; nothing was "
                "changed";
            break;
        case EISDIR:
            error.code = ErrorCode::InvalidArgument;
            error.message = fmt::format("cannot {}: it is a folder, a file was expected", doing);
            break;
        case ELOOP:
            error.code = ErrorCode::InvalidFile;
            error.message = fmt::format("cannot {}: its symbolic links go in a circle", doing);
            break;
        case ENOMEM:
            error.code = ErrorCode::OutOfMemory;
            error.message = fmt::format("cannot {}: not enough memory", doing);
            error.hint = "Close other models and programs, or raise the limit on memory (ulimit -v)";
            break;
        default:
            break;
    }
    return error;
}

namespace {

// Opens a regular file for reading; `size` receives its length.
Result<int> openRegular(const fs::path& path, size_t& size) {
    // O_NONBLOCK: opening a named pipe must not wait for a writer; it has no effect on regular files.
    const int descriptor = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (descriptor < 0)
        return fail(errorFromErrno(errno, "open", path));
    struct stat info {};
    if (::fstat(descriptor, &info) != 0 || !S_ISREG(info.st_mode)) {
        const bool folder = S_ISDIR(info.st_mode);
        ::close(descriptor);
        if (folder)
            return fail(errorFromErrno(EISDIR, "open", path));
        return fail(ErrorCode::InvalidArgument, "not a regular file", path.string());
    }
    size = size_t(info.st_size);
    return descriptor;
}

}  // namespace

Result<std::string> readFile(const fs::path& path, size_t maxBytes) {
    size_t size = 0;
    VITRINE_TRY(const int descriptor, openRegular(path, size));
    if (size > maxBytes) {
        ::close(descriptor);
        return fail(ErrorCode::InvalidFile,
                    fmt::format("{} bytes are more than the {} expected at most", size, maxBytes),
                    path.string());
    }
    std::string content(size, '\0');
    size_t done = 0;
    while (done < size) {
        const ssize_t got = ::read(descriptor, content.data() + done, size - done);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0) {
            const int saved = errno;
            ::close(descriptor);
            return fail(errorFromErrno(saved, "read", path));
        }
        if (got == 0)
            break;
        done += size_t(got);
    }
    ::close(descriptor);
    content.resize(done);
    return content;
}

Result<void> writeFileAtomically(const fs::path& path, std::string_view content) {
    VITRINE_TRY(auto writer, AtomicFileWriter::create(path));
    VITRINE_TRY_VOID(writer.write(content));
    return writer.commit();
}

Result<AtomicFileWriter> AtomicFileWriter::create(const fs::path& path) {
    static std::atomic<unsigned> counter{0};
    AtomicFileWriter writer;
    writer.path_ = path;
    writer.temporaryPath_ = path;
    writer.temporaryPath_ += fmt::format(".{}-{}.tmp", ::getpid(), counter++);
    writer.descriptor_ =
        ::open(writer.temporaryPath_.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
    if (writer.descriptor_ < 0)
        return fail(errorFromErrno(errno, "write", path));
    return writer;
}

AtomicFileWriter::AtomicFileWriter(AtomicFileWriter&& other) noexcept {
    *this = std::move(other);
}

AtomicFileWriter& AtomicFileWriter::operator=(AtomicFileWriter&& other) noexcept {
    if (this != &other) {
        discard();
        path_ = std::move(other.path_);
        temporaryPath_ = std::move(other.temporaryPath_);
        descriptor_ = std::exchange(other.descriptor_, -1);
    }
    return *this;
}

AtomicFileWriter::~AtomicFileWriter() {
    discard();
}

void AtomicFileWriter::discard() {
    if (descriptor_ < 0)
        return;
    ::close(descriptor_);
    descriptor_ = -1;
    ::unlink(temporaryPath_.c_str());
}

Result<void> AtomicFileWriter::write(std::string_view bytes) {
    while (!bytes.empty()) {
        const ssize_t put = ::write(descriptor_, bytes.data(), bytes.size());
        if (put < 0 && errno == EINTR)
            continue;
        if (put < 0)
            return fail(errorFromErrno(errno, "write", path_));
        bytes.remove_prefix(size_t(put));
    }
    return {};
}

Result<void> AtomicFileWriter::commit() {
    if (::fsync(descriptor_) != 0 && errno != EINVAL && errno != EROFS)
        return fail(errorFromErrno(errno, "write", path_));
    const int descriptor = std::exchange(descriptor_, -1);
    if (::close(descriptor) != 0 || ::rename(temporaryPath_.c_str(), path_.c_str()) != 0) {
        const int saved = errno;
        ::unlink(temporaryPath_.c_str());
        return fail(errorFromErrno(saved, "write", path_));
    }
    return {};
}

Result<std::shared_ptr<const MappedFile>> MappedFile::open(const fs::path& path) {
    size_t size = 0;
    VITRINE_TRY(const int descriptor, openRegular(path, size));
    std::shared_ptr<MappedFile> file(new MappedFile);
    file->path_ = path;
    if (size > 0) {
        void* mapped = ::mmap(nullptr, size, PROT_READ, MAP_PRIVATE, descriptor, 0);
        if (mapped == MAP_FAILED) {
            const int saved = errno;
            ::close(descriptor);
            return fail(errorFromErrno(saved, "map", path));
        }
        file->data_ = static_cast<const std::byte*>(mapped);
        file->size_ = size;
    }
    ::close(descriptor);
    return std::shared_ptr<const MappedFile>(std::move(file));
}

MappedFile::~MappedFile() {
    if (data_)
        ::munmap(const_cast<std::byte*>(data_), size_);
}

}  // namespace vitrine
