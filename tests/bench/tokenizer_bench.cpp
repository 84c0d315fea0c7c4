// Speed of a tokenizer on one thread: opening it, encoding a text with an empty and with a filled word cache,
// and decoding.
//   tokenizer_bench TOKENIZER TEXT [--rounds N] [--ids FILE]
// One JSON line: medians with fastest and slowest run, in seconds of processor time (fair on a busy machine),
// and MB/s. --ids writes the ids, one a line, for tokenizer_peer.py to compare.
#include "core/base/file.h"
#include "core/tokenizers/tokenizer.h"
#include "tests/bench/bench_measures.h"

namespace vitrine {
namespace {

using namespace bench;

// `prepare` is not measured.
Json measure(int rounds, size_t bytes, const std::function<void()>& prepare,
             const std::function<void()>& work) {
    std::vector<double> times;
    for (int i = 0; i < rounds; ++i) {
        prepare();
        const double start = processorSeconds();
        work();
        times.push_back(processorSeconds() - start);
    }
    const Spread spread = spreadOf(std::move(times));
    Json out = {{"median_s", spread.median}, {"fastest_s", spread.fastest}, {"slowest_s", spread.slowest}};
    if (bytes > 0)
        out["mb_per_s"] = double(bytes) / 1e6 / spread.median;
    return out;
}

int run(int argc, char** argv) {
    int rounds = 7;
    std::string idsFile;
    for (int i = 3; i + 1 < argc; i += 2)
        (std::string_view(argv[i]) == "--ids" ? void(idsFile = argv[i + 1])
                                              : void(rounds = std::max(1, std::atoi(argv[i + 1]))));
    const std::string text = must(readFile(argv[2]));
    Tokenizer tokenizer = must(openTokenizer(argv[1]));
    const Encoding encoding = must(tokenizer.encode(text));
    const auto nothing = [] {};
    Json out = {{"tokenizer", tokenizer.description()}, {"bytes", text.size()}, {"ids", encoding.ids.size()}};
    out["open"] = measure(rounds, 0, nothing, [&] { must(openTokenizer(argv[1])); });
    out["encode_cold"] = measure(
        rounds, text.size(), [&] { tokenizer = must(openTokenizer(argv[1])); },
        [&] { must(tokenizer.encode(text)); });
    out["encode_warm"] = measure(rounds, text.size(), nothing, [&] { must(tokenizer.encode(text)); });
    out["decode"] = measure(rounds, text.size(), nothing, [&] { must(tokenizer.decode(encoding.ids)); });
    printLine(out);
    if (!idsFile.empty()) {
        std::string lines;
        for (const int64_t id : encoding.ids)
            lines += fmt::format("{}\n", id);
        if (const auto written = writeFileAtomically(idsFile, lines); !written)
            std::fprintf(stderr, "%s\n", written.error().text().c_str());
    }
    return 0;
}

}  // namespace
}  // namespace vitrine

int main(int argc, char** argv) {
    if (argc < 3) {
        std::fprintf(stderr, "usage: tokenizer_bench TOKENIZER TEXT [--rounds N] [--ids FILE]\n");
        return 2;
    }
    return vitrine::run(argc, argv);
}
