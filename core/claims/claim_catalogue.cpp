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
         "resolution; teaching all teachers at all resolutions cures it. Targets cut out of mosaics keep a "
         "large teacher's artefacts out of a small student. Merged tokens keep the small objects that "
         "pooling "
         "and chance lose.",
         "Heinrich et al. 2025, RADIOv2.5, sections on mode switching, mosaic augmentation and token "
         "compression",
         "The rise of each teacher's error from its home to its foreign resolution is at least twice as "
         "large for partitioned as for joint teaching; a student of half the teacher's side learns less of "
         "planted artefacts (a border and smooth positions) and ends closer to the clean teacher with "
         "targets "
         "cut out of mosaics than with resized ones; with a quarter, a ninth and a sixteenth of the tokens "
         "merging is above k x k means and tokens kept by chance, both in the mean cosine between tokens and "
         "what stands for them and in a linear probe's accuracy on small objects",
         3, 3},
        {"c-radio-v4", "C-RADIOv4",
         "Student and teachers that see independently shifted crops keep noise that is fixed to positions "
         "out of the student; self-consistency with a slow copy (MESA) makes its features steadier under "
         "shifts. Angles over the dispersion of their cone balance teachers of summaries, resolutions drawn "
         "anew at each step make quality even over sizes, random windows in training make ViTDet windows "
         "cheap at little loss.",
         "C-RADIOv4 2026, sections on shift equivariance, balanced summary loss, stochastic resolutions and "
         "ViTDet mode",
         "Aligned crops learn more than 0.8 of the planted pattern's energy, shifted ones less than 0.3, and "
         "end closer to the clean teacher; MESA lowers the change of features under shifts at an equal error "
         "(within 5 %). Gradients of a wide cone (2.2 squared radians) and a narrow one (0.7) differ at "
         "least "
         "twofold with a cosine, at most 1.5-fold with L_angle, which raises the narrow one's nearest "
         "neighbours. From 32 to 160 px stochastic resolutions drop less between neighbouring sizes than two "
         "fixed ones and are better at 32 to 48 px. After random windows every window keeps 0.9 of the "
         "fidelity, also of that of a student of global attention alone, more than that student keeps in "
         "windows, and takes at most half of global attention's processor time at 384 px, a smaller share "
         "than at 96 px",
         3, 5},
        {"mambavision", "MambaVision",
         "A mixer sees one token ahead and all before, so stacked mixers stay blind to what lies further "
         "ahead; attention "
         "behind them restores the whole context. A regular convolution, a second branch and its "
         "concatenation each improve on Mamba's mixer.",
         "Hatamizadeh and Kautz 2024, MambaVision, section 3 and the tables of mixers and hybrid patterns",
         "m mixers: influence from more than m tokens ahead exactly zero, all other above zero; with one "
         "attention block none "
         "is zero. Lookup of the point-reflected cell: mixers then attention (MMSS) at least 0.95, at least "
         "0.3 above mixers "
         "alone (MMMM), not more than 0.02 below attention first (SSMM). Shapes at 64 px, networks of width "
         "16 and equal parameters: the mean accuracy does not fall from a causal to a regular convolution, "
         "to a gating second branch, to a concatenated one, nor from the first to the last; each "
         "difference is given with its 95 % interval",
         3, 7},
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
        {"iee", "IEE",
         "A sparse network finds a better structure when candidates are brought back and trained for a few "
         "steps before they are judged by the same score as what is in use.",
         "Advancing Weight and Channel Sparsification with Enhanced Saliency, arXiv 2502.03658, table of "
         "ablations",
         "A ResNet with a twentieth of its weights (ERK) on procedural scenes, same steps for all: IEE at "
         "least "
         "5 points above IEE without reactivation; not below a static structure, SET, RigL, exploration from "
         "zero and exploration without freezing; what enters survives three exchanges more often than RigL's",
         3, 8.5},
        {"ckca", "CKCA",
         "A warm start on new data keeps its speed and loses its defect when features and logits are held to "
         "what the old network knew.",
         "Step Out and Seek Around: On Warm-Start Training with Incremental Data, arXiv 2406.04484",
         "Handwritten digits in 8 chunks of 50: CKCA ends at least 2 points above the plain warm start, its "
         "mean is not below constant distillation's, which ends above the plain warm start, which ends above "
         "learning the last chunk alone by at least 5 points; learning all chunks anew stays the upper "
         "bound; "
         "accuracy never falls by more than 2 points from chunk to chunk",
         8, 0.4},
        {"one-shot-pruning", "Wanda, SparseGPT",
         "Weights that a look at the inputs chooses leave far more of a language model at 2:4 than random "
         "ones, "
         "and making up for what is removed leaves more than any mask alone.",
         "Sun et al. 2024, Wanda; Frantar and Alistarh 2023, SparseGPT; tables of 2:4 sparsity",
         "The project's language model at 2:4, nats per token on held-out text: SparseGPT at least 0.03 "
         "below "
         "Wanda and below every mask without update; Wanda at least 0.7 below a random mask",
         3, 1},
        {"eora", "EoRA",
         "A low-rank path made in the eigenspace of the inputs repairs more of a compressed model than one "
         "made "
         "of the weights' error, without any training, and says beforehand what it will leave.",
         "Liu et al. 2024, EoRA, section 3 and the table of ranks",
         "The project's language model at 2:4 (SparseGPT), 3 and 2 bits (GPTQ) with paths of rank width / 4, "
         "nats per token on held-out text: EoRA below plain and activation-scaled SVD, by at least 0.004 "
         "below "
         "plain SVD at 2:4 and 2 bits; both below no path; predicted and measured error agree to 0.001; of "
         "two "
         "adapters for one 2:4 model, calibrated on one text each, each is the better one on its own text, "
         "by "
         "0.001",
         3, 2.7},
        {"encoder-compression", "Wanda, SparseGPT, EoRA and pruned structures on an encoder",
         "What one pass over the inputs chooses leaves more of a vision encoder than magnitude or chance: "
         "2:4 weights, repaired or not, heads, hidden units, blocks and tokens.",
         "Sun et al. 2024, Wanda; Frantar and Alistarh 2023, SparseGPT; Liu et al. 2024, EoRA; Muralidharan "
         "et al. 2024, Minitron; Siddiqui et al. 2024, depth pruning; Bolya et al. 2023, ToMe: their orders "
         "for language models and classifiers, carried over",
         "A RADIO ViT trained for each seed, nothing trained afterwards, error of its features and mean IoU "
         "of the dense encoder's linear probe on held-out scenes: 2:4 masks of magnitude better than random "
         "ones, Wanda than magnitude, SparseGPT than Wanda, an EoRA path of rank width / 8 for Wanda than "
         "none and than plain SVD; with a quarter of the blocks' parameters gone as heads, hidden units or "
         "blocks, and with half of the tokens gone by merging, class attention or norm, each choice better "
         "than chance",
         3, 1.1},
        {"maskllm", "MaskLLM",
         "A mask that is learnt on the loss of the whole model beats every mask chosen in one pass, with the "
         "weights as they are, and fits the text that it is learnt on.",
         "Fang et al. 2024, MaskLLM, tables of 2:4 sparsity, priors and domains",
         "The project's language model at 2:4, 300 steps from SparseGPT's mask, nats per token on held-out "
         "text: "
         "at least 0.04 below that mask, not above SparseGPT with update, which is below every mask of one "
         "pass, "
         "which are at least 0.7 below a random one; the choices settle (probability 0.95, soft and hard "
         "masks "
         "within 0.02); a mask learnt on one text wins there and loses on the other",
         3, 6.5},
        {"flextron", "Flextron",
         "One set of weights serves every size by cutting alone, the whole model loses next to nothing, and "
         "routers shape a size better than cutting all blocks alike, better still where they read the text.",
         "Cai et al. 2024, Flextron, sections 3 and 4; router form of Nemotron Elastic 2025",
         "The project's language model, 300 steps, feed-forward widths of each block, nats per token on "
         "held-out text: routed half at least 0.005 below all blocks alike on the same weights, which are at "
         "least 0.03 below a cut of the dense model, and not above a student taught alone for its share of "
         "the "
         "steps; routers that read the text not above those of the budget alone, at the same mean size; the "
         "whole model at most 0.03 above dense; sizes within 8 % of their budgets; choices settled "
         "(probability 0.95); masked and cut models agree",
         3, 7.5},
        {"minitron", "Minitron",
         "A smaller language model cut out of a larger one by what one look at the activations ranks, and "
         "taught by "
         "the larger one, beats one that is cut by chance, cut in depth, taught by the text or begun anew.",
         "Muralidharan et al. 2024, Compact Language Models via Pruning and Knowledge Distillation; "
         "Sreenivas et al. "
         "2024, LLM Pruning and Distillation in Practice",
         "Half of the neurons of a byte model (1.27 million parameters, trained for each seed), nats per "
         "byte on held-out text: as cut, important neurons at least 0.6 below random ones, which are below "
         "the least active; after the same short teaching, width by KL at least 0.005 below the text alone, "
         "0.02 below depth at equal parameters, 0.5 below a random start, and not above random neurons; on "
         "a text that is new to the teacher, its student at least 0.1 lower where it was corrected first",
         3, 7.4},
        {"depth-pruning", "Depth pruning",
         "Blocks that any measure of influence finds unimportant can go at little loss, and an affine map of "
         "low "
         "rank, fitted in closed form, repairs much of what their removal costs.",
         "Siddiqui et al. 2024, A deeper look at depth pruning of LLMs, sections 3 and 4",
         "1 to 3 of the 6 blocks of a byte model (1.27 million parameters, trained for each seed), nats per "
         "byte on held-out text: every metric at least 0.1 "
         "below random orders, which are below the worst order; a map of rank 8 in their place at least 0.03 "
         "lower "
         "for each number, the mean update lower from 2 on; one after another not above all at once (0.005)",
         3, 3.4},
        {"puzzle", "Puzzle",
         "Blocks that are taught alone and scored alone add up: a mixed-integer search over them finds, "
         "under a "
         "budget, models that greed, chance and the same cut everywhere do not.",
         "Bercovich et al. 2024, Puzzle: Distillation-Based NAS for Inference-Optimized LLMs, sections 3 and "
         "6",
         "Budgets of 80 to 50 % of the block parameters of the project's language model, nats per token on "
         "held-out "
         "text, before any training of the whole: the solver at 60 % at least 0.06 below fewer neurons in "
         "all "
         "layers; over all budgets not above greed (0.01), which is at least 0.3 below chance; taught blocks "
         "not "
         "above untaught; sums of scores follow the loss of random assemblies (Spearman at least 0.7)",
         3, 2.1},
    };
    return claims;
}

}  // namespace vitrine
