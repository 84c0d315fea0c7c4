#include "core/base/file.h"
#include "plugins/point_clouds/cloud_builder.h"
#include "plugins/point_clouds/readers.h"
#include "plugins/point_clouds/text_numbers.h"

#include <bit>
#include <cmath>
#include <map>

namespace vitrine::clouds {
namespace {

constexpr size_t kMaxHeaderLines = 4096;

struct Property {
    Scalar type = Scalar::F32;
    std::optional<Scalar> countType;  // of a list
    Role role = Role::Other;
};

struct Element {
    std::string name;
    uint64_t count = 0;
    std::vector<Property> properties;

    // Fewest bytes one row takes; an ascii value takes a digit and a separator.
    size_t leastBytes(bool ascii) const {
        size_t bytes = 0;
        for (const Property& property : properties)
            bytes += ascii ? 2 : byteCount(property.countType.value_or(property.type));
        return bytes;
    }
};

enum class Encoding { Ascii, LittleEndian, BigEndian };

struct Header {
    Encoding encoding = Encoding::Ascii;
    std::vector<Element> elements;
};

Failure damaged(const std::string& where, std::string message) {
    return fail(ErrorCode::InvalidFile, std::move(message), where);
}

std::optional<Scalar> scalarNamed(std::string_view name) {
    static const std::map<std::string_view, Scalar> names = {
        {"char", Scalar::I8},   {"int8", Scalar::I8},     {"uchar", Scalar::U8},   {"uint8", Scalar::U8},
        {"short", Scalar::I16}, {"int16", Scalar::I16},   {"ushort", Scalar::U16}, {"uint16", Scalar::U16},
        {"int", Scalar::I32},   {"int32", Scalar::I32},   {"uint", Scalar::U32},   {"uint32", Scalar::U32},
        {"float", Scalar::F32}, {"float32", Scalar::F32}, {"double", Scalar::F64}, {"float64", Scalar::F64}};
    const auto found = names.find(name);
    return found == names.end() ? std::nullopt : std::optional(found->second);
}

Result<Property> parseProperty(std::string_view rest, const std::string& where) {
    Property property;
    std::string_view type = nextWord(rest);
    const bool list = type == "list";
    if (list) {
        property.countType = scalarNamed(nextWord(rest));
        if (!property.countType || *property.countType == Scalar::F32 || *property.countType == Scalar::F64)
            return damaged(where, "a list property's count has no integer type");
        type = nextWord(rest);
    }
    const auto scalar = scalarNamed(type);
    if (!scalar)
        return damaged(where, fmt::format("unknown property type \"{}\"", type.substr(0, 40)));
    property.type = *scalar;
    if (!list)
        property.role = roleOf(nextWord(rest));
    return property;
}

Result<Encoding> parseEncoding(std::string_view rest, const std::string& where) {
    const std::string_view name = nextWord(rest);
    if (name == "ascii")
        return Encoding::Ascii;
    if (name == "binary_little_endian")
        return Encoding::LittleEndian;
    if (name == "binary_big_endian")
        return Encoding::BigEndian;
    return damaged(where, fmt::format("unknown PLY format \"{}\"", name.substr(0, 40)));
}

// Steps `text` over the header.
Result<Header> parseHeader(std::string_view& text, const std::string& where) {
    if (nextLine(text) != "ply")
        return damaged(where, "is not a PLY file: the first line is not \"ply\"");
    Header header;
    bool formatSeen = false;
    for (size_t lines = 0; lines < kMaxHeaderLines && !text.empty(); ++lines) {
        std::string_view rest = nextLine(text);
        const std::string_view key = nextWord(rest);
        if (key == "format") {
            VITRINE_TRY(header.encoding, parseEncoding(rest, where));
            formatSeen = true;
        } else if (key == "element") {
            Element element;
            element.name = std::string(nextWord(rest));
            double count = -1;
            if (!parseNumber(nextWord(rest), count) || !(count >= 0) || count > 1e15 ||
                count != std::floor(count))
                return damaged(where,
                               fmt::format("element \"{}\" has no valid count", element.name.substr(0, 40)));
            element.count = uint64_t(count);
            header.elements.push_back(std::move(element));
        } else if (key == "property") {
            if (header.elements.empty())
                return damaged(where, "a property stands before the first element");
            VITRINE_TRY(const Property property, parseProperty(rest, where));
            header.elements.back().properties.push_back(property);
        } else if (key == "end_header") {
            if (!formatSeen)
                return damaged(where, "the header states no format");
            return header;
        }  // comment, obj_info and what others may add
    }
    return damaged(where, "the header has no end_header");
}

// The values behind the header, one after the other, each checked against the end.
class Values {
  public:
    Values(std::string_view rest, Encoding encoding)
        : rest_(rest),
          ascii_(encoding == Encoding::Ascii),
          swapped_((encoding == Encoding::BigEndian) != (std::endian::native == std::endian::big)) {}

