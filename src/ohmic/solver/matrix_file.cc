// Matrices from files: Matrix Market (Boisvert, Pozo and Remington, NISTIR 5935, 1996), and rows of numbers.

#include <algorithm>
#include <charconv>
#include <cmath>
#include <vector>

#include "ohmic/core/error.h"
#include "ohmic/core/files.h"
#include "ohmic/solver/linear_system.h"

namespace ohmic {
namespace {

constexpr std::string_view kBanner = "%%MatrixMarket";
constexpr std::string_view kSeparators = " \t,;\r";
constexpr Eigen::Index kMostUnknowns = 20000;

// The lines of a file that hold something, with their fields.
class FieldLines {
 public:
  FieldLines(std::string_view text, std::string source, char comment)
      : text_(text), source_(std::move(source)), comment_(comment) {}

  /// False at the end.
  bool next(std::vector<std::string_view>& fields) {
    while (at_ < text_.size()) {
      const std::size_t end = std::min(text_.find('\n', at_), text_.size());
      const std::string_view line = text_.substr(at_, end - at_);
      at_ = end + 1;
      ++number_;
      split(line, fields);
      if (!fields.empty() && fields.front().front() != comment_) return true;
    }
    return false;
  }

  std::string place() const { return fmt::format("{}:{}", source_, number_); }

  double number(std::string_view field) const {
    double value = 0;
    const std::size_t sign = field.starts_with('+') ? 1 : 0;  // which from_chars does not know
    const auto [rest, error] = std::from_chars(field.data() + sign, field.data() + field.size(), value);
    if (error != std::errc{} || rest != field.data() + field.size() || !std::isfinite(value)) {
      fail("{}: \"{}\" is not a finite number", place(), field);
    }
    return value;
  }

  Eigen::Index index(std::string_view field, Eigen::Index least, Eigen::Index most) const {
    const double value = number(field);
    if (value != std::floor(value) || value < static_cast<double>(least) || value > static_cast<double>(most)) {
      fail("{}: {} must be a whole number of {} to {}", place(), field, least, most);
    }
    return static_cast<Eigen::Index>(value);
  }

 private:
  static void split(std::string_view line, std::vector<std::string_view>& fields) {
    fields.clear();
    for (std::size_t begin = line.find_first_not_of(kSeparators); begin != std::string_view::npos;) {
      const std::size_t end = std::min(line.find_first_of(kSeparators, begin), line.size());
      fields.push_back(line.substr(begin, end - begin));
      begin = line.find_first_not_of(kSeparators, end);
    }
  }

