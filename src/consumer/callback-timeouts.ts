import { DeadlineTimer } from '../batching/deadline-timer.js'
import type { Clock } from '../engine/clock.js'

interface Run {
  readonly dueAt: number
  readonly giveUp: () => void
}

/**
 * Limits the time of callbacks. All have the same limit, so the callback that began first is due
 * first, and one timer serves them all.
 */
export class CallbackTimeouts {
  readonly #clock: Clock
  readonly #timeoutMs: number
  /** In the order in which they began. */
  readonly #running = new Set<Run>()
  /** It keeps no process alive. */
  readonly #timer: DeadlineTimer

  constructor(clock: Clock, timeoutMs: number) {
    this.#clock = clock
    this.#timeoutMs = timeoutMs
    this.#timer = new DeadlineTimer(clock, (now) => this.#look(now), false)
  }

  /**
   * The result of a callback that was just called, or a failure when its time is over. After that,
   * the result of the callback is ignored.
   *
   * @param name The name of the callback, for the message of the failure.
   * @param onTimeout Called with the failure when the time is over.
   */
  limit<T>(result: PromiseLike<T>, name: string, onTimeout?: (error: Error) => void): Promise<T> {
    return new Promise<T>((resolve, reject) => {
      const run = {
        dueAt: this.#clock.now() + this.#timeoutMs,
        giveUp: () => {
          const error = new Error(`${name} did not settle within ${this.#timeoutMs} ms (handlerTimeoutMs)`)
          onTimeout?.(error)
          reject(error)
        },
      }
      this.#running.add(run)
      // A caller's thenable may throw in `then`, or resolve twice. A promise does neither.
      Promise.resolve(result).then(
        (value) => {
          this.#running.delete(run)
          resolve(value)
        },
        (error) => {
          this.#running.delete(run)
          reject(error)
        },
      )
      // A timer that fires for a callback that has ended costs less than a timer for each callback.
      this.#timer.set(run.dueAt)
    })
  }

  /** The consumer gives up the callbacks that are still running: no timeout is needed for them. */
  stop(): void {
    this.#timer.cancel()
    this.#running.clear()
  }

  #look(now: number): void {
    for (const run of this.#running) {
      if (run.dueAt > now) {
        this.#timer.set(run.dueAt)
        return
      }
      this.#running.delete(run)
      run.giveUp()
    }
  }
}
