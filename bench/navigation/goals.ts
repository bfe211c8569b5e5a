import type { WorkloadName } from './workloads.js';

/** What the gateway is to reach, with many connections and with one. */
export interface Goal {
  readonly ofRival?: readonly [many: number, one: number];
  readonly ofFloor?: readonly [many: number, one: number];
}

const READ: Goal = { ofRival: [1.5, 1.5] };

export const GOALS: Readonly<Record<WorkloadName, Goal>> = {
  W1: { ofRival: [1.6, 1.6], ofFloor: [0.25, 0.45] },
  W2: { ofRival: [2.2, 2.2], ofFloor: [0.85, 0.85] },
  W3: { ofRival: [2.0, 1.8], ofFloor: [0.5, 0.5] },
  W4: { ofRival: [1.6, 1.6], ofFloor: [0.65, 0.65] },
  W5: { ofRival: [1.8, 1.7], ofFloor: [0.6, 0.6] },
  W6: READ,
  W7: READ,
  W8: READ,
  W9: READ,
  W10: READ,
  W11: { ofFloor: [0.6, 0.7] },
  W12: { ofFloor: [0.7, 0.8] },
};