    bool next(Scalar type, double& value) {
        if (ascii_)
            return parseNumber(nextWord(rest_), value);
        const size_t size = byteCount(type);
        if (rest_.size() < size)
            return false;
        value = readScalar(reinterpret_cast<const std::byte*>(rest_.data()), type, swapped_);
        rest_.remove_prefix(size);
        return true;
    }
    bool skipList(const Property& property) {
        double count = 0, ignored = 0;
        if (!next(*property.countType, count) || !(count >= 0))
            return false;
        for (double i = 0; i < count; ++i)
            if (!next(property.type, ignored))
                return false;
        return true;
    }
    bool ascii() const { return ascii_; }
    size_t remaining() const { return rest_.size(); }

  private:
    std::string_view rest_;
    bool ascii_, swapped_;
};

Result<void> readElement(const Element& element, Values& values, CloudBuilder* builder,
                         const std::string& where, JobContext& job) {
    const size_t least = element.leastBytes(values.ascii());
    // Ascii: the last value needs no separator. Checked before anything is allocated for the count.
    if (least == 0 ? element.count != 0 && builder : element.count > (values.remaining() + 1) / least)
        return damaged(where,
                       fmt::format("is cut off: {} rows of \"{}\" do not fit into the {} bytes that follow",
                                   element.count, element.name.substr(0, 40), values.remaining()));
    if (least == 0)
        return {};
    if (builder)
        builder->reserve(size_t(element.count));
    job.beginStage("reading points", int64_t(element.count));
    for (uint64_t row = 0; row < element.count; ++row) {
        VITRINE_TRY_VOID(countRow(job, row));
        for (const Property& property : element.properties) {
            double value = 0;
            const bool read =
                property.countType ? values.skipList(property) : values.next(property.type, value);
            if (!read)
                return damaged(where, fmt::format("is cut off or damaged at row {} of {} of \"{}\"", row + 1,
                                                  element.count, element.name.substr(0, 40)));
            if (builder && !property.countType)
                builder->set(property.role, value);
        }
        if (builder)
            builder->endPoint();
    }
    return {};
}

Result<PointCloud> readPly(const std::filesystem::path& path, JobContext& job) {
    const std::string where = path.string();
    VITRINE_TRY(const auto file, MappedFile::open(path));
    std::string_view text(reinterpret_cast<const char*>(file->bytes().data()), file->bytes().size());
    VITRINE_TRY(const Header header, parseHeader(text, where));
    Values values(text, header.encoding);
    for (const Element& element : header.elements) {
        if (element.name != "vertex") {
            VITRINE_TRY_VOID(readElement(element, values, nullptr, where, job));
            continue;
        }
        CloudBuilder builder;
        for (const Property& property : element.properties)
            VITRINE_TRY_VOID(builder.declare(property.role, property.type, where));
        VITRINE_TRY_VOID(builder.checkComplete(where));
        VITRINE_TRY_VOID(readElement(element, values, &builder, where, job));
        PointCloud cloud = builder.take();
        cloud.frame = "world";
        return cloud;
    }
    return damaged(where, "has no element \"vertex\"");
}

}  // namespace

PointCloudReader plyReader() {
    return {"PLY", {".ply"}, [](const std::filesystem::path&) { return true; }, readPly};
}

}  // namespace vitrine::clouds
