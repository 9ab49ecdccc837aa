#include "ohmic/cost/published.h"

#include "ohmic/core/constants.h"
#include "ohmic/core/embedded_files.h"
#include "ohmic/core/error.h"

namespace ohmic {
namespace {

ConfigDocument open_published(std::string_view path) {
  for (const EmbeddedFile& file : embedded_files()) {
    if (file.path == path) return ConfigDocument::parse(file.text, file.path);
  }
  fail("{} is not part of this program", path);
}

}  // namespace

/// The list as its file has it.
struct PublishedList {
  std::string description;
  std::vector<PublishedSystem> systems;
};

void describe(FieldVisitor& v, PublishedList& l) {
  v.field({"description", "", "what the list is"}, l.description);
  v.list({"systems", "", "one entry each"}, l.systems);
}

void describe(FieldVisitor& v, PublishedSystem& s) {
  v.field({"name", "", "the system"}, s.name);
  v.field({"what", "", "what it is"}, s.what);
  v.field({"tops", "TOPS", "peak rate", 0, 1e9}, s.tops);
  v.field({"tops_per_w", "TOPS/W", "efficiency", 0, 1e9}, s.tops_per_w);
  v.field({"tops_per_mm2", "TOPS/mm2", "density", 0, 1e9}, s.tops_per_mm2);
  v.field({"power_w", "W", "power", 0, 1e9}, s.power_w);
  v.field({"area_mm2", "mm2", "area", 0, 1e9}, s.area_mm2);
  v.field({"mvm_nj", "nJ", "energy of one product", 0, 1e9}, s.mvm_nj);
  v.field({"source", "", "where it is stated"}, s.source);
  v.choice({"status", "", "how sure it is"}, kSourceStatuses, s.status);
}

void describe(FieldVisitor& v, PublishedStudy& s) {
  v.field({"computational_memory_nj", "nJ", "per training image on computational memory", 0, 1e12},
          s.computational_memory_nj);
  v.field({"digital_nj", "nJ", "per training image on a 32-bit digital design", 0, 1e12}, s.digital_nj);
  v.field({"forward_nj", "nJ", "of it forward", 0, 1e12}, s.forward_nj);
  v.field({"backward_nj", "nJ", "of it backward", 0, 1e12}, s.backward_nj);
  v.field({"update_nj", "nJ", "of it for the update", 0, 1e12}, s.update_nj);
  v.field({"source", "", "where it is stated"}, s.source);
  v.field({"split_source", "", "where the split comes from"}, s.split_source);
}

std::vector<PublishedSystem> published_systems() {
  PublishedList list;
  read_fields(open_published("presets/published/systems.toml"), "published systems", list);
  for (const PublishedSystem& s : list.systems) {
    if (s.source.empty()) fail("published system {}: has no source; add it", s.name);
  }
  return std::move(list.systems);
}

PublishedStudy published_study() {
  PublishedStudy study;
  read_fields(open_published("presets/published/mnist_study.toml"), "published study", study);
  return study;
}

}  // namespace ohmic
