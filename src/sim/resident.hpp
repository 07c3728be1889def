// Residents: the processes of simulated hosts, built from the real Group. A user takes a seat and
// works on names; a mender does what `check --repair` does. Their destruction is their death.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "async/scope.hpp"
#include "group/assemble.hpp"
#include "group/directory.hpp"
#include "group/heal.hpp"
#include "group/heal_registers.hpp"
#include "group/keeper.hpp"
#include "sim/history.hpp"
#include "sim/kernel.hpp"
#include "sim/world.hpp"

namespace diskpaxos::sim {

class Resident;

// What residents share with those who watch them.
class Neighbourhood {
  public:
    virtual ~Neighbourhood() = default;
    virtual SimWorld& world() = 0;
    virtual bool calm() const = 0;  // faults are over: every operation must end well
    virtual void seated(const Resident& resident) = 0;
    virtual void unseated(const Resident& resident) = 0;  // it has given its seat up, and lives on
    virtual void stepped(const Resident& resident, const Step& step) = 0;
    virtual void wrong(std::string what) = 0;
    virtual void say(const std::string& what) const = 0;
    virtual History& history(const std::string& name) = 0;
    virtual const std::vector<std::string>& names() const = 0;
};

class Resident : protected Trace {
  public:
    Resident(Neighbourhood& around, Kernel& kernel, Host host, std::vector<SimPath*> paths);
    Resident(const Resident&) = delete;
    Resident& operator=(const Resident&) = delete;
    ~Resident() override;

    const Host& host() const { return host_; }
    Strand& strand() { return strand_; }
    const std::vector<SimPath*>& paths() const { return paths_; }
    bool finished() const { return finished_; }
    void exit_with(std::optional<Error> error);  // why it ended, if not in peace
    const std::optional<Error>& error() const { return error_; }

    const std::optional<Seat>& seat() const { return group_->seat(); }
    bool seated() const { return !left_ && group_ && group_->seat().has_value(); }
    bool has_slot() const { return seated() && seat()->announced(); }
    Place place() const;  // no_place: it has no slot

  protected:
    void step(const Step& step) override;
    // Not a task of its own: each would be a step more, and all colonies would be other ones.
    Task<Result<void>> sitting(Roster roster, Duration uptime, Instant deadline);
    Instant in(Duration time) const { return around_.world().now() + time; }

    Neighbourhood& around_;
    Host host_;
    Strand strand_;
    World world_;
    KernelLocks locks_;
    std::vector<SimPath*> paths_;
    Assembly assembly_;
    std::optional<Group> group_;
    bool left_ = false;  // the seat has been given up

  private:
    bool finished_ = false;
    std::optional<Error> error_;
};

struct UserPlan {
    unsigned operations = 0;  // 0: one round of all names, each of which must end well
    Duration uptime{};        // of the host
    Duration patience{};      // for a seat
    Duration deadline{};      // at most, of an operation
    Duration think{};         // at most, between two operations
    unsigned keeper = 0;      // permille: sees to what its host keeps (group/keeper.hpp)
};

class User final : public Resident {
  public:
    User(Neighbourhood& around, Kernel& kernel, Host host, std::vector<SimPath*> paths,
         UserPlan plan);
    ~User() override;

  private:
    Task<void> live();
    Task<void> give_back();
    Task<void> work(std::string name, Operation::Kind kind, Instant deadline);
    Operation draw(Operation::Kind kind);
    void tell(const std::string& name, std::size_t id, Operation::Kind kind,
              const Result<Named>& outcome);

    UserPlan plan_;
    bool due_;  // every operation must end well
    std::optional<Directory> directory_;
    std::uint64_t known_version_ = 0;
    std::optional<SlotKeeper> keeper_;
    Event leaving_;
    Scope keeping_;
    Scope scope_;  // last: its tasks die before what they refer to
};

class Mender final : public Resident {
  public:
    // `uptime`: of the host.
    Mender(Neighbourhood& around, Kernel& kernel, Host host, std::vector<SimPath*> paths,
           Duration uptime = {});

    const HealReport& healed() const { return healed_; }
    const RegisterReport& registers() const { return registers_; }
    const CheckReport& checked() const { return checked_; }

  private:
    Task<void> live();
    Task<Result<void>> heal_registers(const Roster& roster, Instant deadline);

    Duration uptime_;
    HealReport healed_;
    RegisterReport registers_;
    CheckReport checked_;
    Scope scope_;
};

}  // namespace diskpaxos::sim
