#include "core/compress/column_sweep.h"

#include "core/compress/sweep_block.h"

#include <numeric>

namespace vitrine {
namespace {

at::Tensor ordered(const at::Tensor& tensor, const at::Tensor& order) {
    return order.defined() ? tensor.index_select(1, order) : tensor.clone();
}
at::Tensor unordered(const at::Tensor& tensor, const at::Tensor& order) {
    if (!order.defined() || !tensor.defined())
        return tensor;
    auto out = at::empty_like(tensor);
    out.index_copy_(1, order, tensor);
    return out;
}

Result<void> checkSweep(const at::Tensor& weight, const InverseFactor& factor) {
    if (!weight.defined() || weight.dim() != 2 || !weight.is_floating_point())
        return fail(ErrorCode::ShapeMismatch, "expected floating weights (outputs, inputs)");
    if (!factor.upper.defined() || factor.upper.size(0) != weight.size(1))
        return fail(ErrorCode::ShapeMismatch,
                    fmt::format("the statistics are of {} inputs, the weights of {}",
                                factor.upper.defined() ? factor.upper.size(0) : 0, weight.size(1)));
    if (!weight.isfinite().all().item<bool>())
        return fail(ErrorCode::InvalidArgument, "the weights hold NaN or infinity");
    return {};
}

// The sweep over one matrix, block after block, on the CPU.
class Sweep {
  public:
    Sweep(const at::Tensor& weight, const InverseFactor& factor, const SweepOptions& options)
        : factor_(factor.upper.cpu()),
          order_(factor.order.defined() ? factor.order.cpu() : at::Tensor()),
          options_(options) {
        const auto living = weight.detach().to(at::kCPU, at::kFloat).masked_fill(factor.dead.cpu(), 0);
        work_ = ordered(living, order_).contiguous();
        rows_ = work_.size(0);
        columns_ = work_.size(1);
        if (options_.fixedMask.defined())
            mask_ = ordered(options_.fixedMask.cpu().to(at::kByte), order_).contiguous();
        else if (options_.sparsity)
            mask_ = at::ones({rows_, columns_}, at::kByte);
        if (options_.quantization)
            prepareScales(living);
        diagonal_ = factor_.diagonal().contiguous();
    }

    void run() {
        int64_t width = std::min(options_.blockColumns, SweepBlock::kMostColumns);
        if (options_.sparsity && options_.sparsity->kind == SparsityPattern::Kind::NOfM)
            width = std::max<int64_t>(1, width / options_.sparsity->m) * options_.sparsity->m;
        for (int64_t start = 0; start < columns_; start += width)
            block(start, std::min(width, columns_ - start));
    }

    SweptMatrix result(const at::Tensor& like) {
        SweptMatrix swept;
        auto weight = unordered(work_, order_);
        if (options_.quantization) {
            kernels::LowBitCodes given{{}, scales_, zeros_, tensorScale_};
            swept.quantized = quantizeWithScales(weight, *options_.quantization, given);
        }
        swept.weight = weight.to(like.device(), like.scalar_type());
        if (mask_.defined())
            swept.mask = unordered(mask_, order_).to(like.device());
        return swept;
    }

  private:
    // Scales of groups that columns reach in order are chosen when the sweep comes to them, from weights as
    // they are by then; where columns are reordered, or one scale serves all, beforehand.
    void prepareScales(const at::Tensor& living) {
        const LowBitFormatSpec& spec = *options_.quantization;
        const int64_t width = spec.groupWidth(columns_);
        groups_ = (columns_ + width - 1) / width;
        groupOfColumn_.resize(size_t(columns_));
        for (int64_t position = 0; position < columns_; ++position) {
            const int64_t column = order_.defined() ? order_.const_data_ptr<int64_t>()[position] : position;
            groupOfColumn_[size_t(position)] = int32_t(column / width);
        }
        kernels::LowBitCodes given;
        if (spec.perTensor) {
            const double largest = living.numel() > 0 ? living.abs().max().item<double>() : 0;
            given.scales = at::full(
                {1}, largest > 0 ? largest / (spec.format == LowBitFormat::E4M3 ? 448. : 57344.) : 1.,
                at::kFloat);
        }
        const auto codes = kernels::lowBitEncode(living, spec.format, spec.codeBits(), spec.group, given);
        scales_ = codes.scales;
        zeros_ = codes.zeros;
        tensorScale_ = codes.tensorScale;
        renewsScales_ = !order_.defined() && !spec.perTensor && groups_ > 1;
    }

