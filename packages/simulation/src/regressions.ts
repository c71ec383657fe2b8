import type { Scenario } from "./Scenario.ts"

/** Scenarios that once broke something: plans spelt out, since what a seed stands for changes with the code. */
export const regressions: ReadonlyArray<{ readonly broke: string; readonly scenario: Scenario }> = [
  {
    broke: "a replica that learns late where to begin never pushes what another one stored before",
    scenario: {
      seed: 265,
      preemption: 0,
      latency: 6,
      partitions: 3,
      followings: ["from the beginning"],
      workload: [{ _tag: "Order", name: "o4", at: 2056, user: 0, amount: 28, replica: 0, steps: [] }],
      faults: [{ _tag: "Slow", process: "notify-2", ms: 4749, request: "feedDb read position", nth: 2 }]
    }
  },
  {
    broke: "an idle replica that joins again begins where another one has come to, and leaves out what lies between",
    scenario: {
      seed: 1,
      preemption: 0,
      latency: 6,
      partitions: 1,
      followings: ["from the beginning", "from the beginning"],
      workload: [{
        _tag: "Order",
        name: "o1",
        at: 600,
        user: 1,
        amount: 30,
        replica: 0,
        steps: [{ wait: 2500, ask: "cancel" }]
      }],
      faults: [{ _tag: "Partition", process: "notify-2", server: "bus", at: 500, ms: 5000 }]
    }
  },
  {
    broke: "who follows a scope begins with an order's third version where the first two were released just before",
    scenario: {
      seed: 31_077,
      preemption: 0,
      latency: 6,
      partitions: 1,
      followings: ["from the beginning", "mine"],
      workload: [
        {
          _tag: "Order",
          name: "o1",
          at: 1081,
          user: 1,
          amount: 48,
          replica: 1,
          steps: [{ wait: 40, ask: "ASSEMBLING" }, { wait: 501, ask: "ASSEMBLED" }, { wait: 1153, ask: "staffCancel" }]
        },
        { _tag: "Flaw", name: "x1", service: "notify", of: "o1", until: 2240 }
      ],
      faults: []
    }
  },
  {
    broke: "a replica that begins to read behind what another set aside meanwhile tells of the second version first",
    scenario: {
      seed: 703330214,
      preemption: 0,
      latency: 6,
      partitions: 1,
      followings: ["from the beginning", "mine"],
      workload: [{ _tag: "Order", name: "o3", at: 482, user: 1, amount: 45, replica: 1, steps: [] }, {
        _tag: "Flaw",
        name: "x1",
        service: "notify",
        of: "o3",
        until: 4821
      }, { _tag: "Flaw", name: "x2", service: "payments", of: "o3", until: 5326 }],
      faults: [{ _tag: "Slow", process: "notify-1", ms: 1208, request: "bus join order-notification.1", nth: 1 }, {
        _tag: "SocketDrop",
        process: "s2",
        at: 4188,
        told: true
      }]
    }
  },
  {
    broke: "a replica that was away while an event was set aside and a later one parked never tells of either",
    scenario: {
      seed: 703327746,
      preemption: 0,
      latency: 6,
      partitions: 1,
      followings: ["all"],
      workload: [{ _tag: "Order", name: "o2", at: 1385, user: 0, amount: 37, replica: 0, steps: [] }, {
        _tag: "Foreign",
        name: "x3",
        at: 1102,
        kind: "no id",
        of: "o2",
        to: "payments",
        amount: 9
      }],
      faults: [{ _tag: "CrashAtTime", process: "notify-1", at: 7171, down: 263 }, {
        _tag: "Outage",
        server: "bus",
        at: 12,
        ms: 4834
      }, { _tag: "Pause", process: "notify-2", at: 293, ms: 7019 }]
    }
  },
  {
    broke:
      "a replica that was killed before its place was written down never tells of what waited behind a dead letter",
    scenario: {
      seed: 226049920,
      preemption: 0,
      latency: 6,
      partitions: 1,
      followings: ["from now", "mine"],
      workload: [{ _tag: "Order", name: "o1", at: 1787, user: 0, amount: 36, replica: 0, steps: [] }, {
        _tag: "Order",
        name: "o2",
        at: 1006,
        user: 1,
        amount: 21,
        replica: 1,
        steps: []
      }, { _tag: "Foreign", name: "x3", at: 726, kind: "no type", of: "o2", to: "payments", amount: 3 }],
      faults: [{ _tag: "CrashAtTime", process: "notify-1", at: 1500, down: 736 }, {
        _tag: "Stop",
        process: "notify-2",
        at: 0,
        down: 3921
      }, { _tag: "CrashAtTime", process: "payments-2", at: 339, down: 100 }]
    }
  },
  {
    broke: "a replica that has read nothing yet takes what the feed holds of an order behind a dead letter for told",
    scenario: {
      seed: 69507632,
      preemption: 0,
      latency: 120,
      partitions: 2,
      followings: ["from the beginning", "mine", "all"],
      workload: [
        { _tag: "Order", name: "o1", at: 996, user: 0, amount: 43, replica: 0, steps: [] },
        { _tag: "Order", name: "o2", at: 376, user: 1, amount: 52, replica: 1, steps: [] },
        { _tag: "Foreign", name: "x1", at: 1946, kind: "undecodable", of: "o2", to: "payments", amount: 4 }
      ],
      faults: [{ _tag: "CrashAtTime", process: "orders-1", at: 0, down: 100 }, {
        _tag: "Pause",
        process: "notify-1",
        at: 497,
        ms: 3582
      }]
    }
  }
]
