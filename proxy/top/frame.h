#pragma once

#include <string>
#include <vector>

#include "proxy/top/layout.h"
#include "proxy/top/sample.h"

namespace oxbow::top {

// What `oxbow top` shows of a sample: upstreams and their endpoints, names, recent errors. `before`
// is the sample before it, for the rates; may be null. No line is wider than the style's.
std::vector<Line> frameOf(const Sample& sample, const Sample* before, const Style& style);

// The part of the frame that fits below a head: from line `first` on; the last line tells of what
// does not fit.
std::vector<Line> windowOf(const std::vector<Line>& frame, size_t first, size_t height);

}  // namespace oxbow::top