    void renewScales(int64_t start, int64_t count) {
        const LowBitFormatSpec& spec = *options_.quantization;
        const int64_t width = spec.groupWidth(columns_);
        for (int64_t group = (start + width - 1) / width; group * width < start + count; ++group) {
            const auto columns =
                work_.slice(1, group * width, std::min((group + 1) * width, columns_)).contiguous();
            // The tensor's scale stays; only a block's own changes.
            const auto codes = spec.format == LowBitFormat::Nvfp4
                                   ? nvfp4Scales(columns)
                                   : kernels::lowBitEncode(columns, spec.format, spec.codeBits(), 0);
            scales_.select(1, group).copy_(codes.scales.select(1, 0));
            if (zeros_.defined())
                zeros_.select(1, group).copy_(codes.zeros.select(1, 0));
        }
    }

    kernels::LowBitCodes nvfp4Scales(const at::Tensor& columns) const {
        const auto largest = columns.abs().amax({1}, true) / (6 * tensorScale_);
        return {{}, largest.clamp_max(448).to(at::kFloat8_e4m3fn).to(at::kFloat), {}, tensorScale_};
    }

    // Unstructured: the smallest scores of the whole block of columns go.
    void chooseUnstructured(int64_t start, int64_t count) {
        const auto scores = (work_.slice(1, start, start + count) / diagonal_.slice(0, start, start + count))
                                .square()
                                .contiguous();
        const int64_t pruned = int64_t(double(scores.numel()) * options_.sparsity->pruned);
        mask_.slice(1, start, start + count)
            .copy_(rowMask(scores.reshape({1, -1}), pruned).reshape(scores.sizes()));
    }

    void block(int64_t start, int64_t count) {
        const auto corner = factor_.slice(0, start, start + count);
        auto inner = at::zeros({count, SweepBlock::kMostColumns}, at::kFloat);
        inner.slice(1, 0, count).copy_(corner.slice(1, start, start + count).triu(1));
        auto errors = at::empty({rows_, count}, at::kFloat);
        const bool structured = options_.sparsity && options_.sparsity->kind == SparsityPattern::Kind::NOfM;
        if (options_.sparsity && !structured)
            chooseUnstructured(start, count);
        if (renewsScales_)
            renewScales(start, count);
        SweepBlock block{};
        block.weight = work_.data_ptr<float>() + start;
        block.rows = rows_;
        block.stride = columns_;
        block.columns = count;
        block.factor = inner.const_data_ptr<float>();
        block.diagonal = diagonal_.const_data_ptr<float>() + start;
        block.errors = errors.data_ptr<float>();
        block.mask = mask_.defined() ? mask_.data_ptr<uint8_t>() + start : nullptr;
        block.n = structured ? options_.sparsity->n : 0;
        block.m = structured ? options_.sparsity->m : 0;
        if (options_.quantization) {
            block.scales = scales_.const_data_ptr<float>();
            block.zeros = zeros_.defined() ? zeros_.const_data_ptr<float>() : nullptr;
            block.groupOfColumn = groupOfColumn_.data() + start;
            block.groups = groups_;
            block.format = options_.quantization->format;
            block.bits = int(options_.quantization->codeBits());
            block.tensorScale = float(tensorScale_);
        }
        sweepBlock(block);
        if (start + count < columns_)
            work_.slice(1, start + count).addmm_(errors, corner.slice(1, start + count), 1, -1);
    }

