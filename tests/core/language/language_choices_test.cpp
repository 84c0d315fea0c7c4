#include "core/eval/language_choices.h"

#include "tests/core/language/language_data.h"

namespace vitrine {
namespace {

using ::testing::HasSubstr;
using LanguageChoicesTest = testing::LanguageData;

TEST_F(LanguageChoicesTest, LikelihoodsAreThoseOfTheAnswersTokens) {
    at::NoGradGuard noGrad;
    const auto model = createLanguageModel(smallConfig(), 5, 0.2);
    const auto tokenizer = openTokenizer(folder / "tokenizer");
    ASSERT_TRUE(model && tokenizer);
    const std::vector<ChoiceQuestion> questions{{"2 and 3 make ", {"5.", "44."}, 0}};
    const auto scores = scoreChoices(**model, *tokenizer, questions, job);
    ASSERT_TRUE(scores) << scores.error().text();
    std::vector<double> expected;
    for (const std::string& answer : questions[0].choices) {
        // The space at the context's end counts as the answer's.
        auto ids = tokenizer->encode("2 and 3 make " + answer, {.addSpecialTokens = false})->ids;
        ids.insert(ids.begin(), 0);
        const at::Tensor losses = (*model)->decoder().tokenLosses(at::tensor(ids, at::kLong).unsqueeze(0));
        const auto count = int64_t(answer.size()) + 1;
        expected.push_back(-losses[0].narrow(0, losses.size(1) - count, count).sum().item<double>());
    }
    ASSERT_EQ(scores->answers[0].logLikelihoods.size(), 2u);
    EXPECT_NEAR(scores->answers[0].logLikelihoods[0], expected[0], 1e-3);
    EXPECT_NEAR(scores->answers[0].logLikelihoods[1], expected[1], 1e-3);
    EXPECT_EQ(scores->answers[0].chosen, expected[0] > expected[1] ? 0 : 1);
    EXPECT_EQ(scores->answers[0].chosenPerByte, expected[0] / 2 > expected[1] / 3 ? 0 : 1);
    EXPECT_DOUBLE_EQ(scores->chance, 0.5);
}

TEST_F(LanguageChoicesTest, QuestionsAreReadInAllTheirForms) {
    ASSERT_TRUE(writeFileAtomically(folder / "q.jsonl",
                                    R"({"context": "a", "choices": ["x", "y"], "answer": 1}
{"question": "b", "choices": ["x", "y", "z"], "answer": "C"}
{"question": "c", "choices": ["x", "y"], "answer": "x"}

{"context": "d", "target": " e"}
)"));
    const auto questions = readChoiceQuestions(folder / "q.jsonl");
    ASSERT_TRUE(questions) << questions.error().text();
    ASSERT_EQ(questions->size(), 4u);
    EXPECT_EQ((*questions)[0].answer, 1);
    EXPECT_EQ((*questions)[1].answer, 2);
    EXPECT_EQ((*questions)[2].answer, 0);
    EXPECT_EQ((*questions)[3].choices, std::vector<std::string>{" e"});
}

TEST_F(LanguageChoicesTest, BrokenQuestionsAreNamed) {
    const auto errorOf = [&](const std::string& text) {
        EXPECT_TRUE(writeFileAtomically(folder / "q.jsonl", text));
        const auto questions = readChoiceQuestions(folder / "q.jsonl");
        return questions ? std::string() : questions.error().text();
    };
    EXPECT_THAT(errorOf(""), HasSubstr("no question"));
    EXPECT_THAT(errorOf(R"({"context": "a", "choices": ["x", "y"], "answer": 2})"), HasSubstr("line 1"));
    EXPECT_THAT(errorOf(R"({"context": "a", "choices": ["x"], "answer": 0})"), HasSubstr("two choices"));
    EXPECT_THAT(errorOf(R"({"choices": ["x", "y"], "answer": 0})"), HasSubstr("question"));
    const auto model = createLanguageModel(smallConfig(), 5);
    const auto tokenizer = openTokenizer(folder / "tokenizer");
    const auto empty = scoreChoices(**model, *tokenizer, {{"a", {"", "b"}, 0}}, job);
    ASSERT_FALSE(empty);
    EXPECT_THAT(empty.error().text(), HasSubstr("no token"));
    const auto tooLong = scoreChoices(**model, *tokenizer, {{"a", {std::string(60, 'b'), "c"}, 0}}, job);
    ASSERT_FALSE(tooLong);
    EXPECT_THAT(tooLong.error().text(), HasSubstr("the context holds 48"));
    const auto shortened = scoreChoices(**model, *tokenizer, {{std::string(60, 'a'), {"b", "c"}, 0}}, job);
    ASSERT_TRUE(shortened);
    EXPECT_EQ(shortened->shortened, 1);
}

}  // namespace
}  // namespace vitrine
