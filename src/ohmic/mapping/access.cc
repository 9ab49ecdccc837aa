#include "ohmic/mapping/access.h"

#include "ohmic/core/error.h"

namespace ohmic {
namespace {

int parts(int whole, int part) { return (whole + part - 1) / part; }

// Pixel by pixel, or patch by patch.
InputAccess aligned_access(const Shape& s, const Packing& p) {
  return InputAccess::window(stream_height(s), s.width, p.rows, p.columns, p.rows, p.columns, 0);
}

InputAccess kernel_access(const Stage& stage, const Shape& from, const Packing& p) {
  const int height = stream_height(from);
  const int step_y = stage.stride * p.rows, step_x = stage.stride * p.columns;
  return InputAccess::window(height, from.width, stage.kernel_height + stage.stride * (p.rows - 1),
                             stage.kernel_width + stage.stride * (p.columns - 1), step_y, step_x, stage.padding);
}

bool reads_by_kernel(StageKind kind) {
  return kind == StageKind::convolution || kind == StageKind::pool || kind == StageKind::dense;
}

}  // namespace

InputAccess InputAccess::window(int height, int width, int extent_y, int extent_x, int step_y, int step_x,
                                int padding) {
  InputAccess a;
  a.height_ = height;
  a.width_ = width;
  a.extent_y_ = extent_y;
  a.extent_x_ = extent_x;
  a.step_y_ = step_y;
  a.step_x_ = step_x;
  a.padding_ = padding;
  return a;
}

InputAccess InputAccess::in_order(int height, int width, int rows, int columns) {
  InputAccess a;
  a.height_ = height;
  a.width_ = width;
  a.is_in_order_ = true;
  a.columns_ = columns;
  a.iterations_ = static_cast<std::int64_t>(rows) * columns;
  return a;
}

OutputOrder OutputOrder::patches(int height, int width, const Packing& packing) {
  OutputOrder o;
  o.height_ = height;
  o.width_ = width;
  o.rows_ = parts(height, packing.rows);
  o.columns_ = parts(width, packing.columns);
  o.step_y_ = o.extent_y_ = packing.rows;
  o.step_x_ = o.extent_x_ = packing.columns;
  return o;
}

OutputOrder OutputOrder::overlapping(int height, int width, int rows, int columns, int kernel_y, int kernel_x,
                                     int stride, int padding) {
  OutputOrder o;
  o.kind_ = Kind::overlapping;
  o.height_ = height;
  o.width_ = width;
  o.rows_ = rows;
  o.columns_ = columns;
  o.step_y_ = o.step_x_ = stride;
  o.extent_y_ = kernel_y;
  o.extent_x_ = kernel_x;
  o.padding_ = padding;
  return o;
}

OutputOrder OutputOrder::at_end(int rows, int columns) {
  OutputOrder o;
  o.kind_ = Kind::at_end;
  o.rows_ = rows;
  o.columns_ = columns;
  return o;
}

// A pixel is final when the last iteration that touches it is done: those below the next row of iterations wait for it.
std::int64_t OutputOrder::complete(int row, int column) const {
  const bool is_last = column + 1 == columns_;
  if (kind_ == Kind::at_end) return is_last && row + 1 == rows_ ? 1 : 0;
  if (is_last && row + 1 == rows_) return pixels();
  const int below = std::clamp((row + 1) * step_y_ - padding_, 0, height_);
  if (is_last) return static_cast<std::int64_t>(below) * width_;
  const int top = std::clamp(row * step_y_ - padding_, 0, height_);
  const int right = std::clamp((column + 1) * step_x_ - padding_, 0, width_);
  if (top == below) return static_cast<std::int64_t>(top) * width_;
  return static_cast<std::int64_t>(top) * width_ + right;
}

std::int64_t OutputOrder::reached(int row, int column) const {
  if (kind_ == Kind::at_end) return complete(row, column);
  const int bottom = std::clamp(row * step_y_ - padding_ + extent_y_, 1, height_);
  const int right = std::clamp(column * step_x_ - padding_ + extent_x_, 1, width_);
  return std::max(static_cast<std::int64_t>(bottom - 1) * width_ + right, complete(row, column));
}

StageAccess stage_access(const StageGraph& graph, std::size_t number, const Packing& packing) {
  const Stage& stage = graph.stages[number];
  OHMIC_EXPECT(packing == Packing() || stage.kind == StageKind::convolution);
  const auto shape_of = [&](const StageInput& in) { return graph.stages[static_cast<std::size_t>(in.from)].output; };
  const Shape& out = stage.output;
  StageAccess access;
  access.rows = parts(stream_height(out), packing.rows);
  access.columns = parts(out.width, packing.columns);
  access.output = OutputOrder::patches(stream_height(out), out.width, packing);
  if (stage.kind == StageKind::transposed_convolution || stage.kind == StageKind::global_pool) {
    const Shape in = shape_of(stage.inputs[0]);
    access.rows = stream_height(in);
    access.columns = in.width;
    access.output =
        stage.kind == StageKind::global_pool
            ? OutputOrder::at_end(access.rows, access.columns)
            : OutputOrder::overlapping(out.height, out.width, access.rows, access.columns, stage.kernel_height,
                                       stage.kernel_width, stage.stride, stage.padding);
  }
  for (const StageInput& input : stage.inputs) {
    const Shape from = shape_of(input);
    if (stage.kind == StageKind::reshape) {
      access.inputs.push_back(InputAccess::in_order(stream_height(from), from.width, access.rows, access.columns));
    } else if (reads_by_kernel(stage.kind) && !input.is_added) {
      access.inputs.push_back(kernel_access(stage, from, packing));
    } else if (stage.kind == StageKind::transposed_convolution && input.is_added) {
      // Added to the whole patch below and right of the iteration's first output pixel.
      access.inputs.push_back(InputAccess::window(out.height, out.width, stage.kernel_height, stage.kernel_width,
                                                  stage.stride, stage.stride, stage.padding));
    } else {
      access.inputs.push_back(aligned_access(from, packing));
    }
  }
  return access;
}

}  // namespace ohmic