    at::Tensor factor_, order_, diagonal_, work_, mask_, scales_, zeros_;
    SweepOptions options_;
    int64_t rows_ = 0, columns_ = 0, groups_ = 0;
    std::vector<int32_t> groupOfColumn_;
    double tensorScale_ = 1;
    bool renewsScales_ = false;
};

}  // namespace

Result<void> SweepOptions::validate(bool actOrder) const {
    if (!sparsity && !quantization && !fixedMask.defined())
        return fail(ErrorCode::InvalidArgument, "neither sparsity nor a low-bit format is wanted");
    if (sparsity && fixedMask.defined())
        return fail(ErrorCode::InvalidArgument, "a mask is given, so no other pattern can be chosen");
    if (sparsity) {
        VITRINE_TRY_VOID(sparsity->validate());
    }
    if (quantization) {
        VITRINE_TRY_VOID(quantization->validate());
    }
    if (sparsity && sparsity->kind == SparsityPattern::Kind::NOfM && actOrder)
        return fail(
            ErrorCode::InvalidArgument,
            fmt::format("the order by activations moves the columns of {} groups apart", sparsity->text()),
            {}, "Switch the order off, or choose an unstructured pattern.");
    if (blockColumns < 32 || blockColumns > SweepBlock::kMostColumns)
        return fail(ErrorCode::InvalidArgument, fmt::format("expected blocks of 32 to {} columns, found {}",
                                                            SweepBlock::kMostColumns, blockColumns));
    return {};
}

Result<SweptMatrix> sweepColumns(const at::Tensor& weight, const InverseFactor& factor,
                                 const SweepOptions& options) {
    const at::NoGradGuard plain;
    VITRINE_TRY_VOID(options.validate(factor.order.defined()));
    VITRINE_TRY_VOID(checkSweep(weight, factor));
    if (options.sparsity) {
        VITRINE_TRY_VOID(options.sparsity->checkFits(weight.sizes()));
    }
    if (options.fixedMask.defined() && options.fixedMask.sizes() != weight.sizes())
        return fail(ErrorCode::ShapeMismatch, "the mask has another shape than the weights");
    Sweep sweep(weight, factor, options);
    sweep.run();
    return sweep.result(weight);
}

Result<at::Tensor> sparseGptMask(const at::Tensor& weight, const InverseFactor& factor,
                                 const SparsityPattern& pattern) {
    const at::NoGradGuard plain;
    VITRINE_TRY_VOID(checkSweep(weight, factor));
    auto diagonal = factor.upper.diagonal();
    if (factor.order.defined())
        diagonal = at::empty_like(diagonal).index_copy_(0, factor.order, diagonal);
    const auto living = weight.detach().masked_fill(factor.dead.to(weight.device()), 0);
    if (pattern.kind == SparsityPattern::Kind::NOfM)
        return wandaMask(living, diagonal.reciprocal(), pattern);
    VITRINE_TRY_VOID(pattern.checkFits(weight.sizes()));
    // As in the sweep: the threshold is that of a block of columns.
    const auto scores = (living.to(at::kCPU, at::kFloat) / diagonal.cpu()).square();
    auto mask = at::empty(weight.sizes(), at::kByte);
    for (int64_t start = 0; start < weight.size(1); start += SweepBlock::kMostColumns) {
        const auto part = scores.slice(1, start, start + SweepBlock::kMostColumns).contiguous();
        const auto chosen = rowMask(part.reshape({1, -1}), int64_t(double(part.numel()) * pattern.pruned));
        mask.slice(1, start, start + SweepBlock::kMostColumns).copy_(chosen.reshape(part.sizes()));
    }
    return mask.to(weight.device());
}

}  // namespace vitrine
