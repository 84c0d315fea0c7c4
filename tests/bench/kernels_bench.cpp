// Times of the kernels and of the paths that views wait for, each against plain LibTorch in the same run.
//   kernels_bench [--json FILE] [--filter TEXT] [--repeat N]
// Prints the median and the 10th to 90th percentile of N (default 9) runs after one warm-up, and the ratio of
// medians.
#include "core/base/json.h"
#include "core/features/pca.h"
#include "core/features/similarity.h"
#include "core/features/upsample.h"
#include "kernels/compression_operators.h"
#include "kernels/operators.h"

#include <ATen/Parallel.h>
#include <torch/csrc/autograd/autograd.h>

#include <algorithm>
#include <chrono>
#include <ctime>
#include <fstream>
#include <iostream>

namespace vitrine {
namespace {

using Work = std::function<void()>;

struct Timing {
    double median = 0, low = 0, high = 0;  // milliseconds
    double cpu =
        0;  // median processor time of all threads, milliseconds: what a loaded machine distorts least
};

struct Entry {
    std::string name;
    Work ours;
    Work plain;           // may be empty
    double targetMs = 0;  // 0: none
    const char* baseline = "plain LibTorch";
};

Timing measure(const Work& work, int repeat) {
    work();
    std::vector<double> times, processor;
    for (int run = 0; run < repeat; ++run) {
        const auto start = std::chrono::steady_clock::now();
        const std::clock_t processorStart = std::clock();
        work();
        processor.push_back(1000. * double(std::clock() - processorStart) / CLOCKS_PER_SEC);
        times.push_back(
            std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - start).count());
    }
    std::sort(times.begin(), times.end());
    const auto at = [&](double share) { return times[size_t(share * double(times.size() - 1) + 0.5)]; };
    std::sort(processor.begin(), processor.end());
    return {at(0.5), at(0.1), at(0.9), processor[processor.size() / 2]};
}

at::Tensor unfold(const at::Tensor& map, int64_t radius) {
    const int64_t d = 2 * radius + 1;
    return at::im2col(at::reflection_pad2d(map, {radius, radius, radius, radius}), {d, d}, {1, 1}, {0, 0},
                      {1, 1})
        .reshape({map.size(0), map.size(1), d * d, map.size(2), map.size(3)});
}

// Learned-range level in plain LibTorch: neighbours unfolded for guidance and features.
at::Tensor plainLearnedLevel(const at::Tensor& map, const at::Tensor& keys, const at::Tensor& spatial) {
    const auto scores = (unfold(keys, 3) * keys.unsqueeze(2)).sum(1);
    auto taps = scores.softmax(1) * spatial;
    taps = taps / taps.sum(1, true).clamp_min(1e-7);
    return (unfold(map, 3) * taps.unsqueeze(1)).sum(2);
}

at::Tensor plainGuidedLevel(const at::Tensor& map, const at::Tensor& guidance, const at::Tensor& spatial) {
    const auto distance = (unfold(guidance, 3) - guidance.unsqueeze(2)).square().sum(1);
    auto taps = (-distance / (2 * 0.1 * 0.1)).exp() * spatial;
    taps = taps / taps.sum(1, true);
    return (unfold(map, 3) * taps.unsqueeze(1)).sum(2);
}

void addUpsampling(std::vector<Entry>& list) {
    const auto map = at::randn({1, 256, 96, 96}), keys = at::randn({1, 32, 96, 96}),
               rgb = at::rand({1, 3, 96, 96});
    const auto axis = at::linspace(-1, 1, 7);
    const auto spatial =
        (-(axis.square().unsqueeze(1) + axis.square().unsqueeze(0)) / 2).exp().reshape({1, 49, 1, 1});
    list.push_back({"jbu learned level, 256 channels, 96x96",
                    [=] { kernels::jbuApply(map, kernels::jbuLearnedTaps(keys, 1, 1, 3)); },
                    [=] { plainLearnedLevel(map, keys, spatial); }});
    list.push_back({"jbu guided level, 256 channels, 96x96",
                    [=] { kernels::jbuApply(map, kernels::jbuGuidedTaps(rgb, 1, 0.1, 3)); },
                    [=] { plainGuidedLevel(map, rgb, spatial); }});
    const auto three = at::randn({1, 3, 256, 256}), small = at::rand({1, 3, 256, 256});
    list.push_back({"jbu guided level, 3 channels, 256x256",
                    [=] { kernels::jbuApply(three, kernels::jbuGuidedTaps(small, 1, 0.1, 3)); },
                    [=] { plainGuidedLevel(three, small, spatial); }});
}

void addProjections(std::vector<Entry>& list) {
    const auto x = at::randn({768, 64, 64}), mean = at::randn({768}), rows = at::randn({3, 768});
    const auto query = at::randn({1, 768});
    list.push_back({"cosine map, 768 channels, 64x64", [=] { kernels::cosineSimilarityMap(x, query); },
                    [=] {
                        at::cosine_similarity(x, query.reshape({768, 1, 1}), 0);
                    }});
    list.push_back({"pca projection, 768 channels, 64x64", [=] { kernels::pcaProjection(x, mean, rows); },
                    [=] { rows.matmul(x.flatten(1) - mean.unsqueeze(1)); }});
    const auto half = x.to(at::kBFloat16);
    list.push_back({"pca projection, bfloat16", [=] { kernels::pcaProjection(half, mean, rows); },
                    [=] { rows.matmul(half.to(at::kFloat).flatten(1) - mean.unsqueeze(1)); }});
}

void addSparsity(std::vector<Entry>& list) {
    const auto weight = at::randn({2048, 2048});
    list.push_back({"2:4 mask, 2048x2048", [=] { kernels::nmMask(weight, 2, 4); },
                    [=] {
                        const auto groups = weight.reshape({-1, 4});
                        at::zeros_like(groups, at::kByte).scatter_(1, std::get<1>(groups.topk(2, 1)), 1);
                    }});
    list.push_back({"2:4 scan, 2048x2048", [=] { kernels::nmScan(weight, 4); },
                    [=] {
                        (weight != 0).reshape({-1, 4}).sum(1).bincount({}, 5);
                    }});
}

using Function = std::function<at::Tensor(const std::vector<at::Tensor>&)>;

// The backward pass alone; the graph is made at the first call and kept.
Work backwardOf(const Function& function, const std::vector<at::Tensor>& inputs, const at::Tensor& grad) {
    struct Graph {
        std::vector<at::Tensor> leaves;
        at::Tensor out, grad;
    };
    return [=, graph = std::make_shared<Graph>()] {
        const c10::InferenceMode ordinary(false);
        const at::AutoGradMode recording(true);
        if (!graph->out.defined()) {
            for (const auto& input : inputs)
                graph->leaves.push_back(input.clone().requires_grad_());
            graph->out = function(graph->leaves);
            graph->grad = grad.clone();
        }
        torch::autograd::grad({graph->out}, graph->leaves, {graph->grad}, true);
    };
}

// Wanda's score and mask in one pass, the packed form, and its product for one token and for many.
void addSparse24(std::vector<Entry>& list) {
    const auto weight = at::randn({4096, 4096}), norm = at::rand({4096}) + 0.1;
    // Best of six by a table of all sums, as it is usually written.
    const auto table =
        at::tensor({1, 1, 0, 0, 1, 0, 1, 0, 1, 0, 0, 1, 0, 1, 1, 0, 0, 1, 0, 1, 0, 0, 1, 1}, at::kFloat)
            .reshape({6, 4})
            .t();
    list.push_back({"2:4 best of six, 4096x4096", [=] { kernels::sparse24Search(weight); },
                    [=] {
                        weight.abs().reshape({-1, 4}).matmul(table).argmax(1);
                    }});
    list.push_back({"2:4 best of six, 4096x4096, against reading", [=] { kernels::sparse24Search(weight); },
                    [=] { weight.sum(); }, 0, "sum"});
    list.push_back({"2:4 best of six, scaled by inputs, 4096x4096",
                    [=] { kernels::sparse24Search(weight, norm); },
                    [=] {
                        (weight.abs() * norm).reshape({-1, 4}).matmul(table).argmax(1);
                    }});
    const auto patterns = kernels::sparse24Search(weight);
    const auto masked = kernels::sparse24Apply(weight, patterns);
    list.push_back({"2:4 pack, 4096x4096", [=] { kernels::sparse24Pack(masked); },
                    [=] { masked.masked_select(masked != 0); }, 0, "masked_select"});
    const auto packed = kernels::sparse24Pack(masked), half = kernels::sparse24Pack(masked.to(at::kBFloat16));
    list.push_back({"2:4 unpack, 4096x4096", [=] { kernels::sparse24Unpack(packed.values, packed.metadata); },
                    [=] { masked.clone(); }, 0, "copy"});
    for (const int64_t count : {1, 4, 16, 128, 512}) {
        const auto x = at::randn({count, 4096});
        list.push_back({fmt::format("2:4 product, {} x 4096x4096", count),
                        [=] { kernels::sparse24Linear(x, packed.values, packed.metadata); },
                        [=] { at::linear(x, masked); }, 0, "dense"});
    }
    const auto one = at::randn({1, 4096});
    const auto dense = masked.to(at::kBFloat16), oneHalf = one.to(at::kBFloat16);
    list.push_back({"2:4 product, 1 x 4096x4096, bfloat16 weight",
                    [=] { kernels::sparse24Linear(one, half.values, half.metadata); },
                    [=] { at::linear(oneHalf, dense); }, 0, "dense"});
}

// Six logits to four mask values, forward and backward.
void addGumbel(std::vector<Entry>& list) {
    const auto logits = at::randn({1 << 20, 6}), grad = at::randn({1 << 20, 4});
    const auto table =
        at::tensor({1, 1, 0, 0, 1, 0, 1, 0, 1, 0, 0, 1, 0, 1, 1, 0, 0, 1, 0, 1, 0, 0, 1, 1}, at::kFloat)
            .reshape({6, 4});
    const auto ours = [](const std::vector<at::Tensor>& in) {
        return kernels::gumbelMask(in[0], {}, 5, 2, 1);
    };
    const auto plain = [table](const std::vector<at::Tensor>& in) {
        const auto noise = -(-at::rand_like(in[0]).clamp(1e-10, 1 - 1e-7).log()).log();
        return (2 * in[0] + noise).softmax(1).matmul(table.clone());
    };
    list.push_back({"gumbel mask, 1M groups", [=] { ours({logits}); }, [=] { plain({logits}); }});
    list.push_back({"gumbel mask backward, 1M groups", backwardOf(ours, {logits}, grad),
                    backwardOf(plain, {logits}, grad)});
}

void addLowBit(std::vector<Entry>& list) {
    using kernels::LowBitFormat;
    const auto weight = at::randn({2048, 4096});
    const auto groups = weight.reshape({-1, 128});
    list.push_back({"int4 groups of 128, 2048x4096",
                    [=] { kernels::lowBitEncode(weight, LowBitFormat::Affine, 4, 128); },
                    [=] {
                        const auto low = groups.amin({1}, true).clamp_max(0),
                                   high = groups.amax({1}, true).clamp_min(0);
                        const auto scale = (high - low) / 15, zero = (-low / scale).round();
                        ((groups / scale).round() + zero).clamp(0, 15).to(at::kByte);
                    }});
    list.push_back({"fp8 e4m3 per row, 2048x4096",
                    [=] { kernels::lowBitEncode(weight, LowBitFormat::E4M3, 8, 0); },
                    [=] {
                        const auto scale = weight.abs().amax({1}, true) / 448;
                        (weight / scale).clamp(-448, 448).to(at::kFloat8_e4m3fn);
                    }});
    const auto entries = at::tensor(at::ArrayRef<float>(kernels::kNormalFloat4, 16));
    const auto middles = (entries.slice(0, 1) + entries.slice(0, 0, 15)) / 2;
    list.push_back({"nf4 blocks of 64, 2048x4096",
                    [=] { kernels::lowBitEncode(weight, LowBitFormat::Nf4, 4, 64); },
                    [=] {
                        const auto blocks = weight.reshape({-1, 64});
                        at::bucketize(blocks / blocks.abs().amax({1}, true), middles);
                    }});
    const auto codes = kernels::lowBitEncode(weight, LowBitFormat::Nvfp4, 4, 16);
    list.push_back(
        {"nvfp4, 2048x4096", [=] { kernels::lowBitEncode(weight, LowBitFormat::Nvfp4, 4, 16); },
         [=] {
             const auto blocks = weight.reshape({-1, 16});
             const auto scale = (blocks.abs().amax({1}, true) / 6).to(at::kFloat8_e4m3fn).to(at::kFloat);
             at::bucketize((blocks / scale).abs(), at::tensor({.25f, .75f, 1.25f, 1.75f, 2.5f, 3.5f, 5.f}));
         }});
    const auto magnitudes = at::tensor(at::ArrayRef<float>(kernels::kE2M1, 8));
    const auto all = at::cat({magnitudes, -magnitudes});
    list.push_back({"nvfp4 decode, 2048x4096", [=] { kernels::lowBitDecode(codes, LowBitFormat::Nvfp4, 16); },
                    [=] {
                        all.index_select(0, codes.codes.flatten().to(at::kInt)).reshape({-1, 16}) *
                            codes.scales.reshape({-1, 1});
                    }});
}

// A rotation should cost little more than reading and writing the data (wanted: 1.3 times a copy).
void addRotations(std::vector<Entry>& list) {
    for (const int64_t width : {256, 1024, 4096}) {
        const auto x = at::randn({(int64_t(1) << 23) / width, width});
        list.push_back({fmt::format("hadamard transform, {} wide, 32 MB", width),
                        [=] { kernels::hadamardTransform(x, width, 0.5); }, [=] { x.clone(); }, 0, "copy"});
    }
    const auto x = at::randn({6400, 1280});
    list.push_back({"hadamard transform, order 64 of 1280 wide, 32 MB",
                    [=] { kernels::hadamardTransform(x, 64, 0.125); }, [=] { x.clone(); }, 0, "copy"});
    const auto wide = at::randn({2048, 1024}), matrix = at::randn({1024, 1024});
    list.push_back({"hadamard transform, 1024 wide, against a product",
                    [=] { kernels::hadamardTransform(wide, 1024, 0.5); }, [=] { wide.matmul(matrix); }});
}

// The published definition as plain LibTorch: one step after the other, float32.
at::Tensor plainScan(const at::Tensor& u, const at::Tensor& delta, const at::Tensor& a, const at::Tensor& b,
                     const at::Tensor& c, const at::Tensor& skip) {
    const auto step = at::softplus(delta);
    const auto decay = (step.unsqueeze(3) * a.unsqueeze(1).unsqueeze(0)).exp().unbind(2);  // each (B, D, N)
    const auto input = ((step * u).unsqueeze(3) * b.transpose(1, 2).unsqueeze(1)).unbind(2);
    const auto read = c.unsqueeze(3).unbind(2);
    auto state = at::zeros({u.size(0), u.size(1), a.size(1)});
    std::vector<at::Tensor> outputs;
    for (size_t t = 0; t < decay.size(); ++t) {
        state = decay[t] * state + input[t];
        outputs.push_back(at::matmul(state, read[t]).squeeze(2));
    }
    return at::stack(outputs, 2) + skip.unsqueeze(1) * u;
}

// Mixers of MambaVision-T at 1024 pixels (64 x 64 tokens in one window) and of Mamba-130M, half as wide as
// there.
void addScans(std::vector<Entry>& list) {
    for (const auto& [name, channels, states] :
         {std::tuple{"160 channels, 8 states", 160, 8}, std::tuple{"768 channels, 16 states", 768, 16}}) {
        const int64_t length = 4096;
        const auto u = at::randn({1, length, channels}).transpose(1, 2),
                   delta = at::randn({1, length, channels}).transpose(1, 2) * 0.5 - 1;
        const auto a = -at::arange(1, states + 1, at::kFloat).repeat({channels, 1}),
                   skip = at::ones({channels});
        const auto b = at::randn({1, states, length}), c = at::randn({1, states, length}),
                   grad = at::randn({1, channels, length});
        const auto ours = [](const std::vector<at::Tensor>& in) {
            return std::get<0>(
                kernels::selectiveScan({in[0], in[1], in[2], in[3], in[4], in[5], {}, {}, {}, true}));
        };
        const auto plain = [](const std::vector<at::Tensor>& in) {
            return plainScan(in[0], in[1], in[2], in[3], in[4], in[5]);
        };
        const std::vector<at::Tensor> inputs{u, delta, a, b, c, skip};
        list.push_back({fmt::format("selective scan, length 4096, {}", name), [=] { ours(inputs); },
                        [=] { plain(inputs); }, 0, "step by step"});
        list.push_back({fmt::format("selective scan backward pass, {}", name), backwardOf(ours, inputs, grad),
                        backwardOf(plain, inputs, grad), 0, "step by step"});
    }
}

// What a person waits for after a click, features of a ViT-B at 1024 x 1024 (64 x 64 patches) at hand.
void addViews(std::vector<Entry>& list) {
    const auto map = at::randn({768, 64, 64});
    const auto guidance = at::rand({3, 1024, 1024});
    const auto basis = std::make_shared<PcaBasis>(*fitPca(map.flatten(1).t()));
    const auto taps = std::make_shared<JbuTaps>(*JbuTaps::guided(guidance, 64, 64));
    const auto show = [map](const PcaBasis& with, const JbuTaps& through) {
        pcaColors(with, *through.apply(*projectOnBasis(with, map)));
    };
    list.push_back({"PCA + JBU to 1024x1024, first time",
                    [=] {
                        const auto fitted = *fitPca(map.flatten(1).t());
                        show(fitted, *JbuTaps::guided(guidance, 64, 64));
                    },
                    {},
                    400});
    list.push_back({"PCA + JBU to 1024x1024, basis changed", [=] { show(*basis, *taps); }, {}, 60});
    list.push_back({"probe to four maps, bilinear to 1024x1024",
                    [=] {
                        for (int panel = 0; panel < 4; ++panel) {
                            const auto cosine = *cosineMap(map, *patchVector(map, panel, 7));
                            (void)*resizeFeatures(cosine.unsqueeze(0), 1024, 1024, ResizeMode::Bilinear);
                        }
                    },
                    {},
                    50});
    list.push_back({"probe to one map, JBU to 1024x1024",
                    [=] { (void)*taps->apply((*cosineMap(map, *patchVector(map, 3, 7))).unsqueeze(0)); },
                    {},
                    50});
    list.push_back({"probe to four maps of one picture, JBU to 1024x1024",
                    [=] {
                        std::vector<at::Tensor> maps;
                        for (int panel = 0; panel < 4; ++panel)
                            maps.push_back(*cosineMap(map, *patchVector(map, panel, 7)));
                        (void)*taps->apply(at::stack(maps));
                    },
                    {},
                    50});
}

Json report(const Entry& entry, int repeat) {
    const auto ours = measure(entry.ours, repeat);
    Json row{{"name", entry.name},
             {"median_ms", ours.median},
             {"p10_ms", ours.low},
             {"p90_ms", ours.high},
             {"cpu_ms", ours.cpu}};
    std::string line = fmt::format("{:<52} {:9.2f} ms ({:.2f} to {:.2f}, cpu {:.2f})", entry.name,
                                   ours.median, ours.low, ours.high, ours.cpu);
    if (entry.plain) {
        const auto plain = measure(entry.plain, repeat);
        row["plain_median_ms"] = plain.median;
        row["ratio"] = plain.median / ours.median;
        line += fmt::format("  {} {:9.2f} ms  ratio {:.2f}", entry.baseline, plain.median,
                            plain.median / ours.median);
        row["baseline"] = entry.baseline;
    }
    if (entry.targetMs > 0) {
        row["target_ms"] = entry.targetMs;
        line += fmt::format("  target {} ms: {}", entry.targetMs,
                            ours.median <= entry.targetMs ? "met" : "missed");
    }
    std::cout << line << std::endl;
    return row;
}

}  // namespace

