"""What the three machines are put through, in this order; all of them take turns at one lock."""

import json
import time

from holdings import faults, first_to_begin, holding, wait_beats

HOLD = "diskpaxos run --json {}main -- holder {}"
# Emulated processors, three of them on a busy host: beyond what docs/timing.md promises.
SLACK_SECONDS = 3
INCREMENTS = 10


def latest_takeover(stage):
    """TTL, the allowance for drift, one renewal, one acquisition (in the slack)."""
    return stage.ttl * (1 + 1 / 500) + stage.ttl / 6 + SLACK_SECONDS


def earliest_takeover(stage):
    """The holder may use the lock until TTL after its last renewal, which was one or, if the host
    was busy, two intervals of TTL/6 before its end."""
    return stage.ttl * (1 - 2 / 6)


def agree(stage):
    """Three machines decide and count at the same time"""
    jobs = [stage.begin(each, f"diskpaxos propose leader {each.name}") for each in stage.machines]
    codes = [job.wait(60) for job in jobs]
    answers = {job.text() for job in jobs}
    stage.expect(codes == [0, 0, 0] and len(answers) == 1, f"all decided {answers}")
    stage.decided = answers.pop()

    words = f"for i in $(seq {INCREMENTS}); do diskpaxos cell incr counter || exit; done"
    jobs = [stage.begin(each, words) for each in stage.machines]
    codes = [job.wait(120) for job in jobs]
    count = stage.machines[0].run("diskpaxos cell get counter").text()
    stage.expect(codes == [0, 0, 0] and count == str(3 * INCREMENTS),
                 f"{3 * INCREMENTS} increments, the counter says {count}")


def hold(stage, machine, options=""):
    """The machine takes the lock and beats until it is told to stop, or cannot go on."""
    job = stage.begin(machine, HOLD.format(options, 0))
    stage.expect(wait_beats(job, 5, 60), f"{machine.name} holds the lock: {holding(job)}")
    return job


def queue(stage, machines, beats):
    jobs = [stage.begin(each, HOLD.format("", beats)) for each in machines]
    time.sleep(stage.ttl / 2)  # long enough to be in the queue, and to see the holder renew
    stage.expect(not any(holding(job).begun for job in jobs), "the others wait")
    return jobs


def see_takeover(stage, jobs, at, what):
    """The first of these jobs to hold, within the promised time from `at`, and not too early."""
    soonest, limit = earliest_takeover(stage), latest_takeover(stage)
    heir = first_to_begin(jobs, limit + 60)
    stage.expect(heir, f"after {what} somebody else holds: {heir and holding(heir)}")
    took = holding(heir).begun - at
    stage.expect(soonest <= took <= limit,
                 f"takeover {took:.2f} s after {what} (TTL {stage.ttl} s; promised: "
                 f"{soonest:.1f} to {limit:.1f} s)")
    return heir


def see_turns(stage, jobs):
    """All of these end well, one after the other."""
    codes = [job.wait(60) for job in jobs]
    first, second = sorted((holding(job) for job in jobs), key=lambda each: each.begun)
    stage.expect(codes == [0] * len(jobs), f"each had its turn: {first}; {second}")
    took, limit = second.begun - first.last, stage.ttl / 40 + SLACK_SECONDS
    stage.expect(took <= limit,
                 f"takeover {took:.2f} s after a holder left (promised: {limit:.1f} s)")
    margins = [json.loads(job.lines[-1][1])["least_margin_ms"] / 1000 for job in jobs]
    stage.say(f"  their sessions had at least {min(margins):.1f} s of their {stage.ttl} s left")


def see_exclusion(stage, jobs):
    """The ledger and the consoles agree that there was never more than one holder."""
    found = faults(jobs)
    stage.expect(not found, "; ".join(found) or "never two holders, tokens and counts only grew")
    reported = max(count for job in jobs for _, count in holding(job).beats)
    token, count, host = stage.ledger()
    stage.expect(count == reported, f"the ledger says {count}, last by {host} with token {token}")


