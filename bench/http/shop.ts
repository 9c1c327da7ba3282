import type { Invariants } from '../../scripts/lib/load/invariants.js'

export const frameworks = ['fastify', 'hono'] as const
export type Framework = (typeof frameworks)[number]

/** `plain`: one EVALSHA for each request. `postgres`: one transaction for each request. */
export const shops = ['empty', 'stockhold', 'plain', 'postgres'] as const
export type ShopName = (typeof shops)[number]

/**
 * What is opened for a drive. `empty`: routes that do nothing. `stock`: a sale. `queue`: a sale
 * whose waiting room admits hardly a visitor. `way`: a sale whose waiting room, if it has one,
 * admits every visitor.
 */
export type Scene = 'empty' | 'stock' | 'queue' | 'way'

/** What the visitors were told. */
export interface Told {
  joined: number
  reserved: number
  confirmed: number
}

/** A shop as a developer writes it by hand, behind the routes of `frameworks.ts`. */
export interface HandWritten {
  open(sale: string): Promise<void>
  /** Answers the id of the reservation, or `undefined` for a refusal. */
  reserve(buyer: string, key: string, quantity: number): Promise<string | undefined>
  /** Whether the payment has made an order. */
  pay(reservation: string, payment: string): Promise<boolean>
  /** Compares what is stored with what the visitors were told, and removes it. */
  finish(told: Told, invariants: Invariants): Promise<void>
}
