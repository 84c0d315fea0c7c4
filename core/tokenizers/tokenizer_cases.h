// Compares a tokenizer with what a reference implementation gave for a list of strings (cases.json in the
// tokenizer's folder): `vitrine verify` on a tokenizer folder.
#pragma once

#include "core/tokenizers/tokenizer.h"

namespace vitrine {

struct CaseMismatch {
    int64_t index = 0;     // of the case in the file
    std::string field;     // "ids", "sp_pieces", ...
    std::string expected;  // as JSON
    std::string found;     // as JSON, or the error
};

struct CaseComparison {
    int64_t cases = 0;
    int64_t fields = 0;  // compared values over all cases
    std::vector<std::string> fieldNames;
    std::vector<std::string> ignoredFields;  // keys that this version does not know
    std::vector<CaseMismatch> mismatches;
};

// Fields: ids, ids_no_special, decoded, decoded_skip_special with the folder's tokenizer; sp_ids, sp_pieces,
// sp_decoded with its SentencePiece model; open_clip_ids under open_clip's cleaning; siglip_text and
// siglip_sp_ids (SentencePiece, then the end token). NotFound without cases.json, InvalidFile where it is no
// list of objects with "text".
Result<CaseComparison> compareTokenizerCases(const std::filesystem::path& folder);

}  // namespace vitrine
