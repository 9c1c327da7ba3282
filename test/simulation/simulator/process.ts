import type { Clock, Timer } from '../../../src/engine/clock.js'
import type { Agenda, Event } from '../../../src/testing/agenda.js'
import type { Random } from './random.js'

interface Alarm {
  readonly due: number
  readonly callback: () => void
  event: Event
}

/**
 * A process of the application: it has a clock of its own, it may stop for a while (then everything
 * for it comes late), and it may die (then nothing ever comes; what it has sent is on its way all
 * the same).
 */
export class SimulatedProcess {
  readonly name: string
  readonly timing: Clock
  readonly #agenda: Agenda
  readonly #alarms = new Set<Alarm>()
  #alive = true
  #stopped: (() => void)[] | undefined
  /** ms this process has been stopped for, in all. */
  stoppedMs = 0
  /** Its clock minus the agenda's. */
  #ahead: number

  constructor(name: string, agenda: Agenda, random: Random) {
    this.name = name
    this.#agenda = agenda
    this.#ahead = random.whole(0, 1_000_000)
    this.timing = {
      now: () => agenda.now + this.#ahead,
      random: () => random.next(),
      after: (ms, callback) => this.#alarm(ms, callback),
    }
  }

  get alive(): boolean {
    return this.#alive
  }

  get running(): boolean {
    return this.#alive && !this.#stopped
  }

  /** Something from outside, when the process can take it. */
  deliver(callback: () => void): void {
    if (!this.#alive) return
    if (this.#stopped) this.#stopped.push(callback)
    else callback()
  }

  /** Resolves after so much time, or never. */
  sleep(ms: number): Promise<void> {
    return new Promise((resolve) => this.timing.after(ms, resolve))
  }

  die(): void {
    this.#alive = false
    for (const alarm of this.#alarms) alarm.event.cancel()
    this.#alarms.clear()
  }

  stopFor(ms: number): void {
    this.#stopped ??= []
    this.stoppedMs += ms
    this.#agenda.after(ms, () => this.goOn())
  }

  /** What has come meanwhile is delivered one by one, as an event loop does. */
  goOn(): void {
    const waiting = this.#stopped ?? []
    this.#stopped = undefined
    for (const callback of waiting) this.#agenda.after(0, () => this.deliver(callback))
  }

  /** The clock goes forward at once; it never goes back. */
  leap(ms: number): void {
    this.#ahead += ms
    for (const alarm of [...this.#alarms]) {
      alarm.event.cancel()
      this.#set(alarm)
    }
  }

  #alarm(ms: number, callback: () => void): Timer {
    const alarm: Alarm = { due: this.timing.now() + ms, callback, event: { cancel: () => {} } }
    if (this.#alive) this.#set(alarm)
    return {
      cancel: () => {
        alarm.event.cancel()
        this.#alarms.delete(alarm)
      },
      keepAlive: () => {},
    }
  }

  #set(alarm: Alarm): void {
    this.#alarms.add(alarm)
    alarm.event = this.#agenda.after(alarm.due - this.timing.now(), () => {
      this.deliver(() => {
        if (this.#alarms.delete(alarm)) alarm.callback()
      })
    })
  }
}
