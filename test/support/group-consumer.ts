import { expect } from 'vitest'
import type { GroupAnswer, GroupOp, ParkedEvent, Trim } from '../../src/engine/groups.js'
import type { PortPartition } from './port-sale.js'

/** One consumer of a group, as its port shows it. */
export class Follower {
  /** The epoch of the latest claim. */
  epoch = 0

  constructor(
    readonly at: PortPartition,
    readonly consumer: string,
    readonly group = 'g',
  ) {}

  async claim(rest: Partial<GroupOp<'claim'>> = {}): Promise<GroupAnswer<'claim'>> {
    const { group, consumer } = this
    const op = { group, consumer, leaseMs: 1_000, start: 'beginning' as const, ...rest }
    const answer = await this.at.askGroups('claim', op)
    if (answer.status === 'claimed') this.epoch = answer.epoch
    return answer
  }

  /** Claims what must be free. */
  async take(rest: Partial<GroupOp<'claim'>> = {}) {
    const answer = await this.claim(rest)
    if (answer.status !== 'claimed') expect.fail(answer.status)
    return answer
  }

  acknowledgement(rest: Partial<GroupOp<'acknowledge'>> = {}): GroupOp<'acknowledge'> {
    const { group, consumer, epoch } = this
    return {
      ...{ group, consumer, epoch, leaseMs: 1_000, position: 0, park: [], unpark: [], trim: null },
      ...rest,
    }
  }

  acknowledge(rest: Partial<GroupOp<'acknowledge'>> = {}): Promise<GroupAnswer<'acknowledge'>> {
    return this.at.askGroups('acknowledge', this.acknowledgement(rest))
  }

  /** An event of the partition, put aside. */
  async parked(sequence: number, rest: Partial<ParkedEvent> = {}): Promise<ParkedEvent> {
    const { events } = await this.at.ask('events', { after: sequence - 1, reservations: false })
    return { event: events[0]!, attempts: 1, retryAt: this.at.now() + 500, error: 'no answer', ...rest }
  }

  async state() {
    const { groups } = await this.at.askGroups('groups', {})
    return groups.find(({ group }) => group === this.group)
  }

  async dead(after = 0): Promise<readonly ParkedEvent[]> {
    return (await this.at.askGroups('dead', { group: this.group, after })).events
  }

  checkpoint(position: number, trim: Trim | null = null): Promise<GroupAnswer<'checkpoint'>> {
    return this.at.askGroups('checkpoint', { group: this.group, position, trim })
  }
}
