// Speed of language models on the CPU: reading a prompt, perplexity windows, writing token by token; each
// beside the same weights run by plain eager operations (one product for each projection, norms and rotations
// of elementary operations, a cache grown by concatenation), in the same run.
//   language_bench [--case stories|s15|gpt_small] [--rounds N] [--threads N]
// One JSON line per measurement; "ratio" above 1: faster than the plain form.
//   language_bench --case s15 --write FOLDER       the random weights of a case as a Hugging Face folder
//   language_bench --decode FOLDER --tokens N      greedy generation, one for each line of input
#include "core/base/json.h"
#include "core/models/language/decoder_block.h"
#include "core/models/language/generation.h"
#include "tests/bench/bench_measures.h"
#include "tests/bench/bench_options.h"

#include <ATen/Parallel.h>

#include <algorithm>
#include <cstdio>
#include <iostream>
#include <numeric>

namespace vitrine {
namespace {

// Both in turn, so that a busy moment of the machine meets both; medians.
std::pair<double, double> measure(int64_t rounds, const std::function<void()>& ours,
                                  const std::function<void()>& plain) {
    ours();
    plain();
    std::vector<double> first, second;
    for (int64_t i = 0; i < rounds; ++i) {
        first.push_back(bench::secondsOf(ours));
        second.push_back(bench::secondsOf(plain));
    }
    return {bench::spreadOf(std::move(first)).median, bench::spreadOf(std::move(second)).median};
}

// A Llama as eager code writes it.
class PlainLlama {
  public:
    explicit PlainLlama(const LanguageModel& model) : model_(model) {
        const auto& attention = model.config().layers[0].attention;
        const at::Tensor exponents =
            at::arange(0, attention.headWidth, 2).to(at::kFloat) / double(attention.headWidth);
        frequencies_ = 1.0 / at::pow(at::Scalar(model.config().rope.base), exponents);
    }

    at::Tensor logits(const at::Tensor& ids) {
        const Decoder& decoder = model_.decoder();
        at::Tensor x = at::embedding(decoder.embeddingWeight(), ids);
        const int64_t length = ids.size(1);
        const at::Tensor angles =
            at::arange(past_, past_ + length).to(at::kFloat).unsqueeze(1) * frequencies_;
        const at::Tensor both = at::cat({angles, angles}, -1);
        const at::Tensor cosine = both.cos(), sine = both.sin();
        for (int64_t i = 0; i < decoder.depth(); ++i)
            x = block(*decoder.block(i), size_t(i), x, cosine, sine);
        past_ += length;
        return at::linear(norm(x, decoder.named_parameters()["model.norm.weight"]), decoder.headWeight());
    }
    void forget() {
        past_ = 0;
        keys_.clear();
        values_.clear();
    }

  private:
    at::Tensor norm(const at::Tensor& x, const at::Tensor& weight) const {
        return weight * (x * at::rsqrt(x.pow(2).mean(-1, true) + model_.config().epsilon));
    }
    static at::Tensor turned(const at::Tensor& x, const at::Tensor& cosine, const at::Tensor& sine) {
        const auto halves = x.chunk(2, -1);
        return x * cosine + at::cat({-halves[1], halves[0]}, -1) * sine;
    }
    at::Tensor block(const DecoderBlock& block, size_t index, const at::Tensor& x, const at::Tensor& cosine,
                     const at::Tensor& sine) {
        const AttentionSettings& a = block.settings().attention;
        const auto product = [&](LinearRole role, const at::Tensor& in) {
            return at::linear(in, block.linear(role)->weight);
        };
        const at::Tensor normed = norm(x, block.norm(SubLayer::Attention)->weight);
        const auto heads = [&](LinearRole role, int64_t count) {
            return product(role, normed).view({x.size(0), x.size(1), count, a.headWidth}).transpose(1, 2);
        };
        const at::Tensor query = turned(heads(LinearRole::Query, a.queryHeads), cosine, sine);
        at::Tensor key = turned(heads(LinearRole::Key, a.keyValueHeads), cosine, sine);
        at::Tensor value = heads(LinearRole::Value, a.keyValueHeads);
        if (keys_.size() <= index) {
            keys_.push_back(key);
            values_.push_back(value);
        } else {
            key = keys_[index] = at::cat({keys_[index], key}, 2);
            value = values_[index] = at::cat({values_[index], value}, 2);
        }
        key = key.repeat_interleave(a.groupSize(), 1);
        value = value.repeat_interleave(a.groupSize(), 1);
        const at::Tensor mixed = at::scaled_dot_product_attention(query, key, value, {}, 0.0, x.size(1) > 1);
        const at::Tensor stream =
            x + product(LinearRole::Out, mixed.transpose(1, 2).reshape({x.size(0), x.size(1), -1}));
        const at::Tensor inner = norm(stream, block.norm(SubLayer::FeedForward)->weight);
        return stream + product(LinearRole::Down,
                                at::silu(product(LinearRole::Gate, inner)) * product(LinearRole::Up, inner));
    }

