#include <fovea/train/report/page.h>
#include <fovea/train/report/svg.h>

namespace fovea::report {
namespace {

constexpr const char* kStyle = R"(<style>
:root{color-scheme:light dark;--line:#8884;--muted:#888}
body{font:16px/1.5 system-ui,sans-serif;max-width:60rem;margin:0 auto;padding:1rem}
h1{font-size:1.5rem}h2{font-size:1.15rem;margin-top:2rem}
svg{width:100%;height:auto}svg text{font-size:13px;fill:currentColor}svg .title{font-weight:600}
svg .grid{stroke:var(--line)}
.wide{overflow-x:auto}table{border-collapse:collapse;font-size:.95rem}
td,th{padding:.2rem .8rem .2rem 0;text-align:right;border-bottom:1px solid var(--line)}
td:first-child,th:first-child,td.text,th.text{text-align:left}
img{image-rendering:pixelated;max-width:100%}pre{overflow-x:auto;font-size:.9rem}
</style>)";

}  // namespace

std::string page(const std::string& title, const std::string& body) {
  return "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\"><meta name=\"viewport\" "
         "content=\"width=device-width,initial-scale=1\"><title>" +
         escaped(title) + "</title>" + kStyle + "<h1>" + escaped(title) + "</h1>" + body +
         "</html>\n";
}

}  // namespace fovea::report
