// Writes the bytes of small GGUF files for tests.
#pragma once

#include <cstdint>
#include <string>

namespace vitrine::testing {

template <typename T>
std::string raw(T value) {
    return std::string(reinterpret_cast<const char*>(&value), sizeof(T));
}

inline std::string ggufText(const std::string& text) {
    return raw<uint64_t>(text.size()) + text;
}

// A valid version 3 file: three key/values (one an array of texts) and an F32 [2,3] and a Q8_0 [1,32] tensor.
inline std::string smallGguf() {
    std::string file = "GGUF" + raw<uint32_t>(3) + raw<uint64_t>(2) + raw<uint64_t>(3);
    file += ggufText("general.name") + raw<uint32_t>(8) + ggufText("small");
    file += ggufText("llama.block_count") + raw<uint32_t>(4) + raw<uint32_t>(7);
    file += ggufText("tokenizer.ggml.tokens") + raw<uint32_t>(9) + raw<uint32_t>(8) + raw<uint64_t>(2) +
            ggufText("a") + ggufText("\xff");
    file += ggufText("w") + raw<uint32_t>(2) + raw<uint64_t>(3) + raw<uint64_t>(2) + raw<uint32_t>(0) +
            raw<uint64_t>(0);
    file += ggufText("q") + raw<uint32_t>(1) + raw<uint64_t>(32) + raw<uint32_t>(8) + raw<uint64_t>(32);
    file.append((32 - file.size() % 32) % 32, '\0');
    for (int i = 0; i < 6; ++i)
        file += raw<float>(float(i));
    file.append(8, '\0');
    file += raw<uint16_t>(0x3800);  // 0.5
    for (int i = 0; i < 32; ++i)
        file += raw<int8_t>(int8_t(i - 16));
    return file;
}

}  // namespace vitrine::testing
