/** Time as an argument, so that tests can hold it. */
export interface Clock {
  /** Wall clock, epoch milliseconds: for what other machines said about time. */
  nowMs(): number;
  /** Never goes back: for ages and intervals of our own. */
  monotonicMs(): number;
  /** Runs `task` once after `ms`; the returned function cancels it. Does not keep the process alive. */
  after(ms: number, task: () => void): () => void;
}

export const systemClock: Clock = {
  nowMs: () => Date.now(),
  monotonicMs: () => performance.now(),
  after(ms, task) {
    const timer = setTimeout(task, ms);
    timer.unref();
    return () => clearTimeout(timer);
  },
};
