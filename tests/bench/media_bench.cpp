// Pictures a second from file to model input, beside a plain OpenCV decode + area resize of the same files:
//   media_bench FOLDER [pictures]     (JPEGs; median of five rounds, one JSON line)
#include "core/media/image_folder.h"
#include "core/media/image_reader.h"
#include "core/media/preprocess.h"

#include <opencv2/imgcodecs.hpp>
#include <opencv2/imgproc.hpp>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <functional>

namespace {

using Paths = std::vector<std::filesystem::path>;

// Median pictures a second of five rounds.
double picturesPerSecond(const Paths& paths, const std::function<bool(const std::filesystem::path&)>& work) {
    std::vector<double> rates;
    for (int round = 0; round < 5; ++round) {
        const auto start = std::chrono::steady_clock::now();
        for (const auto& path : paths)
            if (!work(path)) {
                std::fprintf(stderr, "%s could not be read\n", path.c_str());
                std::exit(1);
            }
        const std::chrono::duration<double> seconds = std::chrono::steady_clock::now() - start;
        rates.push_back(double(paths.size()) / seconds.count());
    }
    std::sort(rates.begin(), rates.end());
    return rates[2];
}

bool baseline(const std::filesystem::path& path) {
    const cv::Mat image = cv::imread(path.string(), cv::IMREAD_COLOR);
    if (image.empty())
        return false;
    cv::Mat small, real;
    cv::resize(image, small, {224, 224}, 0, 0, cv::INTER_CUBIC);
    small.convertTo(real, CV_32FC3, 1.0 / 255.0);
    std::vector<cv::Mat> planes;
    cv::split(real, planes);
    return planes.size() == 3;
}

}  // namespace

int main(int argc, char** argv) {
    if (argc < 2) {
        std::fprintf(stderr, "usage: media_bench FOLDER [pictures]\n");
        return 2;
    }
    auto list = vitrine::listImages(argv[1]);
    if (!list || list->images.empty()) {
        std::fprintf(stderr, "%s\n", list ? "the folder holds no pictures" : list.error().text().c_str());
        return 1;
    }
    Paths paths = std::move(list->images);
    paths.resize(std::min(paths.size(), size_t(argc > 2 ? std::max(1, std::atoi(argv[2])) : 100)));
    vitrine::PreprocessConfig config;
    config.kind = vitrine::ProcessorKind::Siglip;
    config.size = vitrine::ImageSize{224, 224};
    const auto decodeOnly = [](const std::filesystem::path& path) {
        return vitrine::readImage(path).has_value();
    };
    const auto whole = [&](const std::filesystem::path& path) {
        const auto image = vitrine::readImage(path);
        return image && vitrine::preprocess(*image, config).has_value();
    };
    const double base = picturesPerSecond(paths, baseline), ours = picturesPerSecond(paths, whole);
    std::printf(R"({"pictures": %zu, "decode_per_s": %.1f, "decode_preprocess_per_s": %.1f, )"
                R"("opencv_per_s": %.1f, "ratio": %.3f})"
                "\n",
                paths.size(), picturesPerSecond(paths, decodeOnly), ours, base, ours / base);
    return 0;
}
