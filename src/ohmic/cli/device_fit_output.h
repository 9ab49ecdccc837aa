#pragma once

#include <string>

#include "ohmic/device/fit.h"

namespace ohmic {

/// Where the files of a fit went.
struct FitFiles {
  std::string preset, report;
};

/// Constants, goodness of fit and comparison by pulse number, for people.
std::string fit_text(const CellFit& fit, const Measurements& measurements, const FitFiles& files);

/// The same for programs.
std::string fit_json(const CellFit& fit, const Measurements& measurements, const FitFiles& files);

/// The same as a page with charts. `name` is that of the cell.
std::string fit_page(const CellFit& fit, const Measurements& measurements, const std::string& name);

}  // namespace ohmic