    const LanguageModel& model_;
    at::Tensor frequencies_;
    int64_t past_ = 0;
    std::vector<at::Tensor> keys_, values_;
};

struct Shape {
    const char* name;
    int64_t width, depth, heads, keyValueHeads, intermediate, vocabulary, context;
};
constexpr Shape kShapes[] = {{"stories", 64, 5, 8, 4, 172, 512, 512},
                             {"s15", 288, 6, 6, 6, 768, 32000, 256},
                             {"gpt_small", 768, 12, 12, 4, 2048, 32000, 512}};

DecoderConfig configOf(const Shape& shape) {
    DecoderConfig config;
    config.vocabulary = shape.vocabulary;
    config.width = shape.width;
    config.contextLength = shape.context;
    config.tiedEmbeddings = true;
    LayerSettings layer;
    layer.attention.queryHeads = shape.heads;
    layer.attention.keyValueHeads = shape.keyValueHeads;
    layer.attention.headWidth = shape.width / shape.heads;
    layer.feedForward.intermediate = shape.intermediate;
    config.layers.assign(size_t(shape.depth), layer);
    return config;
}

void print(const Shape& shape, const char* what, int64_t tokens, std::pair<double, double> seconds) {
    bench::printLine({{"case", shape.name},
                      {"what", what},
                      {"tokens_per_second", double(tokens) / seconds.first},
                      {"plain_tokens_per_second", double(tokens) / seconds.second},
                      {"ratio", seconds.second / seconds.first},
                      {"threads", at::get_num_threads()}});
}

// False where the plain form computes something else.
bool measureShape(const Shape& shape, int64_t rounds) {
    const auto model = bench::must(createLanguageModel(configOf(shape), 1, 0.05));
    at::NoGradGuard noGrad;
    const Decoder& decoder = model->decoder();
    PlainLlama plain(*model);
    const int64_t length = std::min<int64_t>(256, shape.context);
    const at::Tensor prompt = at::arange(length, at::kLong).mul(7).remainder(shape.vocabulary).unsqueeze(0);
    const double error = (plain.logits(prompt) - decoder.logits(prompt)).abs().max().item<double>();
    if (error > 1e-2) {
        std::fprintf(stderr, "the plain form computes something else: %g\n", error);
        return false;
    }
    const auto once = [&](const at::Tensor& ids) {
        plain.forget();
        return plain.logits(ids);
    };
    print(shape, "prefill", length,
          measure(
              rounds, [&] { decoder.logits(prompt); }, [&] { once(prompt); }));
    const at::Tensor windows = prompt.repeat({4, 1});
    print(shape, "perplexity", 4 * length,
          measure(
              rounds, [&] { decoder.tokenLosses(windows); },
              [&] {
                  const at::Tensor logits = once(windows);
                  at::cross_entropy_loss(logits.narrow(1, 0, length - 1).reshape({-1, shape.vocabulary}),
                                         windows.narrow(1, 1, length - 1).reshape({-1}), {},
                                         at::Reduction::None);
              }));
    const int64_t fresh = std::min<int64_t>(128, shape.context - 16);
    const std::vector<int64_t> start(8, 3);
    JobContext job;
    GenerationOptions options;
    options.maxNewTokens = fresh;
    options.stopAtEnd = false;
    print(shape, "decode", fresh,
          measure(
              rounds, [&] { (void)generate(*model, start, options, job); },
              [&] {
                  at::Tensor logits = once(at::tensor(start, at::kLong).unsqueeze(0));
                  for (int64_t i = 0; i < fresh; ++i)
                      logits = plain.logits(logits.select(1, logits.size(1) - 1).argmax(-1, true));
              }));
    return true;
}

void write(const Shape& shape, const std::string& folder) {
    bench::must(saveLanguageModel(*bench::must(createLanguageModel(configOf(shape), 1, 0.05)), folder));
}

void decodeOnDemand(const std::string& folder, int64_t fresh) {
    const auto model = bench::must(loadLanguageModel(folder, {}));
    at::NoGradGuard noGrad;
    std::vector<int64_t> prompt(8);
    std::iota(prompt.begin(), prompt.end(), 1);
    JobContext job;
    GenerationOptions options;
    options.maxNewTokens = fresh;
    options.stopAtEnd = false;
    for (std::string line; std::getline(std::cin, line);) {
        const double busy = bench::processorSeconds();
        std::vector<int64_t> ids;
        const double seconds =
            bench::secondsOf([&] { ids = bench::must(generate(*model, prompt, options, job)).ids; });
        bench::printLine(
            {{"seconds", seconds}, {"cpu_seconds", bench::processorSeconds() - busy}, {"ids", ids}});
    }
}

}  // namespace
}  // namespace vitrine

int main(int argumentCount, char** arguments) {
    using namespace vitrine::bench;
    std::string name, decoded, folder;
    int64_t rounds = 7, tokens = 128;
    if (!readBenchOptions(
            argumentCount, arguments,
            {{.key = "--case", .value = &name, .choices = {"stories", "s15", "gpt_small"}},
             {.key = "--rounds", .value = &rounds},
             {.key = "--threads", .value = [](int64_t count) { at::set_num_threads(int(count)); }},
             {.key = "--write", .value = &folder},
             {.key = "--decode", .value = &decoded},
             {.key = "--tokens", .value = &tokens}}))
        return kUsageError;
    if (!decoded.empty()) {
        vitrine::decodeOnDemand(decoded, tokens);
        return 0;
    }
    bool agree = true;
    for (const vitrine::Shape& shape : vitrine::kShapes)
        if (name.empty() || name == shape.name) {
            if (folder.empty())
                agree = vitrine::measureShape(shape, rounds) && agree;
            else
                vitrine::write(shape, folder);
        }
    return agree ? 0 : 1;
}
