#include "ohmic/core/config.h"

#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <nlohmann/json.hpp>
#include <random>

#include "ohmic/core/error.h"

namespace ohmic {
namespace {

enum class Rule { sgd, mixed_precision };
constexpr std::string_view kRuleNames[] = {"sgd", "mixed_precision"};

struct TrainingSpec {
  Rule rule = Rule::sgd;
  int batch_size = 32;
  double learning_rate = 0.1;
};

void describe(FieldVisitor& v, TrainingSpec& s) {
  v.choice({"rule", "", "how weights are updated"}, kRuleNames, s.rule);
  v.field({"batch_size", "samples", "samples per update", 1, 1e6}, s.batch_size);
  v.field({"learning_rate", "", "step size", 0, 1e3}, s.learning_rate);
}

struct PoolSpec {
  int size = 2;
};

void describe(FieldVisitor& v, PoolSpec& s) { v.field({"size", "pixels", "side of a window", 1}, s.size); }

struct LayerSpec {
  int units = 10;
  std::string activation = "relu";
  PoolSpec pool;
};

void describe(FieldVisitor& v, LayerSpec& s) {
  v.field({"units", "", "outputs", 1, 1e5}, s.units);
  v.section({"pool", "", "pooling"}, s.pool);
  v.field({"activation", "", "nonlinearity"}, s.activation);
}

struct ExperimentSpec {
  TrainingSpec training;
  std::string name = "unnamed";
  bool save = true;
  std::int64_t seed = 1;
  double offset = 0;
  std::vector<double> times = {1, 3600};
  std::vector<std::string> tags;
  std::vector<LayerSpec> layers;
};

void describe(FieldVisitor& v, ExperimentSpec& s) {
  v.section({"training", "", "how to train"}, s.training);
  v.field({"name", "", "name of the run"}, s.name);
  v.field({"save", "", "keep the | result"}, s.save);
  v.field({"seed", "", "seed of every random number"}, s.seed);
  v.field({"offset", "uS", "any number"}, s.offset);
  v.field({"times", "s", "when to evaluate", 0, 1e10}, s.times);
  v.field({"tags", "", "free words"}, s.tags);
  v.list({"layers", "", "layers of the network"}, s.layers);
}

ExperimentSpec read(const ConfigDocument& document) {
  ExperimentSpec spec;
  read_fields(document, "experiment", spec);
  return spec;
}

ExperimentSpec read(std::string_view text) { return read(ConfigDocument::parse(text, "x.toml")); }

template <class Action>
std::string error_of(Action&& action) {
  try {
    action();
  } catch (const Error& error) {
    return error.what();
  }
  return "(no error)";
}

std::string read_error(std::string_view text) {
  return error_of([&] { read(text); });
}

std::string set_error(std::string_view text, std::string_view assignment) {
  return error_of([&] {
    ConfigDocument document = ConfigDocument::parse(text, "x.toml");
    document.set(assignment);
    read(document);
  });
}

TEST(ConfigReader, ReadsEveryKindOfField) {
  const ExperimentSpec spec = read(R"(
    name = "a \"b\""
    save = false
    seed = -9223372036854775808
    offset = 3
    times = [1, 2.5]
    tags = ["x", "y"]
    [training]
    rule = "mixed_precision"
    batch_size = 0x10
    [[layers]]
    units = 5
    pool.size = 3
    [[layers]]
    activation = "tanh"
  )");
  EXPECT_EQ(spec.name, "a \"b\"");
  EXPECT_FALSE(spec.save);
  EXPECT_EQ(spec.seed, INT64_MIN);
  EXPECT_EQ(spec.offset, 3.0);
  EXPECT_EQ(spec.times, (std::vector<double>{1, 2.5}));
  EXPECT_EQ(spec.tags, (std::vector<std::string>{"x", "y"}));
  EXPECT_EQ(spec.training.rule, Rule::mixed_precision);
  EXPECT_EQ(spec.training.batch_size, 16);
  ASSERT_EQ(spec.layers.size(), 2U);
  EXPECT_EQ(spec.layers[0].units, 5);
  EXPECT_EQ(spec.layers[0].pool.size, 3);
  EXPECT_EQ(spec.layers[1].units, 10);
  EXPECT_EQ(spec.layers[1].activation, "tanh");
}

TEST(ConfigReader, AbsentKeysKeepTheirValues) {
  ExperimentSpec spec;
  spec.layers.resize(2);
  spec.layers[1].units = 7;
  spec.training.learning_rate = 0.25;
  read_fields(ConfigDocument(), "experiment", spec);
  EXPECT_EQ(spec.layers.at(1).units, 7);
  EXPECT_EQ(spec.training.learning_rate, 0.25);
  read_fields(ConfigDocument::parse("layers = []", "x.toml"), "experiment", spec);
  EXPECT_TRUE(spec.layers.empty());
}

TEST(ConfigReader, UnknownKeysAreErrorsWithTheNearestName) {
  EXPECT_EQ(read_error("[training]\nbatchsize = 3"),
            "x.toml:2: training.batchsize is not a known key of the experiment; did you mean \"batch_size\"?");
  EXPECT_EQ(read_error("\n\nrule = \"sgd\""),
            "x.toml:3: rule is not a known key of the experiment; did you mean \"training.rule\"?");
  EXPECT_EQ(read_error("[trianing]\nrule = 1"),
            "x.toml:1: trianing is not a known key of the experiment; did you mean \"training\"?");
  EXPECT_EQ(read_error("[training]\nxyzzy = 3"),
            "x.toml:2: training.xyzzy is not a known key of the experiment; the known keys here are rule, batch_size, "
            "learning_rate");
}

TEST(ConfigReader, UnknownKeysAreFoundInsideListsAndTheirTables) {
  EXPECT_EQ(read_error("[[layers]]\nunits = 1\n[[layers]]\nunit = 2"),
            "x.toml:4: layers.1.unit is not a known key of the experiment; did you mean \"units\"?");
  EXPECT_EQ(read_error("[[layers]]\n[layers.pool]\nsizes = 2"),
            "x.toml:3: layers.0.pool.sizes is not a known key of the experiment; did you mean \"size\"?");
}

TEST(ConfigReader, ValuesOutOfRangeNameTheBounds) {
  EXPECT_EQ(read_error("[training]\nlearning_rate = -1"),
            "x.toml:2: training.learning_rate = -1 is out of range: it must lie in [0, 1000]; choose a value inside");
  EXPECT_EQ(read_error("[training]\nbatch_size = 0"),
            "x.toml:2: training.batch_size = 0 is out of range: it must lie in [1, 1e6]; choose a value inside");
  EXPECT_EQ(read_error("times = [1,\n-0.5]"),
            "x.toml:2: times = -0.5 is out of range: it must lie in [0, 1e10]; choose a value inside");
  EXPECT_EQ(read_error("[training]\nlearning_rate = inf"),
            "x.toml:2: training.learning_rate = inf is out of range: it must lie in [0, 1000]; choose a value inside");
  EXPECT_EQ(read_error("[[layers]]\npool.size = 4294967297"),
            "x.toml:2: layers.0.pool.size = 4294967297 is out of range: it must lie in [1, 2147483647]; choose a value "
            "inside");
}

TEST(ConfigReader, NanIsNeverANumber) {
  for (const char* text : {"offset = nan", "offset = -nan", "times = [nan]", "[training]\nlearning_rate = nan"}) {
    EXPECT_NE(read_error(text).find("= nan is not a number that can be used"), std::string::npos) << read_error(text);
  }
}

TEST(ConfigReader, WrongTypesAreErrors) {
  EXPECT_EQ(read_error("save = \"yes\""),
            "x.toml:1: save must be true or false, not the string \"yes\"; write true or false without quotes");
  EXPECT_EQ(
      read_error("seed = 1.0"),
      "x.toml:1: seed must be an integer, not the number 1; write a whole number without quotes and decimal point");
  EXPECT_EQ(read_error("offset = \"1\""),
            "x.toml:1: offset must be a number, not the string \"1\"; write it without quotes, e.g. 0.5 or 1e-6");
  EXPECT_EQ(read_error("name = 1979-05-27"), "x.toml:1: name must be a string, not a date; put it in quotes");
  EXPECT_EQ(read_error("times = 3"),
            "x.toml:1: times must be an array of numbers, not the integer 3; write e.g. [1, 2.5]");
  EXPECT_EQ(read_error("tags = [true]"), "x.toml:1: tags must be a string, not true; put it in quotes");
  EXPECT_EQ(read_error("training = 3"),
            "x.toml:1: training must be a table, not the integer 3; write [training] and its keys below");
  EXPECT_EQ(read_error("[name]"), "x.toml:1: name must be a string, not a table; put it in quotes");
  EXPECT_EQ(
      read_error("[layers]\nunits = 1"),
      "x.toml:1: layers must be an array of tables, not a table; write [[layers]] and its keys below, once for each "
      "element");
  EXPECT_EQ(
      read_error("layers = [3]"),
      "x.toml:1: layers must be an array of tables, not the integer 3; write [[layers]] and its keys below, once for "
      "each element");
}

TEST(ConfigReader, UnknownChoicesListTheChoices) {
  EXPECT_EQ(
      read_error("[training]\nrule = \"sdg\""),
      "x.toml:2: \"sdg\" is not a choice of training.rule; choose one of sgd, mixed_precision (did you mean \"sgd\"?)");
  EXPECT_EQ(read_error("[training]\nrule = 1"),
            "x.toml:2: 1 is not a choice of training.rule; choose one of sgd, mixed_precision");
}

TEST(ConfigDocument, ParseErrorsNameTheLineAndColumn) {
  const std::string message = read_error("a = 1\nb = = 2\n");
  EXPECT_EQ(message.rfind("x.toml:2:5: this is not valid TOML (", 0), 0U) << message;
  EXPECT_NE(read_error("a = 1\na = 2").find("x.toml:2:"), std::string::npos);
  EXPECT_NE(read_error("a = \"\xff\"").find("not valid TOML"), std::string::npos);
  EXPECT_NE(error_of([] { ConfigDocument::read_file("/none.toml"); }).find("/none.toml"), std::string::npos);
}

TEST(ConfigDocument, DeepNestingIsAnErrorNotACrash) {
  EXPECT_NE(read_error("a = " + std::string(100000, '[')).find("not valid TOML"), std::string::npos);
}

TEST(ConfigDocument, KeysComeInTheOrderOfTheFile) {
  const ConfigDocument document = ConfigDocument::parse("z = 1\na = 2\n[m]\n[b]\n", "x.toml");
  EXPECT_EQ(document.keys(), (std::vector<std::string>{"z", "a", "m", "b"}));
  EXPECT_EQ(document.without("a").keys(), (std::vector<std::string>{"z", "m", "b"}));
}

TEST(ConfigDocument, LooksUpDottedKeys) {
  const ConfigDocument document = ConfigDocument::parse("[a]\nb = \"x\"\nc = [{d = 1}, {d = \"y\"}]", "x.toml");
  EXPECT_TRUE(document.contains("a.c.1.d"));
  EXPECT_FALSE(document.contains("a.c.2.d"));
  EXPECT_FALSE(document.contains("a.b.c"));
  EXPECT_EQ(document.string_or("a.b", "z"), "x");
  EXPECT_EQ(document.string_or("a.q", "z"), "z");
  EXPECT_EQ(document.table("a").keys(), (std::vector<std::string>{"b", "c"}));
  EXPECT_TRUE(document.table("q").keys().empty());
  EXPECT_EQ(error_of([&] { document.string_or("a.c.0.d", ""); }),
            "x.toml:3: a.c.0.d is the integer 1, not a string; put it in quotes");
  EXPECT_EQ(error_of([&] { document.table("a.b"); }),
            "x.toml:2: a.b is the string \"x\", not a table; write [a.b] and its keys below");
}

TEST(ConfigDocument, MergeKeepsThePlaceOfEachValue) {
  ConfigDocument document =
      ConfigDocument::parse("tags = [\"a\"]\n[training]\nbatch_size = 3\nlearning_rate = 9999", "base");
  document.merge(ConfigDocument::parse("name = \"n\"\ntags = [\"b\", \"c\"]\ntraining.batch_size = 4", "over"));
  EXPECT_EQ(error_of([&] { read(document); }).rfind("base:4: training.learning_rate = 9999 is out of range", 0), 0U);
  document.set("training.learning_rate=1");
  const ExperimentSpec spec = read(document);
  EXPECT_EQ(spec.training.batch_size, 4);
  EXPECT_EQ(spec.tags, (std::vector<std::string>{"b", "c"}));
  EXPECT_EQ(spec.name, "n");
}

TEST(ConfigSet, TakesTomlValuesAndBareWords) {
  ConfigDocument document = ConfigDocument::parse("[[layers]]\n[[layers]]\n", "x.toml");
  for (const char* assignment : {"training.rule=mixed_precision", " offset = 1e-3 ", "save=false", "times=[1, 2]",
                                 "name=/data/a=b.toml", "layers.1.units=7", "layers.0.pool={size=5}", "tags=['1d']"}) {
    document.set(assignment);
  }
  const ExperimentSpec spec = read(document);
  EXPECT_EQ(spec.training.rule, Rule::mixed_precision);
  EXPECT_EQ(spec.offset, 1e-3);
  EXPECT_FALSE(spec.save);
  EXPECT_EQ(spec.times, (std::vector<double>{1, 2}));
  EXPECT_EQ(spec.name, "/data/a=b.toml");
  EXPECT_EQ(spec.layers[1].units, 7);
  EXPECT_EQ(spec.layers[0].pool.size, 5);
  EXPECT_EQ(spec.tags, (std::vector<std::string>{"1d"}));
  document.set("name=2024-01-01");
  EXPECT_EQ(read(document).name, "2024-01-01");
  document.set("name=\"\"");
  EXPECT_EQ(read(document).name, "");
}

TEST(ConfigSet, ErrorsInValuesNameTheAssignment) {
  EXPECT_EQ(
      set_error("", "training.rule=sdg"),
      "--set training.rule=sdg: \"sdg\" is not a choice of training.rule; choose one of sgd, mixed_precision (did you "
      "mean \"sgd\"?)");
  EXPECT_EQ(set_error("", "rule=sgd"),
            "--set rule=sgd: rule is not a known key of the experiment; did you mean \"training.rule\"?");
  EXPECT_EQ(
      set_error("", "layers.0.units=3"),
      "--set layers.0.units=3: layers must be an array of tables, not a table; write [[layers]] and its keys below, "
      "once for each element");
}

TEST(ConfigSet, StrangeInputIsAClearError) {
  const std::string text = "name = \"n\"\n[[layers]]\n";
  EXPECT_EQ(set_error(text, "seed"), "--set seed: there is no \"=\" in it; write --set key=value");
  EXPECT_NE(set_error(text, "=3").find("a part of the key is empty"), std::string::npos);
  EXPECT_NE(set_error(text, "").find("there is no \"=\""), std::string::npos);
  EXPECT_NE(set_error(text, "training..rule=sgd").find("a part of the key is empty"), std::string::npos);
  EXPECT_NE(set_error(text, "tr aining=1").find("\"tr aining\" cannot be a key"), std::string::npos);
  EXPECT_EQ(set_error(text, "name="), "--set name=: the value is missing; write --set 'name=\"\"' for an empty string");
  EXPECT_EQ(set_error(text, "name.first=x"),
            "--set name.first=x: name is the string \"n\" (x.toml:1), not a table; it has no key \"first\"");
  EXPECT_EQ(set_error(text, "layers.1.units=3"),
            "--set layers.1.units=3: layers has 1 element (x.toml:2), so \"1\" is not one of them; count from 0");
  EXPECT_NE(set_error(text, "layers.first.units=3").find("\"first\" is not one of them"), std::string::npos);
  EXPECT_NE(set_error(text, "layers.99999999999999999999.units=3").find("is not one of them"), std::string::npos);
  EXPECT_NE(set_error(text, "times=[1, 2").find("[1, 2 is not a TOML value"), std::string::npos);
  EXPECT_NE(set_error(text, "seed=1\nsave=false").find("seed must be an integer, not the string"), std::string::npos);
  EXPECT_NE(set_error(text, "name=\xff").find("not valid UTF-8"), std::string::npos);
}

ExperimentSpec unusual_spec() {
  ExperimentSpec spec;
  spec.training = {Rule::mixed_precision, 7, 1e-300};
  spec.name = "tab\t quote\" back\\slash\nline # no comment \x01\x7f \u00e9";
  spec.save = false;
  spec.seed = INT64_MAX;
  spec.offset = -0.0;
  spec.times = {0.1, 1e10, 3};
  spec.tags = {"", "a,b", "]"};
  spec.layers = {{3, "relu", {4}}, {5, "tanh", {6}}};
  return spec;
}

TEST(ConfigToml, ReadsBackTheSame) {
  const ExperimentSpec spec = unusual_spec();
  const std::string text = to_toml(spec);
  const ExperimentSpec back = read(text);
  EXPECT_EQ(to_toml(back), text);
  EXPECT_EQ(back.training.rule, spec.training.rule);
  EXPECT_EQ(back.training.learning_rate, spec.training.learning_rate);
  EXPECT_EQ(back.name, spec.name);
  EXPECT_EQ(back.seed, spec.seed);
  EXPECT_TRUE(std::signbit(back.offset));
  EXPECT_EQ(back.times, spec.times);
  EXPECT_EQ(back.tags, spec.tags);
  ASSERT_EQ(back.layers.size(), 2U);
  EXPECT_EQ(back.layers[1].pool.size, 6);
}

TEST(ConfigToml, AnEmptyListStaysEmpty) {
  ExperimentSpec spec;
  spec.layers.resize(3);
  read_fields(ConfigDocument::parse(to_toml(ExperimentSpec()), "x.toml"), "experiment", spec);
  EXPECT_TRUE(spec.layers.empty());
}

TEST(ConfigToml, ShowsUnitsDocsAndTables) {
  ExperimentSpec spec;
  spec.layers.resize(1);
  EXPECT_EQ(to_toml(spec),
            "name = \"unnamed\"  # name of the run\n"
            "save = true  # keep the | result\n"
            "seed = 1  # seed of every random number\n"
            "offset = 0.0  # uS; any number\n"
            "times = [1.0, 3600.0]  # s; when to evaluate\n"
            "tags = []  # free words\n"
            "\n[training]  # how to train\n"
            "rule = \"sgd\"  # how weights are updated (sgd, mixed_precision)\n"
            "batch_size = 32  # samples; samples per update\n"
            "learning_rate = 0.1  # step size\n"
            "\n[[layers]]  # layers of the network\n"
            "units = 10  # outputs\n"
            "activation = \"relu\"  # nonlinearity\n"
            "\n[layers.pool]  # pooling\n"
            "size = 2  # pixels; side of a window\n");
}

TEST(ConfigToml, DoublesOfAnyBitPatternRoundTrip) {
  std::mt19937_64 random(1);
  ExperimentSpec spec;
  std::vector<double> values = {5e-324, 1.7976931348623157e308, std::numeric_limits<double>::infinity(), 1e15, 1e16,
                                1e22};
  for (int i = 0; i < 5000; ++i) {
    const auto value = std::bit_cast<double>(random());
    if (!std::isnan(value)) values.push_back(value);
  }
  for (const double value : values) {
    spec.offset = value;
    const double back = read(to_toml(spec)).offset;
    ASSERT_EQ(std::bit_cast<std::uint64_t>(back), std::bit_cast<std::uint64_t>(value)) << to_toml(spec);
  }
}

TEST(ConfigJson, HoldsEveryField) {
  ExperimentSpec spec = unusual_spec();
  spec.offset = -std::numeric_limits<double>::infinity();
  const auto json = nlohmann::json::parse(to_json(spec));
  EXPECT_EQ(json["training"]["rule"], "mixed_precision");
  EXPECT_EQ(json["training"]["learning_rate"], 1e-300);
  EXPECT_EQ(json["name"], spec.name);
  EXPECT_EQ(json["seed"], INT64_MAX);
  EXPECT_EQ(json["offset"], "-inf");
  EXPECT_EQ(json["times"], spec.times);
  EXPECT_EQ(json["layers"][1]["pool"]["size"], 6);
  EXPECT_EQ(to_json(TrainingSpec()), R"({"rule":"sgd","batch_size":32,"learning_rate":0.1})");
}

TEST(ConfigDocs, ListsEveryFieldOnce) {
  ExperimentSpec spec;
  EXPECT_EQ(to_docs(spec),
            "| key | default | unit | range or choices | meaning |\n"
            "|---|---|---|---|---|\n"
            "| `training.rule` | `\"sgd\"` |  | sgd, mixed_precision | how weights are updated |\n"
            "| `training.batch_size` | `32` | samples | 1 to 1e6 | samples per update |\n"
            "| `training.learning_rate` | `0.1` |  | 0 to 1000 | step size |\n"
            "| `name` | `\"unnamed\"` |  |  | name of the run |\n"
            "| `save` | `true` |  | true, false | keep the \\| result |\n"
            "| `seed` | `1` |  |  | seed of every random number |\n"
            "| `offset` | `0.0` | uS |  | any number |\n"
            "| `times` | `[1.0, 3600.0]` | s | 0 to 1e10 | when to evaluate |\n"
            "| `tags` | `[]` |  |  | free words |\n"
            "| `layers[].units` | `10` |  | 1 to 100000 | outputs |\n"
            "| `layers[].pool.size` | `2` | pixels | at least 1 | side of a window |\n"
            "| `layers[].activation` | `\"relu\"` |  |  | nonlinearity |\n");
  EXPECT_TRUE(spec.layers.empty()) << "printing must not change what it prints";
}

TEST(NearestName, AllowsAThirdOfTheLettersToDiffer) {
  const std::vector<std::string> names = {"sgd", "mixed_precision", "batch_size"};
  EXPECT_EQ(nearest_name("sdg", names), "sgd");
  EXPECT_EQ(nearest_name("SGD", names), "sgd");
  EXPECT_EQ(nearest_name("mixed-precison", names), "mixed_precision");
  EXPECT_EQ(nearest_name("batchsize", names), "batch_size");
  EXPECT_EQ(nearest_name("xgx", names), "");
  EXPECT_EQ(nearest_name("", names), "");
  EXPECT_EQ(nearest_name(std::string(100000, 'a'), names), "");
  EXPECT_EQ(nearest_name("a", {}), "");
}

}  // namespace
}  // namespace ohmic
