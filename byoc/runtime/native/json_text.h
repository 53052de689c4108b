// JSON as text: what must be known of it before it is parsed, and how to write a string.
#ifndef BYOC_RUNTIME_JSON_TEXT_H_
#define BYOC_RUNTIME_JSON_TEXT_H_

#include <string>
#include <string_view>
#include <vector>

namespace byoc {

// The elements of the array that the outermost object has under `key`, each as it stands in `text`;
// none without such an array. Throws Failure(kArtefact) where brackets nest deeper than a parser's
// stack should have to bear, or do not match.
std::vector<std::string_view> ElementsOf(std::string_view text, std::string_view key);

// `text` as a JSON string, with its quotes.
std::string Quoted(std::string_view text);

}  // namespace byoc

#endif  // BYOC_RUNTIME_JSON_TEXT_H_
