#include "kernels/operators.h"
#include "tests/kernels/kernel_checks.h"

namespace vitrine::kernels {
namespace {

struct Sizes {
    int64_t batch, channels, states, groups, length;
};
// Lengths of the windows of MambaVision; channels below, at and above a vector and a slice; one step; several
// groups.
const Sizes kSizes[] = {{2, 5, 8, 1, 49}, {1, 24, 8, 1, 196}, {1, 3, 16, 1, 784}, {1, 4, 8, 1, 3136},
                        {1, 1, 1, 1, 1},  {2, 70, 3, 1, 17},  {1, 12, 16, 3, 33}, {1, 130, 5, 2, 16}};

// u, delta, A, B, C, D, z, delta bias, initial state
TensorList inputsOf(const Sizes& s) {
    const auto normal = [](at::IntArrayRef shape) { return at::randn(shape, at::kDouble); };
    const auto perGroup = [&] {
        return s.groups == 1 ? normal({s.batch, s.states, s.length})
                             : normal({s.batch, s.groups, s.states, s.length});
    };
    return {normal({s.batch, s.channels, s.length}),
            normal({s.batch, s.channels, s.length}) * 0.5 - 1,
            -(normal({s.channels, s.states}) * 0.5).exp(),
            perGroup(),
            perGroup(),
            normal({s.channels}),
            normal({s.batch, s.channels, s.length}),
            normal({s.channels}) * 0.3,
            normal({s.batch, s.channels, s.states})};
}

SelectiveScanTensors scanOf(const TensorList& in) {
    return {in[0], in[1], in[2], in[3], in[4], in[5], in[6], in[7], in[8], true};
}

// (B, N, L) or (B, G, N, L) -> (B, D, N, L)
at::Tensor perChannel(const at::Tensor& grouped, int64_t channels) {
    const auto four = grouped.dim() == 3 ? grouped.unsqueeze(1) : grouped;
    return four.repeat_interleave(channels / four.size(1), 1);
}

// Output and last state side by side, so that one direction tests the gradients through both.
at::Tensor joined(const std::tuple<at::Tensor, at::Tensor>& results) {
    return at::cat({std::get<0>(results), std::get<1>(results)}, 2);
}

// Step by step.
at::Tensor plainScan(const TensorList& in) {
    const auto &u = in[0], &a = in[2];
    const auto delta = at::softplus(in[1] + in[7].reshape({1, -1, 1}));
    const auto b = perChannel(in[3], u.size(1)).unbind(3), c = perChannel(in[4], u.size(1)).unbind(3);
    const auto us = u.unbind(2), deltas = delta.unbind(2);
    auto state = in[8];
    std::vector<at::Tensor> outputs;
    for (size_t t = 0; t < us.size(); ++t) {
        const auto step = deltas[t].unsqueeze(2);
        state = (step * a).exp() * state + step * us[t].unsqueeze(2) * b[t];
        outputs.push_back((state * c[t]).sum(2));
    }
    const auto out = (at::stack(outputs, 2) + in[5].reshape({1, -1, 1}) * u) * at::silu(in[6]);
    return joined({out, state});
}

TEST(SelectiveScan, AgreesWithThePlainLoopInBothDirections) {
    at::manual_seed(21);
    const char* names[] = {"u", "delta", "A", "B", "C", "D", "z", "delta bias", "initial state"};
    const auto run = [](const TensorList& in) { return joined(selectiveScan(scanOf(in))); };
    for (const auto& sizes : kSizes)
        for (const auto type : {at::kDouble, at::kFloat}) {
            TensorList rounded, given;
            for (const auto& input : inputsOf(sizes))
                rounded.push_back(input.to(type).to(at::kDouble));
            const auto expected = plainScan(rounded);
            const auto direction = at::randn(expected.sizes(), at::kDouble).to(type);
            const auto wanted = gradientsOf(plainScan, rounded, direction.to(at::kDouble));
            for (const auto& device : testedDevices()) {
                const double tolerance = type == at::kDouble ? 1e-11 : 1e-5;
                given.clear();
                for (const auto& input : rounded)
                    given.push_back(input.to(device, type));
                poisonFreeBlocks(expected.to(device, type));
                EXPECT_LE(errorAgainst(run(given), expected), tolerance)
                    << sizes.length << " steps on " << device;
                const auto found = gradientsOf(run, given, direction.to(device));
                for (size_t index = 0; index < found.size(); ++index)
                    EXPECT_LE(errorAgainst(found[index], wanted[index]), tolerance)
                        << "gradient of " << names[index] << ", " << sizes.length << " steps, " << type
                        << " on " << device;
            }
        }
}

TEST(SelectiveScan, GradientsAgreeWithDifferenceQuotients) {
    at::manual_seed(22);
    for (const auto& device : testedDevices()) {
        TensorList inputs;
        for (const auto& input : inputsOf({2, 6, 4, 2, 21}))
            inputs.push_back(input.to(device));
        EXPECT_LE(differenceQuotientError(
                      [](const TensorList& in) { return joined(selectiveScan(scanOf(in))); }, inputs),
                  1e-7);
    }
}

TEST(SelectiveScan, AbsentPartsAreNeutral) {
    at::manual_seed(23);
    const auto in = inputsOf({2, 9, 4, 1, 20});
    const auto delta = in[1].abs() * 0.2;
    const auto run = [](const TensorList& x) {
        return joined(selectiveScan({x[0], x[1], x[2], x[3], x[4]}));
    };
    // softplus(x) = delta, an open gate (z silu'd to 1) and zeros elsewhere.
    const auto opened = at::full_like(in[6], 1.2784645427610738);
    const TensorList same{in[0],
                          delta.expm1().log(),
                          in[2],
                          in[3],
                          in[4],
                          at::zeros_like(in[5]),
                          opened,
                          at::zeros_like(in[7]),
                          at::zeros_like(in[8])};
    const TensorList plain{in[0], delta, in[2], in[3], in[4]};
    EXPECT_LE(errorAgainst(run(plain), plainScan(same)), 1e-12);
    EXPECT_LE(differenceQuotientError(run, plain), 1e-7);
}

// Mixers hand over views with channels last; they are read as they are.
TEST(SelectiveScan, ReadsAndWritesAnyStrides) {
    at::manual_seed(24);
    for (const auto& device : testedDevices()) {
        auto in = inputsOf({2, 19, 8, 1, 35});
        const auto expected = plainScan(in);
        const auto packed =
            at::cat({in[0], in[1], in[6]}, 1).transpose(1, 2).contiguous().to(device).to(at::kFloat);
        const auto part = [&](int64_t index) { return packed.narrow(2, 19 * index, 19).transpose(1, 2); };
        for (auto& input : in)
            input = input.to(device, at::kFloat);
        in[0] = part(0);
        in[1] = part(1);
        in[6] = part(2);
        const auto results = selectiveScan(scanOf(in));
        EXPECT_EQ(std::get<0>(results).stride(1), 1);
        EXPECT_LE(errorAgainst(joined(results), expected), 1e-5);
    }
}

// The last state carries a scan over: two halves are the whole.
TEST(SelectiveScan, GoesOnFromTheLastState) {
    at::manual_seed(25);
    const auto in = inputsOf({1, 10, 8, 1, 60});
    const auto half = [&](int64_t start, const at::Tensor& state) {
        TensorList part = in;
        for (const size_t index : {0, 1, 3, 4, 6})
            part[index] = in[index].narrow(2, start, 30);
        part[8] = state;
        return selectiveScan(scanOf(part));
    };
    const auto first = half(0, in[8]), second = half(30, std::get<1>(first));
    const auto both = at::cat({std::get<0>(first), std::get<0>(second)}, 2);
    EXPECT_LE(errorAgainst(joined({both, std::get<1>(second)}), joined(selectiveScan(scanOf(in)))), 1e-13);
}

TEST(SelectiveScan, StrongDecayAndEmptyInputsAreHarmless) {
    for (const auto& device : testedDevices()) {
        auto in = inputsOf({1, 4, 8, 1, 40});
        in[1].fill_(300);  // δ|A| far beyond where exp ends
        for (auto& input : in)
            input = input.to(device, at::kFloat);
        EXPECT_TRUE(std::get<0>(selectiveScan(scanOf(in))).isfinite().all().item<bool>());
    }
    const auto none = inputsOf({0, 4, 8, 1, 40});
    EXPECT_EQ(std::get<0>(selectiveScan(scanOf(none))).numel(), 0);
    const auto noSteps = inputsOf({2, 4, 8, 1, 0});
    EXPECT_TRUE(std::get<1>(selectiveScan(scanOf(noSteps))).equal(noSteps[8]));
}

TEST(SelectiveScan, MismatchedArgumentsAreNamed) {
    const auto message = [](size_t index, const at::Tensor& instead) {
        auto in = inputsOf({1, 6, 4, 1, 5});
        in[index] = instead;
        try {
            selectiveScan(scanOf(in));
        } catch (const c10::Error& error) {
            return std::string(error.what_without_backtrace());
        }
        return std::string("no error");
    };
    const auto zeros = [](at::IntArrayRef shape) { return at::zeros(shape, at::kDouble); };
    EXPECT_NE(message(1, zeros({1, 6, 4})).find("delta must have size 5"), std::string::npos);
    EXPECT_NE(message(2, zeros({5, 4})).find("A must have size 6"), std::string::npos);
    EXPECT_NE(message(3, zeros({1, 4, 4, 5})).find("4 groups of B must divide the 6"), std::string::npos);
    EXPECT_NE(message(4, zeros({1, 2, 4, 5})).find("the same groups"), std::string::npos);
    EXPECT_NE(message(5, at::zeros({6})).find("D must be Double"), std::string::npos);
    EXPECT_NE(message(8, zeros({1, 6, 5})).find("initial_state"), std::string::npos);
}

}  // namespace
}  // namespace vitrine::kernels
