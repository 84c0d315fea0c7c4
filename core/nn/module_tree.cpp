#include "core/nn/module_tree.h"

namespace vitrine::nn {
namespace {

class ModuleGroup : public torch::nn::Module {};

}  // namespace

torch::nn::Module& holderOf(torch::nn::Module& root, const std::string& path) {
    torch::nn::Module* holder = &root;
    size_t begin = 0;
    for (size_t dot = path.find('.'); dot != std::string::npos; dot = path.find('.', begin)) {
        const std::string part = path.substr(begin, dot - begin);
        const auto children = holder->named_children();
        const auto* found = children.find(part);
        holder = found ? found->get() : holder->register_module(part, std::make_shared<ModuleGroup>()).get();
        begin = dot + 1;
    }
    return *holder;
}

std::string lastPart(const std::string& path) {
    return path.substr(path.rfind('.') + 1);
}

at::Tensor parameterAt(torch::nn::Module& root, const std::string& path, at::IntArrayRef shape) {
    return holderOf(root, path).register_parameter(lastPart(path), at::empty(shape, at::kFloat));
}

}  // namespace vitrine::nn
