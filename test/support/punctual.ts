/**
 * What may pass between the deadline of a call and its answer, on the timers of this process. ms
 */
const GRACE_MS = 1_000
/** Turns of the event loop that may pass after that. */
const TURNS = 20

/**
 * Begins to watch over the deadline of a call, and answers how to end that when the call has
 * settled: whether it was overdue.
 *
 * No clock is asked, since a process that gets no turn on a busy machine is late with everything.
 * The call is held to the order of timers: it is overdue when a timer of this process, set for a
 * second after the deadline, has fired, the event loop has gone round twenty times since, and the
 * call has not settled.
 */
export function watchDeadline(deadlineMs: number): () => boolean {
  let turns = 0
  const turn = () => {
    if (turns++ < TURNS) timer = setTimeout(turn, 1)
  }
  let timer = setTimeout(turn, deadlineMs + GRACE_MS)
  return () => {
    clearTimeout(timer)
    return turns > TURNS
  }
}