int runBenchmarks(int argumentCount, char** arguments) {
    std::string jsonFile, filter;
    int repeat = 9;
    for (int index = 1; index < argumentCount; ++index) {
        const std::string option = arguments[index];
        const bool hasValue = index + 1 < argumentCount;
        if (option == "--json" && hasValue)
            jsonFile = arguments[++index];
        else if (option == "--filter" && hasValue)
            filter = arguments[++index];
        else if (option == "--repeat" && hasValue)
            repeat = std::max(1, std::atoi(arguments[++index]));
        else {
            std::cerr << "usage: kernels_bench [--json FILE] [--filter TEXT] [--repeat N]\n";
            return 2;
        }
    }
    const c10::InferenceMode inference;
    at::manual_seed(0);
    std::vector<Entry> list;
    addUpsampling(list);
    addProjections(list);
    addSparsity(list);
    addSparse24(list);
    addGumbel(list);
    addLowBit(list);
    addRotations(list);
    addScans(list);
    addViews(list);
    std::cout << at::get_num_threads() << " threads, " << repeat << " runs\n";
    Json rows = Json::array();
    for (const auto& entry : list)
        if (entry.name.find(filter) != std::string::npos)
            rows.push_back(report(entry, repeat));
    if (!jsonFile.empty() &&
        !(std::ofstream(jsonFile)
          << Json{{"threads", at::get_num_threads()}, {"repeat", repeat}, {"results", rows}}.dump(1))) {
        std::cerr << "cannot write " << jsonFile << "\n";
        return 1;
    }
    return 0;
}

}  // namespace vitrine

int main(int argumentCount, char** arguments) {
    return vitrine::runBenchmarks(argumentCount, arguments);
}
