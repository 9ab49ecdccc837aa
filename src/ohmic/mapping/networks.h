#pragma once

// The networks of publications, written out as layers: they can be mapped, and trained like any other.

#include <string>
#include <string_view>
#include <vector>

#include "ohmic/network/shape.h"
#include "ohmic/network/spec.h"

namespace ohmic {

/// A network and what it looks at.
struct NamedNetwork {
  std::string name;
  std::string description;  ///< one line with the source and what differs from it
  Shape input;
  int classes = 0;
  NetworkSpec network;
};

std::vector<std::string> network_names();
bool is_network_name(std::string_view name);
/// Error if there is none of that name: the message lists them and names the nearest.
NamedNetwork make_named_network(std::string_view name);

}  // namespace ohmic
