#include "tests/bench/kernels_bench_rows.h"

#include <ATen/core/grad_mode.h>
#include <torch/csrc/autograd/autograd.h>

#include <memory>

namespace vitrine::bench {

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

}  // namespace vitrine::bench
