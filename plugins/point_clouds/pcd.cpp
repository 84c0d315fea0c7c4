#include "core/base/file.h"
#include "plugins/point_clouds/cloud_builder.h"
#include "plugins/point_clouds/readers.h"
#include "plugins/point_clouds/text_numbers.h"

#include <bit>
#include <cmath>

namespace vitrine::clouds {
namespace {

constexpr size_t kMaxHeaderLines = 1024;

struct Field {
    Role role = Role::Other;
    Scalar type = Scalar::F32;
    size_t count = 1;  // values of this field in every point
};

struct Header {
    std::vector<Field> fields;
    uint64_t points = 0;
    std::string data;

    size_t valuesPerPoint() const {
        size_t values = 0;
        for (const Field& field : fields)
            values += field.count;
        return values;
    }
    size_t bytesPerPoint() const {
        size_t bytes = 0;
        for (const Field& field : fields)
            bytes += field.count * byteCount(field.type);
        return bytes;
    }
};

Failure damaged(const std::string& where, std::string message) {
    return fail(ErrorCode::InvalidFile, std::move(message), where);
}

std::vector<std::string_view> words(std::string_view text) {
    std::vector<std::string_view> found;
    for (std::string_view word = nextWord(text); !word.empty(); word = nextWord(text))
        found.push_back(word);
    return found;
}

bool parseCount(std::string_view word, double limit, uint64_t& count) {
    double number = -1;
    if (!parseNumber(word, number) || !(number >= 0) || number > limit || number != std::floor(number))
        return false;
    count = uint64_t(number);
    return true;
}

std::optional<Scalar> scalarOf(std::string_view type, std::string_view size) {
    const std::string key = std::string(type) + std::string(size);
    constexpr std::pair<std::string_view, Scalar> known[] = {
        {"I1", Scalar::I8},  {"U1", Scalar::U8},  {"I2", Scalar::I16}, {"U2", Scalar::U16},
        {"I4", Scalar::I32}, {"U4", Scalar::U32}, {"I8", Scalar::I64}, {"U8", Scalar::U64},
        {"F4", Scalar::F32}, {"F8", Scalar::F64}};
    for (const auto& [name, scalar] : known)
        if (name == key)
            return scalar;
    return std::nullopt;
}

struct RawHeader {
    std::vector<std::string_view> names, sizes, types, counts, width, height, points;
    std::string data;
};

// Steps `text` over the header.
Result<RawHeader> splitHeader(std::string_view& text, const std::string& where) {
    RawHeader raw;
    for (size_t lines = 0; lines < kMaxHeaderLines && !text.empty(); ++lines) {
        std::string_view rest = nextLine(text);
        const std::string_view key = nextWord(rest);
        if (key == "FIELDS" || key == "COLUMNS")
            raw.names = words(rest);
        else if (key == "SIZE")
            raw.sizes = words(rest);
        else if (key == "TYPE")
            raw.types = words(rest);
        else if (key == "COUNT")
            raw.counts = words(rest);
        else if (key == "WIDTH")
            raw.width = words(rest);
        else if (key == "HEIGHT")
            raw.height = words(rest);
        else if (key == "POINTS")
            raw.points = words(rest);
        else if (key == "DATA") {
            raw.data = std::string(nextWord(rest));
            return raw;
        }
    }
    return damaged(where, "is not a PCD file: the header has no DATA line");
}

Result<uint64_t> pointCount(const RawHeader& raw, const std::string& where) {
    uint64_t points = 0, width = 0, height = 1;
    if (raw.points.size() == 1 && parseCount(raw.points[0], 1e12, points))
        return points;
    const bool sized = raw.width.size() == 1 && parseCount(raw.width[0], 1e6, width) &&
                       (raw.height.empty() || parseCount(raw.height[0], 1e6, height));
    if (!raw.points.empty() || !sized)
        return damaged(where, "the header states no valid number of points (POINTS, or WIDTH and HEIGHT)");
    return width * height;
}

Result<Header> parseHeader(std::string_view& text, const std::string& where) {
    VITRINE_TRY(const RawHeader raw, splitHeader(text, where));
    const size_t fieldCount = raw.names.size();
    if (fieldCount == 0 || raw.sizes.size() != fieldCount || raw.types.size() != fieldCount ||
        (!raw.counts.empty() && raw.counts.size() != fieldCount))
        return damaged(where, fmt::format("FIELDS, SIZE, TYPE and COUNT differ in length: {}, {}, {} and {}",
                                          fieldCount, raw.sizes.size(), raw.types.size(), raw.counts.size()));
    Header header;
    header.data = raw.data;
    for (size_t i = 0; i < fieldCount; ++i) {
        const auto type = scalarOf(raw.types[i], raw.sizes[i]);
        uint64_t count = 1;
        if (!type || (!raw.counts.empty() && (!parseCount(raw.counts[i], 1e6, count) || count == 0)))
            return damaged(where, fmt::format("field \"{}\" has no valid type, size and count",
                                              raw.names[i].substr(0, 40)));
        // A field of several values (a descriptor, "_" padding) has no meaning here.
        header.fields.push_back({count == 1 ? roleOf(raw.names[i]) : Role::Other, *type, size_t(count)});
    }
    VITRINE_TRY(header.points, pointCount(raw, where));
    return header;
}

Failure cutOff(const std::string& where, const Header& header, size_t bytes) {
    return damaged(where,
                   fmt::format("is cut off: {} points do not fit into the {} bytes that follow the header",
                               header.points, bytes));
}

Result<void> readAscii(const Header& header, std::string_view text, CloudBuilder& builder,
                       const std::string& where, JobContext& job) {
    // A digit and a separator each, but for the last.
    if (header.points > (text.size() + 1) / (2 * header.valuesPerPoint()))
        return cutOff(where, header, text.size());
    builder.reserve(size_t(header.points));
    job.beginStage("reading points", int64_t(header.points));
    for (uint64_t point = 0; point < header.points; ++point) {
        VITRINE_TRY_VOID(countRow(job, point));
        for (const Field& field : header.fields)
            for (size_t i = 0; i < field.count; ++i) {
                double value = 0;
                if (!parseNumber(nextWord(text), value))
                    return damaged(where, fmt::format("is cut off or damaged at point {} of {}", point + 1,
                                                      header.points));
                builder.set(field.role, value);
            }
        builder.endPoint();
    }
    return {};
}

Result<void> readBinary(const Header& header, std::string_view bytes, CloudBuilder& builder,
                        const std::string& where, JobContext& job) {
    if (header.points > bytes.size() / header.bytesPerPoint())
        return cutOff(where, header, bytes.size());
    builder.reserve(size_t(header.points));
    job.beginStage("reading points", int64_t(header.points));
    const auto* at = reinterpret_cast<const std::byte*>(bytes.data());
    for (uint64_t point = 0; point < header.points; ++point) {
        VITRINE_TRY_VOID(countRow(job, point));
        for (const Field& field : header.fields) {
            if (field.role != Role::Other)
                builder.set(field.role, readScalar(at, field.type, std::endian::native == std::endian::big));
            at += field.count * byteCount(field.type);
        }
        builder.endPoint();
    }
    return {};
}

Result<PointCloud> readPcd(const std::filesystem::path& path, JobContext& job) {
    const std::string where = path.string();
    VITRINE_TRY(const auto file, MappedFile::open(path));
    std::string_view text(reinterpret_cast<const char*>(file->bytes().data()), file->bytes().size());
    VITRINE_TRY(const Header header, parseHeader(text, where));
    CloudBuilder builder;
    for (const Field& field : header.fields)
        VITRINE_TRY_VOID(builder.declare(field.role, field.type, where));
    VITRINE_TRY_VOID(builder.checkComplete(where));
    if (header.data == "ascii") {
        VITRINE_TRY_VOID(readAscii(header, text, builder, where, job));
    } else if (header.data == "binary") {
        VITRINE_TRY_VOID(readBinary(header, text, builder, where, job));
    } else if (header.data == "binary_compressed") {
        return fail(ErrorCode::Unsupported, "compressed PCD files are not read", where,
                    "Store it uncompressed: pcl_convert_pcd_ascii_binary in.pcd out.pcd 1");
    } else {
        return damaged(where, fmt::format("unknown DATA \"{}\"", header.data.substr(0, 40)));
    }
    PointCloud cloud = builder.take();
    cloud.frame = "world";
    return cloud;
}

}  // namespace

PointCloudReader pcdReader() {
    return {"PCD", {".pcd"}, [](const std::filesystem::path&) { return true; }, readPcd};
}

}  // namespace vitrine::clouds
