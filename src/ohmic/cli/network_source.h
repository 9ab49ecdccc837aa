#pragma once

#include <optional>
#include <string>
#include <vector>

#include "ohmic/mapping/stage_graph.h"
#include "ohmic/training/experiment.h"

namespace ohmic {

/// A network that a command was given by name: one of the publications' or that of an experiment.
struct NetworkSource {
  std::string name;
  Shape input;
  int classes = 0;
  NetworkSpec network;
  std::optional<ExperimentSpec> experiment;  ///< if it comes from one

  StageGraph stages() const { return make_stage_graph(network, input, classes); }
};

/// `name`: a network's name (`ohmic list networks`), an experiment's name or file, an ONNX file, or a run's folder.
/// `settings`: of
/// the experiment. Data are not loaded: the shape of their samples is known.
NetworkSource load_network(const std::string& name, const std::vector<std::string>& settings);

/// What a network sees of a data set. Error where it is not known.
struct SampleShape {
  Shape shape;
  int classes = 0;
};
SampleShape sample_shape(const ExperimentSpec& spec);

}  // namespace ohmic
