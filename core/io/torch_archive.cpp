#include "core/io/torch_archive.h"

#include "core/base/file.h"
#include "core/io/pickle.h"
#include "core/io/torch_tensors.h"
#include "core/io/torch_view.h"
#include "core/io/zip_archive.h"

#include <algorithm>

namespace vitrine {
namespace fs = std::filesystem;
namespace {

std::string_view asText(std::span<const std::byte> bytes) {
    return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

// 0x1950a86a20f9469cfc6c, little-endian: the first pickle of a legacy file.
constexpr std::string_view kLegacyMagic("\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19", 10);

// Members of the archive lie in one folder, whose name is that of the file when it was written.
Result<std::string> folderOf(const ZipArchive& zip, const fs::path& file) {
    constexpr std::string_view kPickle = "data.pkl";
    for (const auto& [name, member] : zip.members())
        if (name == kPickle || name.ends_with("/data.pkl"))
            return name.substr(0, name.size() - kPickle.size());
    const bool script = std::any_of(zip.members().begin(), zip.members().end(), [](const auto& member) {
        return member.first.ends_with("constants.pkl");
    });
    return fail(
        ErrorCode::InvalidFile,
        script ? "it is a TorchScript program, not a file of tensors" : "the archive holds no data.pkl",
        file.string(), "Save the model's state_dict with torch.save");
}

Result<TorchStorage> storageInZip(const std::shared_ptr<const ZipArchive>& zip,
                                  const std::shared_ptr<const MappedFile>& file, const std::string& name,
                                  uint64_t leastBytes) {
    const ZipArchive::Member* member = zip->find(name);
    if (!member || member->size < leastBytes)
        return fail(ErrorCode::InvalidFile,
                    member
                        ? fmt::format("the storage {} has {} bytes, not {}", name, member->size, leastBytes)
                        : fmt::format("the storage {} is missing", name),
                    file->path().string(), "The file is damaged: fetch it again");
    TorchStorage storage;
    storage.byteCount = member->size;
    if (member->method == 0) {
        VITRINE_TRY(storage.bytes, zip->stored(*member));
        storage.owner = file;
        return storage;
    }
    storage.load = [zip, file, member]() -> Result<std::shared_ptr<const std::vector<std::byte>>> {
        VITRINE_TRY(auto content, zip->extract(*member));
        return std::make_shared<const std::vector<std::byte>>(std::move(content));
    };
    return storage;
}

}  // namespace

bool looksLikeTorchZip(std::span<const std::byte> bytes) {
    return asText(bytes).starts_with("PK\x03\x04");
}

bool looksLikeTorchLegacy(std::span<const std::byte> bytes) {
    return bytes.size() > 4 && bytes[0] == std::byte(0x80) &&
           asText(bytes.first(std::min<size_t>(bytes.size(), 40))).find(kLegacyMagic) !=
               std::string_view::npos;
}

Result<std::shared_ptr<const TensorSource>> openTorchZip(const fs::path& path) {
    VITRINE_TRY(const auto file, MappedFile::open(path));
    VITRINE_TRY(ZipArchive opened, ZipArchive::open(file->bytes(), path.string()));
    const auto zip = std::make_shared<const ZipArchive>(std::move(opened));
    VITRINE_TRY(const std::string folder, folderOf(*zip, path));
    if (const ZipArchive::Member* order = zip->find(folder + "byteorder")) {
        VITRINE_TRY(const auto text, zip->extract(*order));
        if (asText(text) != "little")
            return fail(ErrorCode::Unsupported, "it was written on a big-endian machine", path.string());
    }
    VITRINE_TRY(const auto content, zip->extract(*zip->find(folder + "data.pkl")));
    Pickle pickle(path.string());
    ByteReader reader(content);
    VITRINE_TRY(const PickleValue* root, pickle.read(reader));
    const StorageLookup lookup = [&](const std::string& key, uint64_t leastBytes) {
        return storageInZip(zip, file, folder + "data/" + key, leastBytes);
    };
    VITRINE_TRY(TorchTensors tensors, collectTorchTensors(*root, lookup, path));
    return makeTableSource(std::move(tensors.entries), std::move(tensors.metadata), path.string());
}

namespace {

// Bytes of one element by storage key, from the pickle's references: the data part gives element counts only.
std::map<std::string, uint64_t> elementBytesByKey(const Pickle& pickle) {
    std::map<std::string, uint64_t> bytesOf;
    for (const PickleValue& value : pickle.values()) {
        if (value.kind != PickleValue::Kind::Persistent || !value.items[0]->isSequence() ||
            value.items[0]->items.size() < 5)
            continue;
        const auto& id = value.items[0]->items;
        if (const auto bytes = torchStorageElementBytes(id[1]->text))
            bytesOf.emplace(id[2]->text, *bytes);
    }
    return bytesOf;
}

// The data part: for each key of the list an int64 count of elements and the elements.
Result<std::map<std::string, TorchStorage>> readLegacyStorages(
    ByteReader& reader, const PickleValue& keys, const Pickle& pickle,
    const std::shared_ptr<const MappedFile>& file) {
    const auto bytesOf = elementBytesByKey(pickle);
    std::map<std::string, TorchStorage> storages;
    for (const PickleValue* key : keys.items) {
        const auto unit = bytesOf.find(key->text);
        const auto count = reader.number<int64_t>();
        uint64_t size = 0;
        if (!count || *count < 0 || unit == bytesOf.end() ||
            __builtin_mul_overflow(uint64_t(*count), unit->second, &size))
            return fail(ErrorCode::InvalidFile,
                        fmt::format("the storage {} has an impossible size", key->text),
                        file->path().string(), "The file is damaged: fetch it again");
        const auto bytes = reader.take(size);
        if (!bytes)
            return fail(ErrorCode::InvalidFile,
                        fmt::format("the file is truncated in the storage {}", key->text),
                        file->path().string(), "Fetch the file again");
        storages[key->text] = TorchStorage{size, *bytes, file, {}};
    }
    return storages;
}

}  // namespace

Result<std::shared_ptr<const TensorSource>> openTorchLegacy(const fs::path& path) {
    VITRINE_TRY(const auto file, MappedFile::open(path));
    ByteReader reader(file->bytes());
    Pickle pickle(path.string());
    VITRINE_TRY(const PickleValue* magic, pickle.read(reader));
    if (magic->kind != PickleValue::Kind::Bytes || magic->text != kLegacyMagic)
        return fail(ErrorCode::InvalidFile, "it is a pickle, but not one that torch.save wrote",
                    path.string(), "Save the model's state_dict with torch.save");
    VITRINE_TRY(const PickleValue* version, pickle.read(reader));
    if (version->kind != PickleValue::Kind::Int || version->integer != 1001)
        return fail(ErrorCode::Unsupported, "unknown version of the legacy format", path.string());
    VITRINE_TRY(const PickleValue* system, pickle.read(reader));
    for (const auto& [key, value] : system->pairs)
        if (key->text == "little_endian" && value->integer == 0)
            return fail(ErrorCode::Unsupported, "it was written on a big-endian machine", path.string());
    VITRINE_TRY(const PickleValue* root, pickle.read(reader));
    VITRINE_TRY(const PickleValue* keys, pickle.read(reader));
    VITRINE_TRY(const auto storages, readLegacyStorages(reader, *keys, pickle, file));
    const StorageLookup lookup = [&](const std::string& key, uint64_t leastBytes) -> Result<TorchStorage> {
        const auto it = storages.find(key);
        if (it == storages.end() || it->second.byteCount < leastBytes)
            return fail(ErrorCode::InvalidFile, fmt::format("the storage {} is missing or too small", key),
                        path.string(), "The file is damaged: fetch it again");
        return it->second;
    };
    VITRINE_TRY(TorchTensors tensors, collectTorchTensors(*root, lookup, path));
    return makeTableSource(std::move(tensors.entries), std::move(tensors.metadata), path.string());
}

Result<std::shared_ptr<const TensorSource>> openShardedTorch(const fs::path& indexFile) {
    return openShards(indexFile, [](const fs::path& shard) { return openTensors(shard); });
}

}  // namespace vitrine
