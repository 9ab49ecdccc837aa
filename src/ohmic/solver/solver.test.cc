#include "ohmic/solver/solver.h"

#include <gtest/gtest.h>

#include <Eigen/LU>
#include <cstdio>
#include <filesystem>

#include "ohmic/core/error.h"
#include "ohmic/core/files.h"
#include "ohmic/solver/krylov.h"

namespace ohmic {
namespace {

LinearSystem system_of(SystemFamily family, int size) {
  return {std::string(kSystemFamilies[static_cast<std::size_t>(family)]), make_matrix(family, size, 3),
          random_vector(size, 4)};
}

Product exact(const Eigen::MatrixXd& a) {
  return [&a](const Eigen::VectorXd& v) -> Eigen::VectorXd { return a * v; };
}

TEST(Krylov, AgreesWithDirectSolutions) {
  const KrylovLimits limits{200, 1e-12};
  const LinearSystem spd = system_of(SystemFamily::covariance, 60), general = system_of(SystemFamily::random, 60);
  const Eigen::VectorXd by_cg = conjugate_gradients(exact(spd.matrix), spd.right_side, limits).x;
  EXPECT_LT((by_cg - spd.matrix.lu().solve(spd.right_side)).norm(), 1e-9);
  const Eigen::VectorXd by_gmres = generalised_minimal_residuals(exact(general.matrix), general.right_side, limits).x;
  EXPECT_LT((by_gmres - general.matrix.lu().solve(general.right_side)).norm(), 1e-9);
}

TEST(Krylov, SeesTheConditionNumber) {
  const LinearSystem system = system_of(SystemFamily::poisson, 30);
  const KrylovResult cg = conjugate_gradients(exact(system.matrix), system.right_side, {60, 1e-13});
  const double h = M_PI / 31;
  EXPECT_NEAR(cg.largest, 2 + 2 * std::cos(h), 1e-6);
  EXPECT_NEAR(cg.smallest, 2 - 2 * std::cos(h), 1e-6);
}

TEST(Krylov, NoticesMatricesThatAreNotPositive) {
  const Eigen::MatrixXd a = -Eigen::MatrixXd::Identity(5, 5);
  EXPECT_TRUE(conjugate_gradients(exact(a), Eigen::VectorXd::Ones(5), {10, 1e-6}).broke_down);
}

class Solver : public testing::TestWithParam<std::pair<SystemFamily, const char*>> {};

TEST_P(Solver, ReachesWhatADirectSolutionGives) {
  const auto [family, device] = GetParam();
  const LinearSystem system = system_of(family, 96);
  SolverSpec spec;
  spec.device = DeviceSpec(device);
  const SolverResult result = solve_in_memory(system, spec);
  EXPECT_EQ(result.status, SolverStatus::converged) << result.explanation;
  EXPECT_LE((system.right_side - system.matrix * result.x).norm() / system.right_side.norm(), 1.01e-12);
  EXPECT_LT((result.x - system.matrix.lu().solve(system.right_side)).norm() / result.x.norm(), 1e-10);
  EXPECT_GT(result.analog_products, result.digital_products);
  EXPECT_EQ(result.cells, 2 * 96 * 96);
}

INSTANTIATE_TEST_SUITE_P(Families, Solver,
                         testing::Values(std::pair{SystemFamily::covariance, "pcm_inference"},
                                         std::pair{SystemFamily::random, "pcm_inference"},
                                         std::pair{SystemFamily::random, "ideal"}));

TEST(SolverLimits, SaysWhereAMatrixIsTooIllConditioned) {
  const LinearSystem system = system_of(SystemFamily::hilbert, 40);
  const SolverResult result = solve_in_memory(system, {});
  EXPECT_EQ(result.status, SolverStatus::stalled);
  EXPECT_GT(result.steps.back().residual, 1e-12);
  for (const char* part : {"too ill-conditioned", "condition", "synapse.copies"}) {
    EXPECT_NE(result.explanation.find(part), std::string::npos) << result.explanation;
  }
}

TEST(SolverLimits, RefusesEquationsWithoutASolution) {
  LinearSystem system = system_of(SystemFamily::random, 8);
  system.matrix.row(3).setZero();
  EXPECT_THROW(solve_in_memory(system, {}), Error);
  system = system_of(SystemFamily::random, 8);
  system.right_side.conservativeResize(7);
  EXPECT_THROW(solve_in_memory(system, {}), Error);
  system.matrix.conservativeResize(8, 7);
  EXPECT_THROW(solve_in_memory(system, {}), Error);
}

// A file of the given text in the test's own folder.
class MatrixFile : public testing::Test {
 protected:
  Eigen::MatrixXd read(const std::string& text) {
    const std::filesystem::path path = std::filesystem::path(testing::TempDir()) / "ohmic_matrix_file_test.txt";
    write_file_atomically(path, text);
    return read_matrix(path);
  }
  std::string complaint(const std::string& text) {
    try {
      read(text);
    } catch (const Error& error) {
      return error.what();
    }
    return "none";
  }
};

TEST_F(MatrixFile, ReadsAllFormsOfMatrixMarket) {
  Eigen::MatrixXd full(2, 2);
  full << 1, -2, 0, 4.5;
  EXPECT_EQ(read("%%MatrixMarket matrix coordinate real general\n% note\n2 2 3\n1 1 +1\n1 2 -2\n2 2 4.5\n"), full);
  EXPECT_EQ(read("%%MatrixMarket matrix array real general\n2 2\n1\n0\n-2\n4.5\n"), full);
  Eigen::MatrixXd symmetric(2, 2);
  symmetric << 1, 7, 7, 0;
  EXPECT_EQ(read("%%MatrixMarket matrix coordinate integer symmetric\n2 2 2\n1 1 1\n2 1 7\n"), symmetric);
  EXPECT_EQ(read("%%MatrixMarket matrix array real symmetric\n2 2\n1\n7\n0\n"), symmetric);
  Eigen::MatrixXd skew(2, 2);
  skew << 0, -3, 3, 0;
  EXPECT_EQ(read("%%MatrixMarket matrix coordinate real skew-symmetric\n2 2 1\n2 1 3\n"), skew);
  EXPECT_EQ(read("1, -2\n0; 4.5\n"), full);
}

TEST_F(MatrixFile, NamesTheLineOfAMistake) {
  EXPECT_NE(complaint("%%MatrixMarket matrix coordinate complex general\n1 1 1\n").find("complex"), std::string::npos);
  EXPECT_NE(complaint("%%MatrixMarket matrix coordinate real general\n2 2 1\n3 1 1\n").find(":3"), std::string::npos);
  EXPECT_NE(complaint("%%MatrixMarket matrix coordinate real general\n2 2 2\n1 1 1\n").find("ends"), std::string::npos);
  EXPECT_NE(complaint("%%MatrixMarket matrix array real general\n1 1\n1\n2\n").find("more numbers"), std::string::npos);
  EXPECT_NE(complaint("1,2\n3\n").find(":2"), std::string::npos);
  EXPECT_NE(complaint("1,two\n").find("two"), std::string::npos);
  EXPECT_NE(complaint("\n").find("no numbers"), std::string::npos);
}

}  // namespace
}  // namespace ohmic
