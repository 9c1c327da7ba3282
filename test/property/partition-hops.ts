import type { Answer, Op } from '../../src/engine/engine.js'
import { partitionIn } from '../../src/engine/reservation-id.js'

type Departed = Extract<Answer<'transfer'>, { status: 'departed' }>

interface Hop {
  readonly id: string
  readonly to: string
  /** Missing if both buyers are of one partition. */
  readonly departed?: Departed | undefined
  /** Missing: the receiver's partition has not answered. */
  arrived?: boolean | undefined
}

/** Where reservations went that were given to other buyers, as the answers tell. */
export class Hops {
  readonly #hops: Hop[] = []

  note(op: Op<'transfer'>, answer: Answer<'transfer'>): void {
    if (answer.status === 'departed') this.#add({ id: op.id, to: answer.to, departed: answer })
    if (answer.status === 'transferred' && !answer.replayed)
      this.#add({ id: op.id, to: answer.reservation.id, arrived: true })
  }

  noteArrival({ id }: Op<'arrive'>, { status }: Answer<'arrive'>): void {
    if (status !== 'retry') this.#hops.find(({ to }) => to === id)!.arrived = status === 'arrived'
  }

  arrival(partition: number, age: number): Op<'arrive'> | undefined {
    const ways = this.#hops.filter(({ to, departed }) => departed && partitionIn(to) === partition)
    const departed = ways.at(-1 - age)?.departed
    return departed && { id: departed.to, receiver: departed.receiver, departure: departed.departure }
  }

  /** @param isLatest Tells also where the reservation has gone on to. */
  settlement(partition: number, age: number, isLatest: boolean): Op<'settle'> | undefined {
    const ended = this.#hops.filter(
      ({ id, arrived }) => arrived !== undefined && partitionIn(id) === partition,
    )
    const hop = ended.at(-1 - age)
    if (!hop) return undefined
    const latest = this.#latest(hop.to)
    const goesOn = isLatest && latest !== hop.to
    return { id: hop.id, to: hop.to, arrived: hop.arrived!, latest: goesOn ? latest : null }
  }

  #latest(id: string): string {
    const next = this.#hops.find((hop) => hop.id === id && hop.arrived)
    return next ? this.#latest(next.to) : id
  }

  #add(hop: Hop): void {
    if (!this.#hops.some(({ to }) => to === hop.to)) this.#hops.push(hop)
  }
}
