#include "ohmic/mapping/plan.h"

#include <gtest/gtest.h>

#include <filesystem>

#include "ohmic/core/embedded_files.h"
#include "ohmic/core/error.h"
#include "ohmic/core/files.h"
#include "ohmic/mapping/plan_file.h"
#include "ohmic/mapping/test_support.h"

namespace ohmic {
namespace {

Plan mapped(const std::string& network, const MapRequest& request = {}, const std::string& chip = "paper") {
  return map_network(network, stages_of(network), load_chip(chip), request);
}

std::string message_of(const std::function<void()>& action) {
  try {
    action();
  } catch (const Error& error) {
    return error.what();
  }
  return "no error";
}

// Parameters as torchvision's models have them, less those of batch norm and the biases of convolutions, which are
// digital; biases of dense layers are a row of the matrix.
TEST(Networks, HaveThePublishedNumbersOfWeights) {
  const std::vector<std::pair<std::string, std::int64_t>> published = {
      {"resnet18", 11'689'512 - 9'600},    {"resnet34", 21'797'672 - 17'024},    {"resnet50", 25'557'032 - 53'120},
      {"vgg16", 138'357'544 - 4'224},      {"alexnet", 61'100'840 - 1'152},      {"squeezenet", 1'235'496 - 3'944},
      {"densenet121", 7'978'856 - 83'648}, {"mobilenet_v2", 3'504'872 - 34'112},
  };
  for (const auto& [name, weights] : published) {
    std::int64_t sum = 0;
    for (const Stage& s : stages_of(name).stages) sum += s.rows * s.columns * s.groups;
    EXPECT_EQ(sum, weights) << name;
  }
}

TEST(Split, CountsArraysAsRowsAndColumnsNeed) {
  Stage s;
  s.kind = StageKind::convolution;
  s.rows = 576;
  s.columns = 300;
  EXPECT_EQ(arrays_of(s, {}, 256, 256), 3 * 2);
  EXPECT_EQ(arrays_of(s, {}, 576, 300), 1);
  // Depthwise: 9 x 1 blocks on the diagonal, 28 to an array of 256 rows.
  s.rows = 9;
  s.columns = 1;
  s.groups = 96;
  EXPECT_EQ(arrays_of(s, {}, 256, 256), 4);
  EXPECT_EQ(arrays_of(s, {}, 256, 20), 5);
}

// A 2 x 2 patch of a 3 x 3 kernel on 16 channels fills 256 rows and 64 columns (section 1 of the specification).
TEST(Packing, FillsTheArrayThatIsThere) {
  const Plan plain = split("resnet32", stages_of("resnet32"), load_chip("paper"), DepthwisePlace::arrays);
  const Plan packed = pack_windows(plain);
  EXPECT_EQ(packed.arrays(), plain.arrays());
  const StagePlan& p = packed.stages[2];
  EXPECT_EQ(packed.graph.stages[2].rows, 144);
  EXPECT_EQ(p.packing, (Packing{2, 2}));
  EXPECT_EQ(p.iterations, 256);
  EXPECT_DOUBLE_EQ(p.utilisation, 4 * plain.stages[2].utilisation);
}

TEST(Replication, ToArraysIsTheBestOfAllRates) {
  for (const std::string name : {"resnet20", "small_inception", "small_dense_block"}) {
    const Plan one = split(name, stages_of(name), load_chip("paper"), DepthwisePlace::arrays);
    for (const std::int64_t extra : {0, 1, 7, 40, 500}) {
      const std::int64_t allowed = one.arrays() + extra;
      const Plan plan = replicate_to_arrays(one, allowed);
      EXPECT_LE(plan.arrays(), allowed);
      Tick best = one.ticks_per_sample;
      for (Tick t = 1; t < one.ticks_per_sample; ++t) {
        const Plan other = replicate_to_ticks(one, t);
        if (other.arrays() <= allowed) best = std::min(best, other.ticks_per_sample);
      }
      EXPECT_EQ(plan.ticks_per_sample, best) << name << ", " << allowed << " arrays";
    }
  }
}

TEST(Replication, ToLatencyTakesNoMoreThanNeeded) {
  const Plan one = split("resnet32", stages_of("resnet32"), load_chip("paper"), DepthwisePlace::arrays);
  const Plan plan = replicate_to_latency(one, 300);
  const auto latency = [](const Plan& p) {
    return unbounded_schedule(make_pipeline(p, BufferBounds::unbounded), 1).latency(0);
  };
  EXPECT_LE(latency(plan), 300);
  EXPECT_GT(latency(replicate_to_ticks(one, plan.ticks_per_sample + plan.ticks_per_sample / 4)), 300);
  EXPECT_NE(message_of([&] { replicate_to_latency(one, 3); }).find("out of reach"), std::string::npos);
}

TEST(Buffers, SchemesAreInOrder) {
  for (const std::string name : {"resnet32", "small_inception", "small_dense_block"}) {
    double last = 0;
    for (std::size_t k = 0; k < kBufferSchemes.size(); ++k) {
      MapRequest request;
      request.scheme = static_cast<BufferScheme>(k);
      request.placement = Placement::snake;
      const double bytes = mapped(name, request).sram_bytes();
      EXPECT_GE(bytes, last) << name;
      last = bytes;
    }
  }
}

TEST(Placement, SaysHowManyArraysAreMissing) {
  const std::string text = message_of([] { mapped("resnet50", {}, "hermes64"); });
  EXPECT_NE(text.find("needs 426 arrays"), std::string::npos) << text;
  EXPECT_NE(text.find("has 64: 362 are missing; 426 cores would do"), std::string::npos) << text;
}

TEST(Placement, EveryArrayHasAPlaceAndNoCoreHoldsTooMany) {
  for (const std::string chip : {"paper", "hermes64", "isaac_like", "puma_like"}) {
    const Plan plan = mapped("resnet32_narrow", {}, chip);
    for (const StagePlan& p : plan.stages) {
      if (p.arrays() == 0) continue;
      EXPECT_GE(static_cast<std::int64_t>(p.cores.size()) * plan.chip.arrays_per_core(), p.arrays());
    }
    EXPECT_TRUE(check(plan).empty()) << chip << ": " << fmt::format("{}", fmt::join(check(plan), "; "));
    EXPECT_LE(plan.arrays(), plan.cores * plan.chip.arrays_per_core());
  }
}

TEST(Plan, ReadsWhatItWrote) {
  MapRequest request;
  request.ticks = 64;
  request.packing = WindowPacking::on;
  request.sharing = ArraySharing::on;
  request.scheme = BufferScheme::rows;
  const Plan plan = mapped("resnet32", request, "hermes_core");
  const std::string text = plan_text(plan, {});
  const auto source = [](const std::string& name, const std::vector<std::string>&) { return stages_of(name); };
  const Plan again = read_plan(text, "plan.json", source);
  EXPECT_EQ(plan_text(again, {}), text);
  EXPECT_EQ(again.arrays(), plan.arrays());
  EXPECT_EQ(again.ticks_per_sample, plan.ticks_per_sample);
  EXPECT_EQ(again.sram_bytes(), plan.sram_bytes());
}

TEST(Plan, WrongFilesAreErrorsThatNameThePlace) {
  const auto source = [](const std::string& name, const std::vector<std::string>&) { return stages_of(name); };
  const std::string text = plan_text(mapped("small_inception"), {});
  const auto changed = [&](const std::string& from, const std::string& to) {
    std::string copy = text;
    copy.replace(copy.find(from), from.size(), to);
    return message_of([&] { read_plan(copy, "plan.json", source); });
  };
  EXPECT_NE(changed("{", "[").find("plan.json: is no plan"), std::string::npos);
  EXPECT_NE(changed("ohmic plan 1", "ohmic plan 9").find("this version reads"), std::string::npos);
  EXPECT_NE(changed("\"copies\": 1", "\"copies\": 0").find("stem.copies = 0 must be at least 1"), std::string::npos);
  EXPECT_NE(changed("\"name\": \"stem\"", "\"name\": \"stalk\"").find("\"stalk\", but the network has \"stem\""),
            std::string::npos);
  EXPECT_NE(changed("\"topology\": \"mesh\"", "\"topology\": \"star\"").find("none of mesh, ring"), std::string::npos);
}

TEST(Plan, CheckNamesEveryBrokenRule) {
  Plan plan = mapped("small_inception");
  ASSERT_TRUE(check(plan).empty());
  plan.stages[1].cores = {99};
  plan.stages[2].arrays_per_copy = 7;
  plan.stages[3].cores = {0, 0};
  const auto broken = check(plan);
  const std::string all = fmt::format("{}", fmt::join(broken, "\n"));
  EXPECT_NE(all.find("stem: core 99 is not one of the 14"), std::string::npos) << all;
  EXPECT_NE(all.find("7 arrays per copy, but its matrix takes 1"), std::string::npos) << all;
  EXPECT_NE(all.find("names a core twice"), std::string::npos) << all;
  MapRequest sharing;
  sharing.sharing = ArraySharing::on;
  Plan shared = mapped("small_inception", sharing);
  EXPECT_LT(shared.arrays(), mapped("small_inception").arrays());
  ASSERT_TRUE(check(shared).empty());
  for (StagePlan& p : shared.stages) p.slot = 0;
  EXPECT_NE(fmt::format("{}", fmt::join(check(shared), "\n")).find("the same turn on its array"), std::string::npos);
  shared = mapped("small_inception", sharing);
  shared.chip.constants.array_columns = 36;
  EXPECT_NE(fmt::format("{}", fmt::join(check(shared), "\n")).find("cells, but it has 256 x 36"), std::string::npos);
  Plan small = mapped("small_inception");
  small.chip.constants.sram_kib = 0.25;
  EXPECT_NE(fmt::format("{}", fmt::join(check(small), "\n")).find("more than its memory of 256"), std::string::npos);
}

TEST(Chip, ConstantsHaveSourcesAndBounds) {
  for (const std::string& name : chip_names()) {
    for (const ChipConstant& c : chip_constants(name)) EXPECT_FALSE(c.source.empty()) << name << ": " << c.name;
  }
  const auto set = [](const std::string& setting) {
    return message_of([&] { load_chip("paper", std::vector<std::string>{setting}); });
  };
  EXPECT_NE(set("array_rows=0").find("array_rows = 0"), std::string::npos) << set("array_rows=0");
  EXPECT_NE(set("array_row=64").find("array_rows"), std::string::npos) << set("array_row=64");
  EXPECT_NE(set("array_row=64").find("--chip-set array_row=64"), std::string::npos) << set("array_row=64");
  EXPECT_NE(set("cores=2.5").find("must be a whole number"), std::string::npos) << set("cores=2.5");
  EXPECT_NE(message_of([] { load_chip("papre"); }).find("did you mean \"paper\""), std::string::npos);
}

TEST(Chip, FilesWithConstantsOutOfBoundsAreErrors) {
  std::string text;
  for (const EmbeddedFile& file : embedded_files()) {
    if (file.path == "presets/chips/paper.toml") text = file.text;
  }
  const std::size_t at = text.find("value = ", text.find("[constants.array_rows]"));
  ASSERT_NE(at, std::string::npos);
  text.replace(at, text.find('\n', at) - at, "value = -5.0");
  const auto path = std::filesystem::path(testing::TempDir()) / "chip_out_of_bounds.toml";
  write_file_atomically(path, text);
  const std::string message = message_of([&] { load_chip(path.string()); });
  EXPECT_NE(message.find("constants.array_rows.value = -5 is outside 1 to 65536"), std::string::npos) << message;
  std::filesystem::remove(path);
}

}  // namespace
}  // namespace ohmic
