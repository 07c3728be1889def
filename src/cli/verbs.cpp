#include "cli/verbs.hpp"

#include <algorithm>

namespace diskpaxos::cli {

namespace {

constexpr std::size_t any_number = 1000;

constexpr Option disk{"disk", 'd', "PATH", "a disk of the group: block device or file; repeat it",
                      true};
constexpr Option group{"group", 'g', "NAME|FILE",
                       "the group file: ./NAME.conf, ~/.config/diskpaxos/NAME.conf, "
                       "/etc/diskpaxos/NAME.conf"};
constexpr Option slot{"slot", 0, "N", "use this slot of this host and no other"};
constexpr Option timeout{"timeout", 0, "SEC", "give up after so many seconds (10)"};
constexpr Option backend{"io", 0, "WAY", "how disks are read and written (auto)", false,
                         "auto uring threads"};
constexpr Option force{"force", 0, nullptr, "overwrite what is on the disks, without asking"};
constexpr Option json{"json", 0, nullptr, "print one JSON object"};
constexpr Option help{"help", 'h', nullptr, "explain this verb"};

const char* const names_disks =
    "The disks are those of -d, else of -g, else of the group file that $DISKPAXOS_GROUP names.";

Verb format() {
    return {
        "format",
        "make disks a group",
        {{"", "DISK...", 0, any_number,
          "a path (a missing file is created), or the URL of an active disk"}},
        {disk,
         {"name", 0, "NAME", "the name of the group (of FILE, or \"group\")"},
         {"slots", 0, "N",
          "processes that can write at the same time (32), or hold locks (active disks only: 128)"},
         {"cells", 0, "N", "names that there can be (256)"},
         {"ttl", 0, "TIME", "how long a session lives without renewal, 1s to 1h (10s)"},
         {"block-size", 0, "SIZE",
          "bytes per block (auto: the largest that a disk needs, or a drive writes at once)", false,
          "auto 512 4096"},
         {"conf", 0, "FILE", "write the group file for -g here"},
         force,
         {"evict", 0, nullptr, "put out those who use the group that is there"},
         {"dry-run", 0, nullptr, "say what would be done or refused, and do nothing"},
         timeout,
         backend,
         json,
         help},
        "Takes 1, 3, 5 ... disks. What is on a disk already is named, and a terminal is asked; "
        "without a terminal it is refused unless --force is given. A group in use is not "
        "overwritten: "
        "its sessions are watched for a sixth of their TTL, for --timeout at most. With --evict they are put out, and it takes half a "
        "minute longer (3 TTL, if that is more, and a TTL on top).",
        "file",
        run_format};
}

Verb propose() {
    return {"propose",
            "decide a name once and for all",
            {{"", "NAME VALUE", 2, 2, "prints the decided value, the same on every host for ever"}},
            {disk, group, slot, timeout, backend, json, help},
            names_disks,
            "A decision stays for ever: use it for what never changes, such as the id of a "
            "cluster, and \"run\" for who leads it now.",
            run_propose};
}

Verb cell() {
    return {"cell",
            "read and change small values",
            {{"get", "NAME", 1, 1, "prints the value; of an unset or removed name nothing"},
             {"set", "NAME VALUE", 2, 2, "sets it, prints the new version"},
             {"cas", "NAME VERSION VALUE", 3, 3,
              "sets it if it has this version (unset: 0), prints the new version; otherwise exits "
              "with 1 and prints the present version"},
             {"incr", "NAME [BY]", 1, 2,
              "adds BY (1) to a number, prints the sum that this call made, as no other call does"},
             {"rm", "NAME", 1, 1,
              "removes the value, prints the new version; the name keeps its cell"}},
            {disk, group, slot, timeout, backend, json, help},
            "All of it linearizable, from any host. An unset name has version 0; every change adds "
            "1, removal too. After \"--\" a value may begin with a dash. What is printed is this "
            "call's own result. Exit code 82: the change was applied, but others followed at once "
            "and its own result is not known; 83: it was applied, but could not be printed.",
            "",
            run_cell};
}

Verb run() {
    return {"run",
            "run a command while holding a lock",
            {{"", "LOCK -- CMD...", 2, any_number,
              "acquires LOCK, runs CMD, releases LOCK; exits with CMD's code"}},
            {disk,
             group,
             {"shared", 's', nullptr, "share the lock with others that do"},
             {"nonblock", 'n', nullptr, "do not wait: exit with 75 if somebody else holds it"},
             {"wait", 'w', "SEC", "give up after so many seconds, with 75"},
             {"conflict-exit-code", 'E', "CODE", "instead of 75"},
             {"quiet", 'q', nullptr, "say nothing if somebody else holds it"},
             {"label", 0, "TEXT", "show this to others, and write it to the disks, not CMD's words"},
             {"ttl", 0, "TIME", "how long the session lives without renewal (as the disks say)"},
             {"watchdog", 0, "PATH", "arm this watchdog device while CMD runs"},
             slot,
             timeout,
             backend,
             json,
             help},
            "CMD finds the lock, its group and the fencing token in DISKPAXOS_LOCK, DISKPAXOS_GROUP "
            "and DISKPAXOS_TOKEN. If the lock is lost, CMD and all it started is dead before anybody "
            "else may hold it, and the exit code is 79. Signals are passed on to CMD. What CMD is, its "
            "words included, stands on the disks for all to read, unless --label is given.",
            "lock",
            run_run};
}

Verb status() {
    return {"status",
            "show disks, sessions and slots",
            {{"", "", 0, 0, "each disk, each session that lives or says so, and whose the slots are"}},
            {disk, group, timeout, backend, json, help},
            "Reads only, and needs no majority. The first line is for alerts. Exits with 0 if every "
            "disk votes for every cell and slot, with 1 if some do not, with 2 if a cell or slot "
            "has no majority.",
            "",
            run_status};
}

Verb hosts() {
    return {"hosts",
            "show which hosts own which slots, or forget one",
            {{"", "", 0, 0,
              "each host: the slots that it owns, when something was last seen of it, and its "
              "processes that have a session"},
             {"forget", "HOST", 1, 1,
              "after asking: evicts the sessions of HOST (its name, or the beginning of its id), waits "
              "until nothing of it can be under way (TTL and half a minute, or 4 TTL), frees its slots "
              "and heals its blocks"}},
            {disk,
             group,
             {"is-off", 0, nullptr,
              "forget: says that the host is off, or has been started again and does not use the "
              "group"},
             {"force", 0, nullptr, "forget: do not ask"},
             timeout,
             backend,
             json,
             help},
            "A host that only sleeps must not be forgotten: it would wake up and write on in a slot "
            "that has another user, and changes that were acknowledged would be lost. Without forget "
            "it reads only, and needs no majority.",
            "",
            run_hosts};
}

Verb ls() {
    return {"ls",
            "list the locks and who holds them",
            {{"", "", 0, 0, "each lock: its state, last token, holders, and how many wait"}},
            {disk,
             group,
             {"names", 0, nullptr, "print their names only, one per line"},
             timeout,
             backend,
             json,
             help},
            "Reads only, and needs no majority.",
            "",
            run_ls};
}

Verb show() {
    return {"show",
            "show all there is to know about a lock",
            {{"", "LOCK", 1, 1, "holders, queue, value, and which disks agree"}},
            {disk, group, timeout, backend, json, help},
            "Reads only, and needs no majority.",
            "lock",
            run_show};
}

Verb explain_lock() {
    return {"explain",
            "explain in words who holds a lock and why",
            {{"", "LOCK", 1, 1,
              "who holds it and since when, whether that process lives, who waits, what each disk "
              "says, when it can be free at the latest, and what to do"}},
            {disk, group, timeout, backend, json, help},
            "Watches the holder for about a sixth of its TTL. Reads only, and needs no majority.",
            "lock",
            run_explain};
}

Verb watch() {
    return {"watch",
            "print a line for each change of a lock or cell",
            {{"", "LOCK|CELL", 1, 1,
              "the present state first; of changes that follow quickly only the last is seen"}},
            {disk,
             group,
             {"count", 0, "N", "stop after so many lines"},
             timeout,
             backend,
             {"json", 0, nullptr, "print one JSON object per line"},
             help},
            "Reads only. Goes on without a majority, and says so.",
            "lock",
            run_watch};
}

Verb break_lock() {
    return {"break",
            "take a lock away from its holder",
            {{"", "LOCK", 1, 1,
              "evicts the holder's session, and with it all its locks, after asking; exits with 1 if "
              "nobody holds it"}},
            {disk,
             group,
             {"force", 0, nullptr, "do not ask"},
             slot,
             timeout,
             backend,
             json,
             help},
            "What the holder guards may still run until its TTL has passed, while the next one holds "
            "the lock already: be sure that it is dead, or that the resource compares tokens.",
            "lock",
            run_break};
}

Verb bench() {
    return {"bench",
            "measure what operations cost",
            {{"", "", 0, 0, "p50, p99, operations per second, and I/Os per disk of each operation"}},
            {disk,
             group,
             {"op", 0, "WHAT",
              "propose: a change by a process that has not met the name; change: by the same one "
              "again; lock: acquire and release by a process that has not met the lock; relock: by "
              "the same one again (change)",
              false, "propose change lock relock"},
             {"concurrency", 0, "N", "so many at once in one process, each on its own name (1)"},
             {"seconds", 0, "S", "measure for so long (5)"},
             timeout,
             backend,
             json,
             help},
            "Uses names that begin with \"bench/\"; they keep their cells.",
            "",
            run_bench};
}

Verb bury() {
    return {"bury",
            "end the session of a run that died (its guard does it)",
            {{"", "LOCK SLOT EPOCH GROUP", 4, 4,
              "says nothing; only after all that it guarded is dead. GROUP is the group's UUID: disks "
              "of any other group are not used"}},
            {disk, group, slot, timeout, backend, json, help},
            "Makes the lock free at once, instead of when the session's TTL is over.",
            "",
            run_bury,
            true};
}

Verb check() {
    return {
        "check",
        "read every block of every disk, and repair",
        {{"", "", 0, 0,
          "says per disk: sound, stale, damaged or absent, and for how much it votes; exits with 1 "
          "if one is damaged or absent"}},
        {disk,
         group,
         {"repair", 0, nullptr, "rewrite what is damaged from a majority, never from a minority"},
         {"replace", 0, "N", "give the blank disk that is named the place of disk N, which is lost"},
         {"old-is-gone", 0, nullptr, "with --replace: the old disk N will never be seen again"},
         {"give-up", 0, "NAME", "let go of what a name held that a majority of the disks has lost"},
         {"force", 0, nullptr, "do not ask before --replace or --give-up"},
         timeout,
         backend,
         json,
         help},
        names_disks,
        "",
        run_check};
}

Verb dump() {
    return {
        "dump",
        "decode one disk, read-only",
        {{"", "DISK", 1, 1, "superblocks, slot table, and the blocks that are in use or damaged"}},
        {{"cell", 0, "NAME|NUMBER", "this cell only, its unused blocks too"},
         timeout,
         backend,
         json,
         help},
        "Works on one disk alone, and writes nothing. What it shows may be in motion: one disk "
        "decides nothing.",
        "file",
        run_dump};
}

Verb doctor() {
    return {
        "doctor",
        "look for what makes a group slow or unsafe",
        {{"", "", 0, 0, "each line a check, a verdict and a remedy; exits with 1 if one fails"}},
        {disk, group, backend, json, help},
        "Without disks it looks at the machine only. It writes nothing, so of the disks it "
        "measures reads, not durable writes.",
        "",
        run_doctor};
}

Verb demo() {
    return {
        "demo",
        "show it: a minute of locks, kills and broken disks",
        {{"", "", 0, 0, "five processes and three disks, all of its own; exits with 1 if a rule is broken"}},
        {{"fast", 0, nullptr, "in some 15 seconds, with a TTL of one"},
         {"agents", 0, "N", "the last N of the disks, 0 to 3, are stores of disk agents (0)"},
         {"out", 0, "DIR", "leave disks, page and records in this folder"},
         {"seed", 0, "N", "which disks, which pauses, what is asked (any)"},
         json,
         help},
        "Needs no root and no disks: it works on files in $TMPDIR or /var/tmp, which vanish with it. "
        "What stays is a page for the browser, diskpaxos-demo.html, and the same as a picture.",
        "",
        run_demo};
}

Verb agent() {
    return {"agent",
            "make keys for disk agents and their clients",
            {{"key", "NAME", 1, 1,
              "makes a key by which agents know the client NAME; prints its line, or adds it to a file"}},
            {{"file", 0, "FILE", "add it to this file (made readable by its owner only)"}, json, help},
            "The same line goes into the agent's --keys file and into the client's: ?key=FILE in the "
            "URL, $DISKPAXOS_AGENT_KEY, ~/.config/diskpaxos/agent.key or /etc/diskpaxos/agent.key. "
            "The agent itself is the program diskpaxos-agent.",
            "",
            run_agent};
}

Verb completion() {
    return {"completion",
            "print the completion script of a shell",
            {{"", "bash|zsh|fish", 1, 1, "as in: source <(diskpaxos completion bash)"}},
            {json, help},
            "",
            "shell",
            run_completion};
}

Verb version() {
    return {"version", "print the version", {{"", "", 0, 0, ""}}, {json, help}, "",
            "",        run_version};
}

Verb explain() {
    return {"help",
            "explain a verb",
            {{"", "[VERB]", 0, 1, ""}},
            {json, help},
            "",
            "verb",
            run_help};
}

}  // namespace

std::span<const Verb> verbs() {
    static const std::vector<Verb> table = {
        format(), run(),        status(), hosts(), ls(),      show(),  explain_lock(), watch(),
        break_lock(), propose(), cell(),  check(),   dump(),  doctor(),       bench(),
        demo(),   agent(),      completion(), version(), explain(), bury()};
    return table;
}

const Verb* find_verb(std::string_view name) {
    const auto found = std::ranges::find(verbs(), name, &Verb::name);
    return found == verbs().end() ? nullptr : &*found;
}

std::vector<std::string_view> verb_names() {
    std::vector<std::string_view> names;
    for (const Verb& verb : offered_verbs()) names.emplace_back(verb.name);
    return names;
}

}  // namespace diskpaxos::cli
