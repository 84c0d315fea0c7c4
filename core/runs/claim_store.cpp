#include "core/runs/claim_store.h"

#include <chrono>

namespace vitrine {

Result<void> ClaimStore::add(const std::string& name, const Run& run, const std::string& rule,
                             const Json& measured, bool holds) {
    Database& database = project_->database();
    const double now =
        std::chrono::duration<double>(std::chrono::system_clock::now().time_since_epoch()).count();
    return database.transaction([&]() -> Result<void> {
        VITRINE_TRY_VOID(database.execute("DELETE FROM claims WHERE run = ?", run.number));
        return database.execute(
            "INSERT INTO claims(name, run, expected, measured, holds, created) VALUES(?, ?, ?, ?, ?, ?)",
            name, run.number, Json{{"rule", rule}}.dump(), measured.dump(), holds, now);
    });
}

Result<std::vector<StoredClaim>> ClaimStore::newest() const {
    VITRINE_TRY(Statement statement,
                project_->database().prepare(
                    "SELECT c.name, coalesce(r.id, ''), c.measured, c.holds, c.created FROM claims c "
                    "LEFT JOIN runs r ON r.number = c.run WHERE c.id IN (SELECT max(id) FROM claims "
                    "GROUP BY name) ORDER BY c.name"));
    std::vector<StoredClaim> found;
    while (true) {
        VITRINE_TRY(const bool more, statement.step());
        if (!more)
            return found;
        StoredClaim claim;
        claim.name = statement.text(0);
        claim.runId = statement.text(1);
        claim.measured = Json::parse(statement.text(2), nullptr, false);
        claim.holds = statement.integer(3) != 0;
        claim.created = statement.real(4);
        found.push_back(std::move(claim));
    }
}

}  // namespace vitrine
