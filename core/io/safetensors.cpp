#include "core/io/safetensors.h"

#include "core/base/file.h"
#include "core/base/json.h"
#include "core/io/safetensors_header.h"
#include "core/io/table_source.h"

#include <bit>
#include <cstring>

namespace vitrine {
namespace fs = std::filesystem;

static_assert(std::endian::native == std::endian::little,
              "stored tensors are little-endian and used in place");

namespace {

constexpr uint64_t kMaxHeaderBytes = 100'000'000;

std::string_view asText(std::span<const std::byte> bytes) {
    return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

}  // namespace

Result<std::shared_ptr<const TensorSource>> openSafetensors(const fs::path& path) {
    VITRINE_TRY(const auto file, MappedFile::open(path));
    const auto bytes = file->bytes();
    const char* hint = "The file is damaged or not safetensors: fetch it again";
    if (bytes.size() < 8)
        return fail(ErrorCode::InvalidFile,
                    fmt::format("{} bytes are too few for a safetensors file", bytes.size()), path.string(),
                    hint);
    uint64_t headerSize = 0;
    std::memcpy(&headerSize, bytes.data(), 8);
    if (headerSize > kMaxHeaderBytes || headerSize > bytes.size() - 8)
        return fail(ErrorCode::InvalidFile,
                    fmt::format("the header claims {} bytes; the file has {} and at most {} are accepted",
                                headerSize, bytes.size() - 8, kMaxHeaderBytes),
                    path.string(), hint);
    const auto data = bytes.subspan(8 + headerSize);
    VITRINE_TRY(SafetensorsHeader header,
                parseSafetensorsHeader(asText(bytes.subspan(8, headerSize)), data.size(), path.string()));
    std::vector<TableEntry> entries;
    entries.reserve(header.tensors.size());
    for (auto& tensor : header.tensors) {
        const uint64_t size = tensor.end - tensor.begin;
        TensorInfo info{std::move(tensor.name), tensor.dtype, std::move(tensor.shape), size, path};
        entries.push_back({std::move(info), data.subspan(tensor.begin, size), file, {}});
    }
    return makeTableSource(std::move(entries), std::move(header.metadata), path.string());
}

Result<void> writeSafetensors(const fs::path& path, std::span<const TensorToWrite> tensors,
                              const std::map<std::string, std::string>& metadata) {
    return writeSafetensors(
        path, tensors, [&](size_t index) { return tensors[index].bytes; }, metadata);
}

Result<void> writeSafetensors(const fs::path& path, std::span<const TensorToWrite> tensors,
                              const BytesInTurn& bytesOf,
                              const std::map<std::string, std::string>& metadata) {
    std::vector<uint64_t> sizes;
    Json header = Json::object();
    if (!metadata.empty())
        header["__metadata__"] = metadata;
    uint64_t at = 0;
    for (const TensorToWrite& tensor : tensors) {
        const auto count = checkedElementCount(tensor.shape);
        const auto bytes = count ? byteCount(tensor.dtype, *count) : std::nullopt;
        if (!bytes)
            return fail(ErrorCode::InvalidArgument,
                        fmt::format("[{}] of {} has no size in bytes", fmt::join(tensor.shape, ", "),
                                    dtypeName(tensor.dtype)),
                        tensor.name);
        if (elementsPerBlock(tensor.dtype) > 1)
            return fail(ErrorCode::Unsupported, "safetensors has no GGUF block formats", tensor.name,
                        "Dequantise the tensor first");
        if (tensor.name == "__metadata__" || header.contains(tensor.name))
            return fail(ErrorCode::InvalidArgument, "the name is taken already", tensor.name);
        header[tensor.name] = {
            {"dtype", dtypeName(tensor.dtype)}, {"shape", tensor.shape}, {"data_offsets", {at, at + *bytes}}};
        at += *bytes;
        sizes.push_back(*bytes);
    }
    std::string text;
    try {
        text = header.dump();
    } catch (const nlohmann::json::type_error&) {
        return fail(ErrorCode::InvalidArgument, "a tensor's name or the metadata is not UTF-8",
                    path.string());
    }
    text.append((8 - text.size() % 8) % 8, ' ');
    const uint64_t headerSize = text.size();
    VITRINE_TRY(auto writer, AtomicFileWriter::create(path));
    VITRINE_TRY_VOID(writer.write({reinterpret_cast<const char*>(&headerSize), 8}));
    VITRINE_TRY_VOID(writer.write(text));
    for (size_t i = 0; i < tensors.size(); ++i) {
        const std::span<const std::byte> bytes = bytesOf(i);
        if (bytes.size() != sizes[i])
            return fail(
                ErrorCode::InvalidArgument,
                fmt::format("[{}] of {} does not take the {} bytes given", fmt::join(tensors[i].shape, ", "),
                            dtypeName(tensors[i].dtype), bytes.size()),
                tensors[i].name);
        VITRINE_TRY_VOID(writer.write(asText(bytes)));
    }
    return writer.commit();
}

}  // namespace vitrine
