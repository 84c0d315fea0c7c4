// Writing tensors as a file, and reading them back.
#include "core/nn/weights.h"

#include "core/io/safetensors.h"
#include "tests/support/temporary_folder.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

namespace vitrine {
namespace {

TEST(WriteTensors, FloatingOnesTakeTheTypeAndOthersKeepTheirs) {
    at::manual_seed(0);
    const testing::TemporaryFolder folder;
    const auto matrix = at::randn({5, 7}), places = at::arange(6);
    const auto file = folder / "tensors.safetensors";
    // A view that does not lie in one piece, numbers, whole numbers, nothing at all, one number.
    const std::map<std::string, at::Tensor> tensors{{"turned", matrix.t()},
                                                    {"matrix", matrix},
                                                    {"places", places},
                                                    {"empty", at::empty({0, 3})},
                                                    {"one", at::scalar_tensor(2.5)}};
    ASSERT_TRUE(writeTensors(file, tensors, {{"kind", "test"}}, at::kBFloat16));
    const auto stored = openSafetensors(file);
    ASSERT_TRUE(stored) << stored.error().text();
    EXPECT_EQ((*stored)->metadata().at("kind"), "test");
    const auto read = readAllTensors(**stored);
    ASSERT_TRUE(read) << read.error().text();
    ASSERT_EQ(read->size(), tensors.size());
    for (const auto& [name, tensor] : tensors)
        EXPECT_TRUE(read->at(name).equal(tensor.is_floating_point() ? tensor.to(at::kBFloat16) : tensor))
            << name;
    ASSERT_TRUE(writeTensors(file, tensors));
    const auto plain = openSafetensors(file);
    ASSERT_TRUE(plain);
    EXPECT_TRUE(readAllTensors(**plain)->at("turned").equal(matrix.t()));
}

}  // namespace
}  // namespace vitrine
