#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "ohmic/cli/cell_catalogue.h"
#include "ohmic/cli/command.h"
#include "ohmic/cli/cost_output.h"
#include "ohmic/cli/network_catalogue.h"
#include "ohmic/cli/terminal.h"
#include "ohmic/core/error.h"
#include "ohmic/data/dataset.h"
#include "ohmic/mapping/chip_spec.h"
#include "ohmic/mapping/networks.h"
#include "ohmic/onnx/network.h"
#include "ohmic/training/experiment.h"

namespace ohmic {
namespace {

constexpr const char* kListExamples =
    "Examples:\n"
    "  ohmic list devices\n"
    "  ohmic list devices --markdown > docs/cells.md\n"
    "  ohmic list experiments --json\n"
    "  ohmic list networks\n"
    "  ohmic list chips\n"
    "  ohmic list technologies";

struct Named {
  std::string name, description;
};

std::vector<Named> devices() {
  std::vector<Named> list;
  for (const std::string& name : cell_preset_names()) list.push_back({name, cell_preset_description(name)});
  return list;
}

std::vector<Named> experiments() {
  std::vector<Named> list;
  for (const std::string& name : experiment_names()) list.push_back({name, experiment_description(name)});
  return list;
}

std::vector<Named> datasets() {
  std::vector<Named> list;
  for (const DatasetDescription& known : known_datasets()) list.push_back({known.name, known.description});
  return list;
}

std::vector<Named> networks() {
  std::vector<Named> list;
  for (const std::string& name : network_names()) list.push_back({name, make_named_network(name).description});
  return list;
}

std::vector<Named> chips() {
  std::vector<Named> list;
  for (const std::string& name : chip_names()) list.push_back({name, load_chip(name).description});
  return list;
}

std::vector<Named> technologies() {
  std::vector<Named> list;
  for (const std::string& name : technology_names()) list.push_back({name, load_technology_spec(name).description});
  return list;
}

std::vector<Named> operators() {
  std::vector<Named> list;
  for (const std::string& name : onnx::known_operators()) list.push_back({name, "read from ONNX files"});
  return list;
}

constexpr const char* kListed = "devices, experiments, datasets, networks, chips, technologies or operators";

std::vector<Named> listed(const std::string& what) {
  if (what == "devices") return devices();
  if (what == "experiments") return experiments();
  if (what == "networks") return networks();
  if (what == "technologies") return technologies();
  if (what == "operators") return operators();
  return what == "chips" ? chips() : datasets();
}

std::string catalogue_markdown(const std::string& what) {
  if (what == "devices") return cell_catalogue_markdown();
  if (what == "networks") return network_catalogue_markdown();
  if (what == "chips") return chip_catalogue_markdown();
  if (what == "technologies") return technology_catalogue_markdown();
  fail("list {}: only devices, networks, chips and technologies can be listed with --markdown", what);
}

void print(const std::vector<Named>& list, bool json) {
  if (json) {
    nlohmann::ordered_json array = nlohmann::ordered_json::array();
    for (const Named& item : list) array.push_back({{"name", item.name}, {"description", item.description}});
    fmt::print("{}\n", array.dump());
    return;
  }
  std::size_t width = 0;
  for (const Named& item : list) width = std::max(width, item.name.size());
  for (const Named& item : list) fmt::print("{:<{}}  {}\n", item.name, width, item.description);
}

}  // namespace

void add_list_command(CLI::App& program, CommandStatus&) {
  struct Arguments {
    std::string what;
    bool json = false;
    bool markdown = false;
  };
  auto arguments = std::make_shared<Arguments>();
  CLI::App* command = program.add_subcommand("list", fmt::format("List {}", kListed));
  command->footer(kListExamples);
  command->add_option("what", arguments->what, kListed)
      ->required()
      ->check(CLI::IsMember({"devices", "experiments", "datasets", "networks", "chips", "technologies", "operators"}));
  command->add_flag("--json", arguments->json, "Print as JSON");
  CLI::Option* json = command->get_option("--json");
  command
      ->add_flag(
          "--markdown", arguments->markdown,
          "Print devices, chips or technologies with all figures and sources, or networks on a chip, as Markdown")
      ->excludes(json);
  command->callback([arguments] {
    if (arguments->markdown) {
      fmt::print("{}", catalogue_markdown(arguments->what));
      return;
    }
    print(listed(arguments->what), arguments->json);
  });
}

}  // namespace ohmic
