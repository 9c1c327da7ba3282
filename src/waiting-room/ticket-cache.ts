import { TIER } from '../engine/room.js'
import type { Signer, TicketClaims } from './pass.js'
import type { RoomIndex } from './room-index.js'
import { TicketTable } from './ticket-table.js'

const tuning = {
  /**
   * Visitors in one generation. A process remembers at least this many, and at most twice as many.
   * The tickets of all others are verified again, which takes some microseconds.
   */
  generation: 1 << 20,
}

/** The owner of a ticket, as far as this process knows. */
export interface Visitor {
  readonly ticket: string
  number: number
  rank: number
  /** The last position that the visitor was told. */
  lastPosition: number | undefined
}

/**
 * The visitors of this process, by ticket: a ticket is verified once, and not with every poll. The
 * most recent visitors are kept, in two generations; the older generation is dropped as a whole.
 */
export class TicketCache {
  readonly #signer: Signer
  readonly #queue: Pick<RoomIndex, 'rankOf' | 'isDrawn' | 'hasTiers'>
  #young = new TicketTable()
  #old = new TicketTable()

  constructor(signer: Signer, line: Pick<RoomIndex, 'rankOf' | 'isDrawn' | 'hasTiers'>) {
    this.#signer = signer
    this.#queue = line
  }

  /** Adds a visitor who has joined the queue. */
  place(buyer: string, visitId: number, number: number): Visitor {
    // A later number of the same queue may be learned, so that the buyer keeps one ticket.
    const told = number < visitId || this.#queue.hasTiers ? number : undefined
    const ticket = this.#signer.signTicket({ buyer, visitId, number: told })
    const slot = this.#find(ticket)
    if (slot < 0) return this.#remember(ticket, number)
    const known = this.#visitorAt(slot, ticket)
    this.move(known, number)
    return known
  }

  /** @throws {StockholdError} `TICKET_INVALID` */
  of(ticket: string): Visitor {
    // The value comes from a request and may have any type.
    const slot = typeof ticket === 'string' ? this.#find(ticket) : -1
    if (slot >= 0) return this.#visitorAt(slot, ticket)
    const { visitId, number = visitId } = this.#signer.readTicket(ticket)
    // Before the room has been read, its incarnation is unknown: the ticket is verified again
    // later.
    if (!this.#signer.isBound) return { ticket, number, rank: number % TIER, lastPosition: undefined }
    return this.#remember(ticket, number)
  }

  /**
   * What a ticket says of its visitor, such as the buyer. It is decoded each time, near the head of
   * the queue and with every poll that names a buyer: that takes between one and two microseconds,
   * and the buyers of a million visitors would take much memory.
   */
  claims({ ticket }: Visitor): TicketClaims {
    return this.#signer.openTicket(ticket)
  }

  /** The engine says that the visitor has another number. */
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

  /** Remembers the last position that the visitor was told. */
  setLastPosition({ ticket }: Visitor, position: number): void {
    const slot = this.#find(ticket)
    if (slot >= 0) this.#young.setLastPosition(slot, position)
  }

  forget(ticket: string): void {
    const slot = this.#find(ticket)
    if (slot >= 0) this.#young.remove(slot)
  }

  /** The slot in the younger generation, or -1. */
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
    if ((rank === number || number >= TIER) && this.#queue.isDrawn) {
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