  std::string_view text_;
  std::string source_;
  char comment_;
  std::size_t at_ = 0, number_ = 0;
};

struct Banner {
  bool is_coordinate = false, is_pattern = false;
  double mirror = 0;  ///< a_ji = mirror a_ij; 0: general
};

std::string lower(std::string_view text) {
  std::string out(text);
  std::transform(out.begin(), out.end(), out.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return out;
}

Banner read_banner(const FieldLines& lines, const std::vector<std::string_view>& fields) {
  const auto word = [&](std::size_t k) { return k < fields.size() ? lower(fields[k]) : std::string(); };
  const auto one_of = [&](std::size_t k, std::initializer_list<const char*> known) {
    for (const char* name : known) {
      if (word(k) == name) return;
    }
    std::vector<std::string> names(known.begin(), known.end());
    fail("{}: \"{}\" in the banner is not supported; it must be one of {}", lines.place(), word(k),
         fmt::join(names, ", "));
  };
  one_of(1, {"matrix"});
  one_of(2, {"coordinate", "array"});
  one_of(3, {"real", "integer", "double", "pattern"});
  one_of(4, {"general", "symmetric", "skew-symmetric"});
  Banner banner;
  banner.is_coordinate = word(2) == "coordinate";
  banner.is_pattern = word(3) == "pattern";
  banner.mirror = word(4) == "symmetric" ? 1 : word(4) == "skew-symmetric" ? -1 : 0;
  return banner;
}

void require_fields(const FieldLines& lines, const std::vector<std::string_view>& fields, std::size_t count) {
  if (fields.size() != count) fail("{}: {} numbers, but {} are wanted", lines.place(), fields.size(), count);
}

void read_coordinates(FieldLines& lines, const Banner& banner, Eigen::Index entries, Eigen::MatrixXd& matrix) {
  std::vector<std::string_view> fields;
  for (Eigen::Index k = 0; k < entries; ++k) {
    if (!lines.next(fields)) fail("{}: the file ends after {} of {} entries", lines.place(), k, entries);
    require_fields(lines, fields, banner.is_pattern ? 2 : 3);
    const Eigen::Index i = lines.index(fields[0], 1, matrix.rows()) - 1;
    const Eigen::Index j = lines.index(fields[1], 1, matrix.cols()) - 1;
    const double value = banner.is_pattern ? 1 : lines.number(fields[2]);
    matrix(i, j) += value;
    if (banner.mirror != 0 && i != j) matrix(j, i) += banner.mirror * value;
  }
}

// Column by column; of symmetric matrices the lower triangle, of skew-symmetric ones without the diagonal.
void read_array(FieldLines& lines, const Banner& banner, Eigen::MatrixXd& matrix) {
  std::vector<std::string_view> fields;
  for (Eigen::Index j = 0; j < matrix.cols(); ++j) {
    const Eigen::Index first = banner.mirror == 0 ? 0 : banner.mirror > 0 ? j : j + 1;
    for (Eigen::Index i = first; i < matrix.rows(); ++i) {
      if (!lines.next(fields)) fail("{}: the file ends before row {} of column {}", lines.place(), i + 1, j + 1);
      require_fields(lines, fields, 1);
      matrix(i, j) = lines.number(fields[0]);
      if (banner.mirror != 0) matrix(j, i) = (i == j ? 1 : banner.mirror) * matrix(i, j);
    }
  }
}

Eigen::MatrixXd read_matrix_market(std::string_view text, const std::string& source) {
  FieldLines banner_lines(text, source, '\0');
  std::vector<std::string_view> fields;
  banner_lines.next(fields);
  const Banner banner = read_banner(banner_lines, fields);
  FieldLines lines(text, source, '%');
  if (!lines.next(fields)) fail("{}: the file ends before the size of the matrix", lines.place());
  require_fields(lines, fields, banner.is_coordinate ? 3 : 2);
  const Eigen::Index rows = lines.index(fields[0], 1, kMostUnknowns),
                     columns = lines.index(fields[1], 1, kMostUnknowns);
  if (banner.mirror != 0 && rows != columns) {
    fail("{}: a symmetric matrix of {} x {} cannot be", lines.place(), rows, columns);
  }
  Eigen::MatrixXd matrix = Eigen::MatrixXd::Zero(rows, columns);
  if (banner.is_coordinate) {
    read_coordinates(lines, banner, lines.index(fields[2], 0, rows * columns), matrix);
  } else {
    read_array(lines, banner, matrix);
  }
  if (lines.next(fields)) fail("{}: more numbers than the matrix has", lines.place());
  return matrix;
}

Eigen::MatrixXd read_rows(std::string_view text, const std::string& source) {
  FieldLines lines(text, source, '#');
  std::vector<std::string_view> fields;
  std::vector<double> values;
  std::size_t columns = 0;
  while (lines.next(fields)) {
    if (columns == 0) columns = fields.size();
    require_fields(lines, fields, columns);
    for (const std::string_view field : fields) values.push_back(lines.number(field));
  }
  if (values.empty()) fail("{}: holds no numbers", source);
  using RowMajor = Eigen::Matrix<double, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;
  return Eigen::Map<const RowMajor>(values.data(), static_cast<Eigen::Index>(values.size() / columns),
                                    static_cast<Eigen::Index>(columns));
}

}  // namespace

Eigen::MatrixXd read_matrix(const std::filesystem::path& path) {
  const std::string text = read_text_file(path);
  return text.starts_with(kBanner) ? read_matrix_market(text, path.string()) : read_rows(text, path.string());
}

}  // namespace ohmic
