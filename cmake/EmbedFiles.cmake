# ohmic_embed_files(out dir...): writes a source file that holds every *.toml below the given folders as strings, so that
# the program needs no installed data folder, and puts its path in <out>.
function(ohmic_embed_files out)
  set(entries "")
  foreach(dir ${ARGN})
    file(GLOB_RECURSE files CONFIGURE_DEPENDS RELATIVE ${PROJECT_SOURCE_DIR} ${PROJECT_SOURCE_DIR}/${dir}/*.toml)
    foreach(path ${files})
      set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/${path})
      file(READ ${PROJECT_SOURCE_DIR}/${path} text)
      string(APPEND entries "    {\"${path}\", R\"__toml__(${text})__toml__\"},\n")
    endforeach()
  endforeach()
  set(source ${PROJECT_BINARY_DIR}/embedded_files.cc)
  file(CONFIGURE OUTPUT ${source} @ONLY CONTENT
"// Generated from the .toml files of: ${ARGN}.
#include \"ohmic/core/embedded_files.h\"

namespace ohmic {
namespace {
constexpr EmbeddedFile kFiles[] = {
${entries}};
}  // namespace
std::span<const EmbeddedFile> embedded_files() { return kFiles; }
}  // namespace ohmic
")
  set(${out} ${source} PARENT_SCOPE)
endfunction()
