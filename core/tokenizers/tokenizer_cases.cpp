#include "core/tokenizers/tokenizer_cases.h"

#include "core/base/json.h"
#include "core/tokenizers/text_cleaning.h"

#include <algorithm>
#include <functional>
#include <map>

namespace vitrine {
namespace {

// The tokenizers of one folder and what they give for a field of a case.
class CaseReader {
  public:
    Result<void> open(const std::filesystem::path& folder) {
        VITRINE_TRY(Tokenizer main, openTokenizer(folder));
        main_ = std::move(main);
        for (const char* name : {"tokenizer.model", "spiece.model"}) {
            std::error_code error;
            if (std::filesystem::exists(folder / name, error)) {
                VITRINE_TRY(Tokenizer pieces, openTokenizer(folder / name));
                pieces_ = std::move(pieces);
                break;
            }
        }
        return {};
    }

    static bool knows(const std::string& field) { return fields().contains(field); }

    Result<Json> compute(const std::string& field, const Json& item) const {
        return fields().at(field)(*this, item);
    }

  private:
    using Field = std::function<Result<Json>(const CaseReader&, const Json&)>;

    static Result<std::string> text(const Json& item) { return jsonValue<std::string>(item, "text", "case"); }

    Result<const Tokenizer*> sentencePiece() const {
        if (!pieces_)
            return fail(ErrorCode::NotFound, "the folder holds no tokenizer.model or spiece.model");
        return &*pieces_;
    }

    Result<Json> ids(const Json& item, bool special) const {
        VITRINE_TRY(const std::string input, text(item));
        VITRINE_TRY(const Encoding encoding, main_->encode(input, {.addSpecialTokens = special}));
        return Json(encoding.ids);
    }
    Result<Json> decoded(const Json& item, bool skip) const {
        VITRINE_TRY(const auto ids, jsonValue<std::vector<int64_t>>(item, "ids", "case"));
        VITRINE_TRY(const std::string out, main_->decode(ids, {.skipSpecialTokens = skip}));
        return Json(out);
    }
    Result<Json> pieceIds(const Json& item, bool pieces) const {
        VITRINE_TRY(const Tokenizer* tokenizer, sentencePiece());
        VITRINE_TRY(const std::string input, text(item));
        VITRINE_TRY(const Encoding out,
                    tokenizer->encode(input, {.addSpecialTokens = false, .withPieces = true}));
        return pieces ? Json(out.pieces) : Json(out.ids);
    }
    Result<Json> pieceDecoded(const Json& item) const {
        VITRINE_TRY(const Tokenizer* tokenizer, sentencePiece());
        VITRINE_TRY(const auto ids, jsonValue<std::vector<int64_t>>(item, "sp_ids", "case"));
        VITRINE_TRY(const std::string out, tokenizer->decode(ids));
        return Json(out);
    }
    Result<Json> openClip(const Json& item) const {
        VITRINE_TRY(const std::string input, text(item));
        VITRINE_TRY(const Encoding out,
                    main_->encode(cleanText(input, TextCleaning::OpenClip),
                                  {.addSpecialTokens = false, .matchAddedTokens = false}));
        return Json(out.ids);
    }
    Result<Json> siglipText(const Json& item) const {
        VITRINE_TRY(const std::string input, text(item));
        return Json(cleanText(input, TextCleaning::Siglip));
    }
    Result<Json> siglipIds(const Json& item) const {
        VITRINE_TRY(const Tokenizer* tokenizer, sentencePiece());
        VITRINE_TRY(const std::string input, text(item));
        VITRINE_TRY(Encoding out,
                    tokenizer->encode(cleanText(input, TextCleaning::Siglip), {.addSpecialTokens = false}));
        if (const auto eos = tokenizer->specialTokens().eos)
            out.ids.push_back(*eos);
        return Json(out.ids);
    }

    static const std::map<std::string, Field>& fields() {
        using Self = const CaseReader&;
        static const std::map<std::string, Field> table = {
            {"decoded", [](Self self, const Json& item) { return self.decoded(item, false); }},
            {"decoded_skip_special", [](Self self, const Json& item) { return self.decoded(item, true); }},
            {"ids", [](Self self, const Json& item) { return self.ids(item, true); }},
            {"ids_no_special", [](Self self, const Json& item) { return self.ids(item, false); }},
            {"open_clip_ids", [](Self self, const Json& item) { return self.openClip(item); }},
            {"siglip_sp_ids", [](Self self, const Json& item) { return self.siglipIds(item); }},
            {"siglip_text", [](Self self, const Json& item) { return self.siglipText(item); }},
            {"sp_decoded", [](Self self, const Json& item) { return self.pieceDecoded(item); }},
            {"sp_ids", [](Self self, const Json& item) { return self.pieceIds(item, false); }},
            {"sp_pieces", [](Self self, const Json& item) { return self.pieceIds(item, true); }},
        };
        return table;
    }

    std::optional<Tokenizer> main_, pieces_;
};

std::string dump(const Json& json) {
    return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

void addName(std::vector<std::string>& names, const std::string& name) {
    if (std::find(names.begin(), names.end(), name) == names.end())
        names.push_back(name);
}

}  // namespace

Result<CaseComparison> compareTokenizerCases(const std::filesystem::path& folder) {
    VITRINE_TRY(const Json list, readJsonFile(folder / "cases.json"));
    if (!list.is_array())
        return fail(ErrorCode::InvalidFile, "the file must hold a list of cases",
                    (folder / "cases.json").string());
    CaseReader reader;
    VITRINE_TRY_VOID(reader.open(folder));
    CaseComparison out;
    for (const Json& item : list) {
        if (!item.is_object() || !item.contains("text"))
            return fail(ErrorCode::InvalidFile, fmt::format("case {} holds no \"text\"", out.cases),
                        (folder / "cases.json").string());
        for (const auto& [field, expected] : item.items()) {
            if (field == "text")
                continue;
            if (!CaseReader::knows(field)) {
                addName(out.ignoredFields, field);
                continue;
            }
            addName(out.fieldNames, field);
            ++out.fields;
            const Result<Json> found = reader.compute(field, item);
            if (!found)
                out.mismatches.push_back({out.cases, field, dump(expected), found.error().text()});
            else if (*found != expected)
                out.mismatches.push_back({out.cases, field, dump(expected), dump(*found)});
        }
        ++out.cases;
    }
    return out;
}

}  // namespace vitrine
