import type { Signer, TicketClaims } from './pass.js'
import type { QueueIndex } from './queue-index.js'
import { TicketTable } from './ticket-table.js'

const tuning = {
  /**
   * Visitors in one generation: a process remembers as many at least, and twice as many at most.
   * Others are known again by their ticket; it takes some microseconds more.
   */
  generation: 1 << 20,
}

/** The owner of a ticket, as this process knows them now. */
export interface Visitor {
  readonly ticket: string
  number: number
  rank: number
  /** The position they were told last. */
  lastPosition: number | undefined
}

/**
 * Whom this process has spoken with, by ticket: a ticket is verified once, and not with every poll.
 * Those who came last are kept, in two generations, of which the older one is dropped as a whole.
 */
export class TicketCache {
  readonly #signer: Signer
  readonly #queue: QueueIndex
  #young = new TicketTable()
  #old = new TicketTable()

  constructor(signer: Signer, line: QueueIndex) {
    this.#signer = signer
    this.#queue = line
  }

  /** Somebody has got a place. */
  place(buyer: string, visitId: number, number: number): Visitor {
    const ticket = this.#signer.signTicket({ buyer, visitId })
    const slot = this.#find(ticket)
    if (slot < 0) return this.#remember(ticket, number)
    const known = this.#visitorAt(slot, ticket)
    this.move(known, number)
    return known
  }

  /** @throws {StockholdError} `TICKET_INVALID` */
  of(ticket: string): Visitor {
    // It may be anything that came with a request.
    const slot = typeof ticket === 'string' ? this.#find(ticket) : -1
    if (slot >= 0) return this.#visitorAt(slot, ticket)
    const { visitId } = this.#signer.readTicket(ticket)
    // Before the room was seen, nobody knows whether the ticket is of this incarnation: it is
    // looked at again then.
    if (!this.#signer.isBound) return { ticket, number: visitId, rank: visitId, lastPosition: undefined }
    return this.#remember(ticket, visitId)
  }

  /**
   * Who they are: what is asked for near the door only, and takes too much room to be kept for
   * everybody.
   */
  claims({ ticket }: Visitor): TicketClaims {
    return this.#signer.openTicket(ticket)
  }

  /** The engine says that the visitor has another place. */
  move(visitor: Visitor, number: number): void {
    if (visitor.number === number) return
    visitor.number = number
    visitor.rank = this.#queue.rankOf(number)
    visitor.lastPosition = undefined
    const slot = this.#find(visitor.ticket)
    if (slot < 0) return
    this.#young.place(slot, number, visitor.rank)
    this.#young.setLastPosition(slot, 0)
  }

  /** Remembers which position they were told. */
  setLastPosition({ ticket }: Visitor, position: number): void {
    const slot = this.#find(ticket)
    if (slot >= 0) this.#young.setLastPosition(slot, position)
  }

  forget(ticket: string): void {
    const slot = this.#find(ticket)
    if (slot >= 0) this.#young.remove(slot)
  }

  /** The slot among the young, or -1. */
  #find(ticket: string): number {
    const slot = this.#young.find(ticket)
    if (slot >= 0 || this.#old.size === 0) return slot
    const old = this.#old.find(ticket)
    if (old < 0) return -1
    const [number, rank, told] = [
      this.#old.numberAt(old),
      this.#old.rankAt(old),
      this.#old.lastPositionAt(old),
    ]
    this.#old.remove(old)
    return this.#add(ticket, number, rank, told)
  }

  #visitorAt(slot: number, ticket: string): Visitor {
    const number = this.#young.numberAt(slot)
    let rank = this.#young.rankAt(slot)
    if (rank === number && this.#queue.isDrawn) {
      rank = this.#queue.rankOf(number)
      this.#young.place(slot, number, rank)
    }
    return { ticket, number, rank, lastPosition: this.#young.lastPositionAt(slot) || undefined }
  }

  #remember(ticket: string, number: number): Visitor {
    const rank = this.#queue.rankOf(number)
    this.#add(ticket, number, rank, 0)
    return { ticket, number, rank, lastPosition: undefined }
  }

  #add(ticket: string, number: number, rank: number, told: number): number {
    if (this.#young.size >= tuning.generation) {
      this.#old = this.#young
      this.#young = new TicketTable()
    }
    return this.#young.add(ticket, number, rank, told)
  }
}
