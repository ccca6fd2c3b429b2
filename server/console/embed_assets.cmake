# cmake -DPAGE=FOLDER -DOUTPUT=FILE -P embed_assets.cmake: the folder's files as a C++ source that
# defines console_assets(). index.html is "/", every other file "/console/NAME".
set(types_html "text/html; charset=utf-8")
set(types_css "text/css; charset=utf-8")
set(types_js "text/javascript; charset=utf-8")
set(types_svg "image/svg+xml")

file(GLOB files RELATIVE ${PAGE} ${PAGE}/*)
set(arrays "")
set(entries "")
set(index 0)
foreach(name ${files})
  file(READ ${PAGE}/${name} bytes HEX)
  file(SHA256 ${PAGE}/${name} digest)
  string(SUBSTRING ${digest} 0 16 etag)
  string(REGEX REPLACE "(..)" "0x\\1," bytes "${bytes}")
  # A line of a megabyte is slow in many tools.
  string(REGEX REPLACE "((0x..,)(0x..,)(0x..,)(0x..,)(0x..,)(0x..,)(0x..,)(0x..,))" "\\1\n" bytes "${bytes}")
  string(REGEX MATCH "[^.]+$" extension ${name})
  if(NOT DEFINED types_${extension})
    message(FATAL_ERROR "${PAGE}/${name}: no content type is known for .${extension}")
  endif()
  set(path "/console/${name}")
  if(name STREQUAL "index.html")
    set(path "/")
  endif()
  string(APPEND arrays "constexpr unsigned char kFile${index}[] = {\n${bytes}};\n")
  string(APPEND entries
    "    {\"${path}\", \"${types_${extension}}\", \"\\\"${etag}\\\"\", text_of(kFile${index})},\n")
  math(EXPR index "${index} + 1")
endforeach()

file(WRITE ${OUTPUT} "// Made by server/console/embed_assets.cmake.
#include \"server/console/console_assets.h\"

namespace parapet::server {
namespace {

${arrays}
template <std::size_t kSize>
std::string_view text_of(const unsigned char (&bytes)[kSize]) {
  return {reinterpret_cast<const char*>(bytes), kSize};
}

}  // namespace

std::span<const ConsoleAsset> console_assets() {
  static const ConsoleAsset kAssets[] = {
${entries}  };
  return kAssets;
}

}  // namespace parapet::server
")
