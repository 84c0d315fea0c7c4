// The paths that views wait for.
#include "core/features/pca.h"
#include "core/features/similarity.h"
#include "core/features/upsample.h"
#include "tests/bench/kernels_bench_rows.h"

namespace vitrine::bench {

// What a person waits for after a click, features of a ViT-B at 1024 x 1024 (64 x 64 patches) at hand.
void addViews(KernelRows& rows) {
    const auto map = at::randn({768, 64, 64});
    const auto guidance = at::rand({3, 1024, 1024});
    const auto basis = std::make_shared<PcaBasis>(*fitPca(map.flatten(1).t()));
    const auto taps = std::make_shared<JbuTaps>(*JbuTaps::guided(guidance, 64, 64));
    const auto show = [map](const PcaBasis& with, const JbuTaps& through) {
        pcaColors(with, *through.apply(*projectOnBasis(with, map)));
    };
    rows.push_back({"PCA + JBU to 1024x1024, first time",
                    [=] {
                        const auto fitted = *fitPca(map.flatten(1).t());
                        show(fitted, *JbuTaps::guided(guidance, 64, 64));
                    },
                    {},
                    400});
    rows.push_back({"PCA + JBU to 1024x1024, basis changed", [=] { show(*basis, *taps); }, {}, 60});
    rows.push_back({"probe to four maps, bilinear to 1024x1024",
                    [=] {
                        for (int panel = 0; panel < 4; ++panel) {
                            const auto cosine = *cosineMap(map, *patchVector(map, panel, 7));
                            (void)*resizeFeatures(cosine.unsqueeze(0), 1024, 1024, ResizeMode::Bilinear);
                        }
                    },
                    {},
                    50});
    rows.push_back({"probe to one map, JBU to 1024x1024",
                    [=] { (void)*taps->apply((*cosineMap(map, *patchVector(map, 3, 7))).unsqueeze(0)); },
                    {},
                    50});
    rows.push_back({"probe to four maps of one picture, JBU to 1024x1024",
                    [=] {
                        std::vector<at::Tensor> maps;
                        for (int panel = 0; panel < 4; ++panel)
                            maps.push_back(*cosineMap(map, *patchVector(map, panel, 7)));
                        (void)*taps->apply(at::stack(maps));
                    },
                    {},
                    50});
}

}  // namespace vitrine::bench
