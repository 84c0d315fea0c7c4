#include "core/io/gguf_types.h"

#include <fmt/format.h>

namespace vitrine {
namespace {

struct GgmlType {
    uint32_t number;
    std::string_view name;  // equals dtypeName where the type can be read
};

// Numbers that are missing were given up by ggml. Those of the second list are named only.
constexpr GgmlType kReadable[] = {{0, "F32"},   {1, "F16"},   {30, "BF16"}, {28, "F64"},    {24, "I8"},
                                  {25, "I16"},  {26, "I32"},  {27, "I64"},  {8, "Q8_0"},    {2, "Q4_0"},
                                  {3, "Q4_1"},  {6, "Q5_0"},  {7, "Q5_1"},  {10, "Q2_K"},   {11, "Q3_K"},
                                  {12, "Q4_K"}, {13, "Q5_K"}, {14, "Q6_K"}, {20, "IQ4_NL"}, {23, "IQ4_XS"}};
constexpr GgmlType kNamed[] = {{9, "Q8_1"},   {15, "Q8_K"},  {16, "IQ2_XXS"}, {17, "IQ2_XS"}, {18, "IQ3_XXS"},
                               {19, "IQ1_S"}, {21, "IQ3_S"}, {22, "IQ2_S"},   {29, "IQ1_M"},  {34, "TQ1_0"},
                               {35, "TQ2_0"}, {39, "MXFP4"}, {40, "NVFP4"},   {41, "Q1_0"}};

}  // namespace

std::optional<DType> dtypeOfGgml(uint32_t type) {
    for (const GgmlType& known : kReadable)
        if (known.number == type)
            return dtypeFromName(known.name);
    return std::nullopt;
}

std::string ggmlTypeName(uint32_t type) {
    for (const GgmlType& known : kReadable)
        if (known.number == type)
            return std::string(known.name);
    for (const GgmlType& known : kNamed)
        if (known.number == type)
            return std::string(known.name);
    return fmt::format("ggml type {}", type);
}

std::string readableGgmlTypes() {
    std::string all;
    for (const GgmlType& known : kReadable)
        if (known.name[0] != 'I' || known.name[1] == 'Q')  // whole numbers are no weights
            all += fmt::format("{}{}", all.empty() ? "" : ", ", known.name);
    return all;
}

}  // namespace vitrine
