import { RecentMap } from '../recent-map.js'
import type { Line } from './line.js'
import type { Signer } from './pass.js'

/** Visitors a process remembers at most, and half as many at least. Others are known again by their ticket; it takes some microseconds more. */
const MOST = 1 << 21

/** The owner of a ticket, as this process knows them. */
export interface Visitor {
  readonly ticket: string
  readonly buyer: string
  readonly stay: number
  number: number
  rank: number
  /** The position they were told last. A number: a million objects that outlive a poll would keep the garbage collector busy. */
  told: number | undefined
}

/** Whom this process has spoken with, by ticket: a ticket is verified once, and not with every poll. */
export class Visitors {
  readonly #signer: Signer
  readonly #line: Line
  readonly #known = new RecentMap<Visitor>(MOST)

  constructor(signer: Signer, line: Line) {
    this.#signer = signer
    this.#line = line
  }

  /** Somebody has got a place. */
  place(buyer: string, stay: number, number: number): Visitor {
    const ticket = this.#signer.signTicket({ buyer, stay })
    const known = this.#known.get(ticket)
    if (!known) return this.#remember(ticket, buyer, stay, number)
    this.move(known, number)
    return this.of(ticket)
  }

  /** @throws {StockholdError} `PASS_INVALID` */
  of(ticket: string): Visitor {
    const known = this.#known.get(ticket)
    if (known) {
      if (known.rank !== known.number || !this.#line.isDrawn) return known
      known.rank = this.#line.rankOf(known.number)
      return known
    }
    const { buyer, stay } = this.#signer.readTicket(ticket)
    // Before the room was seen, nobody knows whether the ticket is of this incarnation: it is looked at again then.
    if (!this.#signer.isBound) return { ticket, buyer, stay, number: stay, rank: stay, told: undefined }
    return this.#remember(ticket, buyer, stay, stay)
  }

  /** The engine says that the visitor has another place. */
  move(visitor: Visitor, number: number): void {
    if (visitor.number === number) return
    visitor.number = number
    visitor.rank = this.#line.rankOf(number)
    visitor.told = undefined
  }

  forget(ticket: string): void {
    this.#known.delete(ticket)
  }

  #remember(ticket: string, buyer: string, stay: number, number: number): Visitor {
    const visitor = { ticket, buyer, stay, number, rank: this.#line.rankOf(number), told: undefined }
    this.#known.set(ticket, visitor)
    return visitor
  }
}