def see_return(stage, machine, boots):
    """A host that comes back with its slots waits until its earlier boot's writes have drained."""
    machine.wait_up(boots)
    asked = time.monotonic()
    job = machine.run("diskpaxos propose leader nobody && cut -d ' ' -f 1 /proc/uptime", 90)
    took = time.monotonic() - asked
    decided, up = job.text().split()
    stage.expect(decided == stage.decided, f"{machine.name} is back: the decision is still {decided}")
    stage.say(f"  it could ask {took:.1f} s after it was up, {up} s after its boot")


def death(stage):
    """The power of the holder's host fails"""
    victim, *others = stage.machines
    held = hold(stage, victim)
    waiting = queue(stage, others, 15)
    at = victim.kill()
    stage.say(f"{victim.name} is dead: kill -9 of its machine")
    see_takeover(stage, waiting, at, "the death")
    see_turns(stage, waiting)
    see_exclusion(stage, [held, *waiting])


def watchdog(stage):
    """The holder's guards stop, its command goes on: the watchdog resets the host"""
    first, victim, last = stage.machines
    first.start()
    stage.say(f"{first.name} is switched on again")
    see_return(stage, first, boots=1)
    held = hold(stage, victim, "--watchdog /dev/watchdog ")
    waiting = queue(stage, (first, last), 15)
    at = time.monotonic()
    victim.run("kill -STOP $(pidof diskpaxos)")
    stage.say(f"{victim.name}: all that watches over the command is stopped")
    reset = victim.event("RESET", latest_takeover(stage), since=at)
    stage.expect(reset, f"the watchdog reset {victim.name}, {(reset or at) - at:.2f} s later")
    beats = [when for when, _ in holding(held).beats if when > at + 1]
    stage.expect(beats, f"until then its command went on: {len(beats)} beats")
    heir = see_takeover(stage, waiting, at, "the stop")
    stage.expect(holding(heir).begun > reset,
                 f"the host was reset {holding(heir).begun - reset:.2f} s before another one held")
    see_turns(stage, waiting)
    see_exclusion(stage, [held, *waiting])


def pause(stage):
    """The holder's host is paused: its clock does not show it, but its token is old"""
    heir, reset, victim = stage.machines
    held = hold(stage, victim)
    waiting = queue(stage, (heir,), 0)[0]
    at = time.monotonic()
    victim.tell_monitor("stop")
    stage.expect(victim.event("STOP", 10, since=at), f"{victim.name} is paused")
    see_takeover(stage, [waiting], at, "the pause")
    stage.expect(wait_beats(waiting, 10, 30), f"the heir is at work: {holding(waiting)}")

    before, clock = len(holding(held).beats), uptime(held)
    resumed = time.monotonic()
    victim.tell_monitor("cont")
    code = held.wait(latest_takeover(stage))
    took = (held.ended or time.monotonic()) - resumed
    stage.expect(code == 79, f"{victim.name} goes on; {took:.2f} s later `run` exits {code}")
    gap = uptime(held) - clock
    late, refused = len(holding(held).beats) - before, len(holding(held).refused)
    stage.say(f"  its clock moved {gap:.1f} s in the {resumed + took - at:.1f} s since the pause; "
              f"{late} late beats, {refused} refused by the larger token")
    stage.expect(late <= 1, "at most the one write that was under way when it was paused")
    stop(stage, waiting)
    overwritten = len(holding(waiting).overwritten)
    stage.expect(holding(waiting).token > holding(held).token and overwritten <= 1,
                 f"the heir found {overwritten} records written over: {holding(waiting)}")
    see_return(stage, reset, boots=2)  # it had the time of this scenario


def uptime(job):
    """What the clock of the job's machine said in its last line that had a time."""
    return float(next(text.split("up=")[1] for _, text in reversed(job.lines) if "up=" in text))


def stop(stage, job):
    job.machine.run("kill -TERM $(pidof diskpaxos | tr ' ' '\\n' | sort -n | head -n 1)")
    stage.expect(job.wait(20) == 143, f"{job.machine.name} is told to stop, and passes it on")


QUICK = (agree, death)
ALL = (agree, death, watchdog, pause)
