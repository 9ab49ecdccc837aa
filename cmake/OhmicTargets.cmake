# Functions that define one layer, its unit tests and benchmarks, and the cross-layer test groups.

add_library(ohmic_warnings INTERFACE)
target_compile_options(ohmic_warnings INTERFACE -Wall -Wextra -Wpedantic -Wshadow -Wconversion
                       -Wno-sign-conversion
                       # GCC 12 warns about its own std::string (GCC bug 105651).
                       $<$<CXX_COMPILER_ID:GNU>:-Wno-restrict> $<$<BOOL:${OHMIC_WERROR}>:-Werror>)
# Results must not depend on the build type or the instruction set: never fuse a multiply and an add behind our back.
add_library(ohmic_options INTERFACE)
target_compile_options(ohmic_options INTERFACE -ffp-contract=off
                       $<$<CONFIG:Release>:$<IF:$<BOOL:$<TARGET_PROPERTY:LITTLE_OPTIMISED>>,-O1,-O3>>)
if(OHMIC_SANITIZE)
  target_compile_options(ohmic_options INTERFACE -fsanitize=${OHMIC_SANITIZE} -fno-omit-frame-pointer
                         -fno-sanitize-recover=all
                         # Half of the time to compile. A null pointer ends in the address sanitizer's report anyway, and a
                         # misplaced one does no harm here but in vector instructions, which stop at it.
                         -fno-sanitize=null,alignment,vptr,object-size)
  target_link_options(ohmic_options INTERFACE -fsanitize=${OHMIC_SANITIZE})
endif()

# ohmic_layer(name DEPENDS ...): library ohmic_<name> of src/ohmic/<name>/**/*.cc; test_<name> of *.test.cc;
# bench_<name> of *.bench.cc.
function(ohmic_layer name)
  cmake_parse_arguments(ARG "" "" "DEPENDS" ${ARGN})
  set(dir ${PROJECT_SOURCE_DIR}/src/ohmic/${name})
  file(GLOB_RECURSE all CONFIGURE_DEPENDS ${dir}/*.cc)
  set(tests ${all})
  set(benches ${all})
  list(FILTER tests INCLUDE REGEX "\\.test\\.cc$")
  list(FILTER benches INCLUDE REGEX "\\.bench\\.cc$")
  list(FILTER all EXCLUDE REGEX "\\.(test|bench)\\.cc$")
  if(NOT all)
    add_library(ohmic_${name} INTERFACE)
    target_link_libraries(ohmic_${name} INTERFACE ${ARG_DEPENDS})
    return()
  endif()
  add_library(ohmic_${name} STATIC ${all})
  target_include_directories(ohmic_${name} PUBLIC ${PROJECT_SOURCE_DIR}/src)
  target_include_directories(ohmic_${name} SYSTEM PUBLIC ${OHMIC_JSON_INCLUDE} ${OHMIC_RANDOM123_INCLUDE}
                             ${OHMIC_CLI11_INCLUDE} ${OHMIC_HWY_INCLUDE})
  target_link_libraries(ohmic_${name} PUBLIC ${ARG_DEPENDS} ohmic_options PRIVATE ohmic_warnings)
  if(name IN_LIST OHMIC_UNOPTIMISED)
    target_compile_options(ohmic_${name} PRIVATE -O0)
  endif()
  if(tests AND OHMIC_BUILD_TESTS)
    ohmic_add_test(test_${name} unit ohmic_${name} ${tests})
  endif()
  if(benches AND OHMIC_BUILD_BENCHMARKS)
    add_executable(bench_${name} ${benches})
    target_link_libraries(bench_${name} PRIVATE ohmic_${name} ohmic_warnings benchmark::benchmark_main)
    set_target_properties(bench_${name} PROPERTIES UNITY_BUILD OFF)  # each has its own idea of `median` and `seconds`
  endif()
endfunction()

function(ohmic_add_test target label library)
  add_executable(${target} ${ARGN})
  target_link_libraries(${target} PRIVATE ${library} ohmic_warnings GTest::gtest_main GTest::gtest)
  if("tests" IN_LIST OHMIC_UNOPTIMISED AND NOT target STREQUAL "test_device")
    target_compile_options(${target} PRIVATE -O0)
  elseif(OHMIC_LITTLE_OPTIMISED_TESTS)
    set_target_properties(${target} PROPERTIES LITTLE_OPTIMISED ON)
  endif()
  target_compile_definitions(${target} PRIVATE OHMIC_SOURCE_DIR="${PROJECT_SOURCE_DIR}"
                             OHMIC_PROGRAM="$<TARGET_FILE_DIR:${target}>/ohmic")
  set(shards 1)
  set(cost 1)
  if(label STREQUAL "end_to_end")  # takes longer than all others together: in four parts, first and two at once
    set(shards 4)
    set(cost 3)
  elseif(label STREQUAL "fidelity")
    set(shards 2)
    set(cost 2)
  elseif(target MATCHES "^test_(device|crossbar|chip|mapping)$")  # the long ones first, so that all cores end together
    set(cost 2)
  endif()
  foreach(shard RANGE 1 ${shards})
    set(name ${target})
    if(shards GREATER 1)
      set(name ${target}.${shard})
    endif()
    math(EXPR index "${shard} - 1")
    add_test(NAME ${name} COMMAND ${target})
    set_tests_properties(${name} PROPERTIES LABELS ${label} COST ${cost} ENVIRONMENT
        "GTEST_OUTPUT=xml:${PROJECT_BINARY_DIR}/test-results/${name}.xml;GTEST_TOTAL_SHARDS=${shards};GTEST_SHARD_INDEX=${index}")
  endforeach()
endfunction()

# ohmic_test_group(name): one executable of tests/<name>/*.test.cc, linked against everything.
function(ohmic_test_group name)
  file(GLOB tests CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/tests/${name}/*.test.cc)
  if(tests)
    ohmic_add_test(test_${name} ${name} ohmic_cli ${tests})
    add_dependencies(test_${name} ohmic)
  endif()
endfunction()
