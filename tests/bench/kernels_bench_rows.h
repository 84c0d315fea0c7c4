// What the rows of kernels_bench are made of, and the families of them, one file each
// (kernels_bench_<family>.cpp).
#pragma once

#include <ATen/ATen.h>

#include <functional>
#include <string>
#include <vector>

namespace vitrine::bench {

using Work = std::function<void()>;

// One measured call, and what it is held against in the same run.
struct KernelRow {
    std::string name;
    Work ours;
    Work plain;           // may be empty
    double targetMs = 0;  // 0: none
    const char* baseline = "plain LibTorch";
};
using KernelRows = std::vector<KernelRow>;

using Function = std::function<at::Tensor(const std::vector<at::Tensor>&)>;

// The backward pass alone; the graph is made at the first call and kept.
Work backwardOf(const Function& function, const std::vector<at::Tensor>& inputs, const at::Tensor& grad);

void addUpsampling(KernelRows& rows);
void addProjections(KernelRows& rows);
void addSparsity(KernelRows& rows);  // masks n:m, 2:4 packed, learnt masks
void addLowBit(KernelRows& rows);
void addRotations(KernelRows& rows);
void addScans(KernelRows& rows);
void addViews(KernelRows& rows);  // what a person waits for after a click

}  // namespace vitrine::bench
