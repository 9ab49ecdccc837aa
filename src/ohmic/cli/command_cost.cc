#include <fmt/format.h>

#include <algorithm>
#include <filesystem>

#include "ohmic/cli/command.h"
#include "ohmic/cli/cost_page.h"
#include "ohmic/cli/mapping_options.h"
#include "ohmic/cli/terminal.h"
#include "ohmic/core/error.h"
#include "ohmic/core/files.h"
#include "ohmic/core/parallel.h"
#include "ohmic/cost/run_cost.h"
#include "ohmic/mapping/plan_file.h"
#include "ohmic/training/run.h"

namespace ohmic {
namespace {

constexpr const char* kCostExamples =
    "Examples:\n"
    "  ohmic cost runs/pcm\n"
    "  ohmic cost runs/pcm --images 100 --page cost.html\n"
    "  ohmic cost resnet32 --chip hermes_core\n"
    "  ohmic cost resnet32_narrow --chip hermes_core,isaac_like,puma_like\n"
    "  ohmic cost resnet32 --chip isaac_like --family adc=survey --family adc_area=survey\n"
    "  ohmic cost plan.json --figure adc=2 --json\n"
    "  ohmic cost --peak --chip hermes64 --phases 4\n"
    "  ohmic cost --study mnist --page study.html\n"
    "  ohmic cost runs/pcm --sweep tile.adc_bits=4..9 array=64,128,256,512\n\n"
    "WHAT is a run: what its training took, per image; or with --chip, a network, an experiment, a run or a plan: what "
    "one\n"
    "sample takes on that chip. Figures come from technology files (`ohmic list technologies`); each has a source and "
    "an\n"
    "interval, and docs/cost.md says what is counted. --images looks at the codes and conductances of that many test "
    "images\n"
    "instead of assuming how far cells are driven.";

struct CostArguments {
  MappingArguments mapping;
  std::string technology, study, page, data, device, alternatives;
  std::vector<std::string> families, figures, sweep;
  int phases = 1, images = 0, threads = 0;
  bool peak = false, json = false;
};

Technology technology_for(const CostArguments& a, const std::string& chip) {
  Technology technology = load_technology(a.technology.empty() ? technology_of_chip(chip) : a.technology);
  for (const std::string& family : a.families) technology.choose_family(family);
  for (const std::string& figure : a.figures) technology.set_value(figure);
  if (!a.alternatives.empty()) technology.set_interval(a.alternatives == "all" ? IntervalKind::all : IntervalKind::own);
  return technology;
}

std::vector<std::string> chips_of(const CostArguments& a) {
  std::vector<std::string> chips;
  const std::string& text = a.mapping.chip;
  for (std::size_t at = 0; at <= text.size();) {
    const std::size_t comma = std::min(text.find(',', at), text.size());
    chips.push_back(text.substr(at, comma - at));
    at = comma + 1;
  }
  return chips;
}

bool is_run(const std::string& what) { return std::filesystem::exists(std::filesystem::path(what) / "run.json"); }

// What a run's cells are driven with, on its test images.
std::vector<MeasuredActivity> measure(const CostArguments& a, const Technology& technology) {
  if (a.images == 0) return {};
  ProgressLine line;
  line.update("loading the run");
  LoadedRun run = load_run(a.mapping.network, a.data, [&](const std::string& message) { line.print(message); });
  if (run.spec.training.task != TaskKind::classification) {
    fail("--images {}: looks at test images, but {} does not classify images; leave it out", a.images,
         a.mapping.network);
  }
  const Split& test = run.data.test;
  const auto count = static_cast<std::size_t>(std::min<std::int64_t>(a.images, test.count));
  const ImageDecoder decoder(run.data, run.spec.data.normalise);
  Graph& graph = run.trainer->graph();
  Matrix samples(count, graph.input_size());
  for (std::size_t s = 0; s < count; ++s) decoder.decode(test, s, samples.row(s));
  line.update(fmt::format("looking at {} images", count));
  ActivityMeter meter(graph, technology);
  graph.forward(static_cast<const Matrix&>(samples).view(), Pass{kFirstEvaluationRead, false});
  line.clear();
  return meter.result();
}

std::vector<std::string> activity_notes(const std::vector<MeasuredActivity>& measured, const Technology& technology) {
  std::vector<std::string> notes;
  for (const MeasuredActivity& m : measured) {
    notes.push_back(
        fmt::format("{}: the data drive its cells to {:.2f} % of full scale; with every input at full "
                    "scale it would be {:.2f} %",
                    m.matrix, 100 * m.share, 100 * m.full_scale_share));
  }
  if (!measured.empty()) return notes;
  const TechnologySpec& t = technology.spec();
  notes.push_back(
      fmt::format("cells are assumed to be driven to {:.3g} of full scale; --images of a run measures it; "
                  "the upper end is full scale",
                  t.input_activity * t.conductance_share));
  return notes;
}

CostReport run_report(const CostArguments& a) {
  const std::string chip_name = a.mapping.chip.empty() ? "hermes_core" : a.mapping.chip;
  const Technology technology = technology_for(a, chip_name);
  const ChipSpec chip = load_chip(chip_name, a.mapping.chip_settings);
  const RunEvents run = read_run_events(a.mapping.network);
  const auto measured = measure(a, technology);
  CostReport report;
  report.table = cost_of_run(run, technology, chip, measured);
  report.title = fmt::format("training {}", run.name);
  report.technology = technology.spec().name;
  report.unit = "training sample";
  report.samples = static_cast<double>(std::max<std::uint64_t>(1, run.samples));
  report.summary = summary_of_run(run, report.table, technology, chip);
  report.converters = converter_query(technology.spec(), chip, run.adc_bits);
  report.figures = figures_used(report.table, technology, report.converters);
  report.notes = activity_notes(measured, technology);
  report.notes.push_back(converter_note(report.converters));
  if (!run.counts_digital_work) {
    report.notes.emplace_back(
        "the run was recorded by a version that did not count the gradients of batches, optimisers, and layers without "
        "weights: their energy is missing; train it again to have it");
  }
  report.notes.push_back(
      "the summary leaves out evaluation and programming; the tables have them, per training sample");
  return report;
}

Plan plan_for(const CostArguments& a, const std::string& chip) {
  MappingArguments mapping = a.mapping;
  mapping.chip = chip;
  if (std::filesystem::path(mapping.network).extension() != ".json") return map_as_asked(mapping);
  return read_plan(
      read_text_file(mapping.network), mapping.network,
      [](const std::string& name, const std::vector<std::string>& set) { return load_network(name, set).stages(); });
}

// What the links carry for a sample.
std::string link_note(const Plan& plan) {
  StageEvents all;
  for (const StageEvents& e : plan_events(plan, 1)) all += e;
  return fmt::format(
      "links make {} flit-hops per sample: {} flits of {:.0f} bits, over the mean distance of the cores "
      "between which they go",
      all.link_flit_hops, all.link_flits, plan.chip.constants.link_bits);
}

CostReport plan_report(const CostArguments& a, const std::string& chip) {
  const Plan plan = plan_for(a, chip);
  const Technology technology = technology_for(a, plan.chip.name);
  const PlanCostOptions options{0, a.phases};
  const auto measured = measure(a, technology);
  CostReport report;
  report.table = cost_of_plan(plan, technology, options, measured);
  report.title = fmt::format("{} on {}", plan.network, plan.chip.name);
  report.technology = technology.spec().name;
  report.unit = "sample";
  report.summary = summary_of_plan(plan, report.table, technology, options);
  report.converters = converter_query(technology.spec(), plan.chip, options.adc_bits);
  report.figures = figures_used(report.table, technology, report.converters);
  report.notes = activity_notes(measured, technology);
  report.notes.push_back(converter_note(report.converters));
  report.notes.push_back(link_note(plan));
  report.notes.push_back(fmt::format(
      "columns that a layer leaves unused are taken to be off; if every product drove and converted a whole array at "
      "full scale, products would take {} per sample",
      format_energy(whole_array_energy_j(plan, technology, options).value)));
  return report;
}

CostReport peak_report(const CostArguments& a, const std::string& chip_name) {
  const ChipSpec chip = load_chip(chip_name, a.mapping.chip_settings);
  const Technology technology = technology_for(a, chip_name);
  PeakCost peak = peak_of_chip(chip, technology, {0, a.phases});
  CostReport report;
  report.table = std::move(peak.table);
  report.title = fmt::format("{}, every array at full scale", chip_name);
  report.technology = technology.spec().name;
  report.unit = "product";
  report.summary = peak.summary;
  report.converters = converter_query(technology.spec(), chip, 0);
  report.figures = figures_used(report.table, technology, report.converters);
  report.notes = {converter_note(report.converters),
                  fmt::format("tables are of one array, the summary is of all {:.0f}", peak.arrays)};
  return report;
}

void print_report(const CostReport& report) {
  fmt::print("{}, technology {}\n\n{}\n{}\n", report.title, report.technology, format_table(summary_rows(report)),
             format_table(component_rows(report)));
  if (report.table.phases().size() > 1) fmt::print("{}\n", format_table(phase_rows(report)));
  if (report.table.layers().size() > 1) fmt::print("{}\n", format_table(layer_rows(report)));
  fmt::print("{}\n", format_table(figure_rows(report)));
  for (const std::string& note : report.notes) fmt::print("{}\n", note);
}

void print_reports(const CostArguments& a, const std::vector<CostReport>& reports) {
  if (!a.page.empty()) write_file_atomically(a.page, cost_page(reports));
  if (a.json) {
    auto list = nlohmann::ordered_json::array();
    for (const CostReport& report : reports) list.push_back(cost_json(report));
    fmt::print("{}\n", (reports.size() == 1 ? list[0] : list).dump());
    return;
  }
  if (reports.size() == 1) {
    print_report(reports[0]);
  } else {
    fmt::print("{}", format_table(cost_comparison_rows(reports)));
  }
  fmt::print("\n{}", format_table(published_rows()));
}

void show_study(const CostArguments& a) {
  if (a.study != "mnist") fail("--study {}: there is no such study; the one there is is mnist", a.study);
  const std::string chip = a.mapping.chip.empty() ? "hermes_core" : a.mapping.chip;
  ProgressLine line;
  CostStudyRequest request;
  request.settings = a.mapping.settings;
  request.data = a.data;
  if (a.images > 0) request.images = a.images;
  request.on_progress = [&](const std::string& text) { line.update(text); };
  Technology technology = technology_for(a, chip);
  if (a.alternatives.empty()) technology.set_interval(IntervalKind::all);  // the chart asks what sources make of it
  const CostStudyResult study = make_study(request, technology, load_chip(chip, a.mapping.chip_settings));
  line.clear();
  if (!a.page.empty()) write_file_atomically(a.page, study_page(study));
  if (a.json) {
    fmt::print("{}\n", cost_study_json(study).dump());
    return;
  }
  fmt::print("{}\n{}\n{}\n{}", study_summary(study), format_table(study_rows(study)), format_table(needs_rows(study)),
             format_table(swing_rows(study)));
}

void show_sweep(const CostArguments& a) {
  SweepRequest request;
  request.run = a.mapping.network;
  request.data = a.data;
  request.device = a.device;
  request.images = a.images;
  for (const std::string& axis : a.sweep) request.axes.push_back(parse_sweep_axis(axis));
  const std::string chip = a.mapping.chip.empty() ? "hermes_core" : a.mapping.chip;
  ProgressLine line;
  request.on_progress = [&](double done) { line.update("sweeping", done); };
  const SweepResult sweep = sweep_run(request, technology_for(a, chip), load_chip(chip, a.mapping.chip_settings));
  line.clear();
  if (!a.page.empty()) write_file_atomically(a.page, sweep_page(sweep));
  if (a.json) {
    fmt::print("{}\n", sweep_json(sweep).dump());
  } else {
    fmt::print("{}", format_table(sweep_rows(sweep)));
  }
}

void cost(const CostArguments& a) {
  set_thread_count(a.threads);
  if (!a.study.empty()) return show_study(a);
  std::vector<CostReport> reports;
  if (a.peak) {
    for (const std::string& chip : chips_of(a)) reports.push_back(peak_report(a, chip));
    return print_reports(a, reports);
  }
  if (a.mapping.network.empty()) fail("cost: name a run or a network, or ask for --peak or --study mnist");
  if (!a.sweep.empty()) return show_sweep(a);
  if (is_run(a.mapping.network) && a.mapping.chip.empty()) {
    reports.push_back(run_report(a));
  } else {
    if (a.images > 0 && !is_run(a.mapping.network)) {
      fail("--images {}: activity is measured on a run, but {} is none; leave it out", a.images, a.mapping.network);
    }
    for (const std::string& chip : chips_of(a)) reports.push_back(plan_report(a, chip.empty() ? "hermes_core" : chip));
  }
  print_reports(a, reports);
}

}  // namespace

void add_cost_command(CLI::App& program, CommandStatus&) {
  auto arguments = std::make_shared<CostArguments>();
  arguments->mapping.chip.clear();
  CLI::App* command = program.add_subcommand("cost", "Energy, power, area and wear of a run or of a network on a chip");
  command->footer(kCostExamples);
  command->add_option("what", arguments->mapping.network, "A run, or a network, an experiment or a plan");
  add_mapping_options(*command, arguments->mapping);
  command->add_option("--technology", arguments->technology, "Technology, or a .toml file [that of the chip]")
      ->type_name("NAME");
  command->add_option("--family", arguments->families, "Take a figure from another source, e.g. adc=survey")
      ->type_name("FIGURE=FAMILY");
  command->add_option("--figure", arguments->figures, "Give a figure in its own unit, e.g. adc=0.5; repeatable")
      ->type_name("FIGURE=VALUE");
  command->add_option("--alternatives", arguments->alternatives, "What intervals cover: own or all sources")
      ->check(CLI::IsMember({"own", "all"}));
  command->add_option("--phases", arguments->phases, "Reads per product, each with its conversions [1]")
      ->check(CLI::Range(1, 64));
  command->add_flag("--peak", arguments->peak, "The chip with all arrays at full scale");
  command->add_option("--study", arguments->study, "mnist: the perceptron's training on several designs")
      ->type_name("NAME");
  command->add_option("--sweep", arguments->sweep, "Accuracy beside energy over settings of a run, as above")
      ->expected(1, 8)
      ->type_name("SETTING=VALUES");
  command->add_option("--device", arguments->device, "Cell that --sweep writes the weights onto")->type_name("NAME");
  command
      ->add_option("--images", arguments->images,
                   "Images that are looked at, or that a study trains with by each rule [20000]")
      ->check(CLI::Range(1, 1000000));
  command->add_option("--data", arguments->data, "Folder of the data sets")->type_name("DIR");
  command->add_option("--threads", arguments->threads, "Threads; 0 for all cores")->check(CLI::Range(0, 1024));
  command->add_option("--page", arguments->page, "Write an HTML page")->type_name("FILE");
  command->add_flag("--json", arguments->json, "Print the result as JSON");
  command->callback([arguments] { cost(*arguments); });
}

}  // namespace ohmic
