#include "core/models/families.h"

#include "core/models/aliked/aliked.h"
#include "core/models/cifar/resnet_cifar.h"
#include "core/models/cifar/vit_cifar.h"
#include "core/models/clip/clip_model.h"
#include "core/models/depth_anything/depth_anything.h"
#include "core/models/dino/dino_model.h"
#include "core/models/featsharp/featsharp_model.h"
#include "core/models/featup/featup_model.h"
#include "core/models/featup/implicit_model.h"
#include "core/models/language/language_model.h"
#include "core/models/mambavision/mamba_vision.h"
#include "core/models/radio/radio_model.h"
#include "core/models/sam/sam_model.h"
#include "core/models/sam2/sam2_model.h"
#include "core/models/sam3/sam3_model.h"
#include "core/models/siglip/siglip_model.h"

namespace vitrine {

std::vector<ModelFamily> builtInFamilies() {
    std::vector<ModelFamily> families{
        radioFamily(),  samFamily(),         sam2Family(),          sam3Family(),        clipFamily(),
        siglipFamily(), dinoFamily(),        depthAnythingFamily(), mambaVisionFamily(), featSharpFamily(),
        featUpFamily(), resnetCifarFamily(), vitCifarFamily(),      alikedFamily(),
    };
    // First: a fit that lies in an encoder's folder is not that encoder.
    families.insert(families.begin(), featUpImplicitFamily());
    for (ModelFamily& family : languageFamilies())
        families.push_back(std::move(family));
    return families;
}

}  // namespace vitrine
