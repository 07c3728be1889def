// `propose`: one-shot consensus on a name.
#include "cli/invocation.hpp"
#include "cli/named_json.hpp"
#include "cli/open_group.hpp"
#include "group/values.hpp"

namespace diskpaxos::cli {

Result<int> run_propose(const Invocation& call, Output& out) {
    const std::string& name = call.arguments()[0];
    const std::string& value = call.arguments()[1];
    if (auto fine = Directory::check_name(name); !fine) return std::unexpected(fine.error());
    auto group = join_group(call, out);
    if (!group) return std::unexpected(group.error());
    Directory directory((*group)->group());
    const Result<Named> decided =
        (*group)->run(propose(directory, name, value, (*group)->deadline()));
    if (!decided) return std::unexpected(decided.error());
    if (decided->applied || decided->perhaps) out.changed();
    out.line(as_text(decided->value));
    out.object(named_json(name, *decided));
    return 0;
}

}  // namespace diskpaxos::cli
