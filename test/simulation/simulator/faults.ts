import type { Random } from './random.js'

/** What befalls a single message. */
export const messageFaults = [
  'request lost',
  'request late',
  'request repeated',
  'reply lost',
  'reply late',
  'reply cut',
] as const
/** What befalls processes, clocks and the server, from time to time. */
export const worldFaults = [
  'process dies',
  'process stops for a while',
  'process clock leaps',
  'server clock forwards',
  'server clock backwards',
  'server restarts',
  'server away',
  'connections cut',
] as const

export type MessageFault = (typeof messageFaults)[number]
export type WorldFault = (typeof worldFaults)[number]
export type Fault = MessageFault | WorldFault

/**
 * Which faults a run has, and how often. Each run has some kinds and not others ("swarm testing",
 * Groce and others, 2012): where everything fails at once, nothing gets far enough to go wrong in
 * an interesting way.
 */
export class Faults {
  /** How often each has been injected. */
  readonly injected: Map<Fault, number>
  readonly #chances = new Map<MessageFault, number>()
  world: readonly WorldFault[]
  #on = false

  constructor(random: Random, injected: Map<Fault, number>) {
    this.injected = injected
    for (const fault of messageFaults)
      if (random.chance(0.4)) this.#chances.set(fault, random.pick([0.02, 0.1, 0.3]))
    this.world = worldFaults.filter(() => random.chance(0.3))
  }

  get on(): boolean {
    return this.#on
  }

  stop(): void {
    this.#on = false
  }

  /** This run goes without that one. */
  leaveOut(fault: WorldFault): void {
    this.world = this.world.filter((one) => one !== fault)
  }

  begin(): void {
    this.#on = true
  }

  befalls(fault: MessageFault, random: Random): boolean {
    if (!this.#on || !random.chance(this.#chances.get(fault) ?? 0)) return false
    this.count(fault)
    return true
  }

  count(fault: Fault): void {
    this.injected.set(fault, (this.injected.get(fault) ?? 0) + 1)
  }

  /** What is switched on, for the head of a trace. */
  toString(): string {
    const messages = [...this.#chances].map(([fault, chance]) => `${fault} ${chance * 100} %`)
    return [...messages, ...this.world].join(', ') || 'none'
  }
}
