#include "core/claims/claim.h"

namespace vitrine {

const std::vector<ClaimInfo>& claimCatalogue() {
    static const std::vector<ClaimInfo> claims = {
        {"am-radio", "AM-RADIO",
         "One student of several teachers beats each of them over all their tasks together; the losses on "
         "features decide dense tasks; cropped positions let it work at twice the size; its features fit a "
         "teacher's own decoder.",
         "Ranzinger et al. 2024, AM-RADIO, sections 3 and 4",
         "Mean rank over nearest neighbours, linear probe and boundaries better than every teacher's; "
         "without "
         "feature losses the probe's mean IoU falls by at least 10 % and the neighbours' accuracy changes by "
         "at most 0.05; trained at 64 px, at 128 px cropped positions keep at least 80 % of the fidelity and "
         "plain ones at most 70 %; the frozen boundary decoder reaches at least 90 % of its own F1 on the "
         "student's features",
         3, 5},
        {"phi-s", "PHI-S",
         "Unnormalised squared error favours the loudest teacher; standardising beats whitening; one "
         "rotation and one scale "
         "(PHI-S) balances teachers and channels best.",
         "Ranzinger et al. 2024, PHI-S, tables of teacher errors and average ranks",
         "phi-s: fidelity to the quietest teacher at least 1.5 times that of plain MSE, best mean "
         "log-fidelity (ties within "
         "0.02), every normalisation above plain MSE, standardisers above whitenings, error variances most "
         "even for phi-s and "
         "hadamard-whiten",
         3, 3},
        {"radio-v2.5", "RADIOv2.5",
         "A student that meets each teacher at one resolution only behaves as two models, switched by the "
         "resolution; teaching "
         "all teachers at all resolutions cures it.",
         "Heinrich et al. 2025, RADIOv2.5, section on mode switching",
         "The rise of each teacher's error from its home to its foreign resolution is at least twice as "
         "large for partitioned "
         "as for joint teaching",
         3, 2},
        {"c-radio-v4", "C-RADIOv4",
         "Student and teachers that see independently shifted crops keep noise that is fixed to positions "
         "out of the student; "
         "self-consistency with a slow copy (MESA) makes its features steadier under shifts.",
         "C-RADIOv4 2026, sections on shift equivariance",
         "Aligned crops learn more than 0.8 of the planted pattern's energy, shifted ones less than 0.3, and "
         "end closer to the "
         "clean teacher; MESA lowers the change of features under shifts at an equal error (within 5 %)",
         3, 2},
        {"mambavision", "MambaVision",
         "A mixer sees one token ahead and all before, so stacked mixers stay blind to what lies further "
         "ahead; attention "
         "behind them restores the whole context.",
         "Hatamizadeh and Kautz 2024, MambaVision, section 3 and the table of hybrid patterns",
         "m mixers: influence from more than m tokens ahead exactly zero, all other above zero; with one "
         "attention block none "
         "is zero. Lookup of the point-reflected cell: mixers then attention (MMSS) at least 0.95, at least "
         "0.3 above mixers "
         "alone (MMMM), not more than 0.02 below attention first (SSMM)",
         3, 2},
        {"featsharp", "FeatSharp",
         "Tiles joined with a guided map by one transformer block give finer features that agree with the "
         "encoder "
         "on unseen views better than bilinear or joint bilateral enlargement; a learned buffer takes the "
         "encoder's "
         "position noise out.",
         "Ranzinger et al. 2025, FeatSharp, sections 3 and 4 (multi-view fidelity)",
         "Fidelity (1 / squared error over unseen views in PHI-S space): FeatSharp above JBU and bilinear, "
         "with and "
         "without its de-bias buffer, bilinear above raw tiles, de-biasing above none, also against the "
         "encoder without its noise; no seam of tiles can "
         "be told "
         "in FeatSharp's maps; the buffer correlates with minus the planted noise by more than 0.7",
         3, 3},
    };
    return claims;
}

}  // namespace vitrine
