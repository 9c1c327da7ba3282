import type { GroupState, ParkedEvent } from '../../engine/groups.js'
import { LAYOUT } from '../../engine/layout.js'
import type { Moment } from '../time.js'

/** The moment at which a command is executed. */
export interface GroupStep extends Moment {
  /** The call's deadline has passed: nothing may be changed any more. */
  readonly overdue: boolean
}

/** One group of consumers: its position, its lease, and its parked events. */
export class Group {
  position = 0
  epoch = 0
  consumer: string | null = null
  until = 0
  /** By sequence. */
  readonly #parked = new Map<number, ParkedEvent>()

  /** In order of the events. */
  parked(): ParkedEvent[] {
    return this.#inOrder().filter(({ retryAt }) => retryAt !== null)
  }

  dead(): ParkedEvent[] {
    return this.#inOrder().filter(({ retryAt }) => retryAt === null)
  }

  park(event: ParkedEvent): void {
    this.#parked.set(event.event.sequence, event)
  }

  unpark(sequence: number): void {
    this.#parked.delete(sequence)
  }

  state(group: string): GroupState {
    const { position, consumer, until } = this
    return {
      group,
      position,
      consumer,
      until,
      parked: this.parked().length,
      dead: this.dead().length,
    }
  }

  #inOrder(): ParkedEvent[] {
    return [...this.#parked.values()].sort((a, b) => a.event.sequence - b.event.sequence)
  }
}

/** All groups of a partition, by name. */
export class Groups {
  /** The layout in which they are stored. */
  layout = LAYOUT
  readonly #groups = new Map<string, Group>()

  get(name: string): Group | undefined {
    return this.#groups.get(name)
  }

  make(name: string): Group {
    const group = new Group()
    this.#groups.set(name, group)
    return group
  }

  drop(name: string): void {
    this.#groups.delete(name)
  }

  /** In order of the names' bytes. */
  states(): GroupState[] {
    return [...this.#groups]
      .sort(([a], [b]) => Buffer.compare(Buffer.from(a), Buffer.from(b)))
      .map(([name, group]) => group.state(name))
  }

  /** The position up to which every group has processed the events. */
  behind(): number {
    return Math.min(...[...this.#groups.values()].map(({ position }) => position))
  }
}
