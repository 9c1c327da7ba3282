import { setTimeout as delay } from 'node:timers/promises'
import type { Work } from '../../scripts/lib/load/drive.js'
import type { Outcome } from '../../scripts/lib/load/recorder.js'
import { buyerName, keyName, SKU } from '../../scripts/lib/load/sale.js'
import type { Answer, HttpConnections } from './connections.js'
import type { Told } from './shop.js'

/**
 * `empty`: a GET that the framework answers at once. `post`: a cart that the framework reads, and
 * answers at once. `way`: join, poll until admitted, reserve and pay; without a waiting room,
 * reserve and pay.
 */
export type Operation = 'empty' | 'post' | 'join' | 'poll' | 'reserve' | 'way'

const CART = JSON.stringify({ items: [{ sku: SKU, quantity: 1 }] })

/** What the visitors of one scene do, and what they were told. */
export class Visits {
  readonly told: Told = { joined: 0, reserved: 0, confirmed: 0 }
  readonly #tickets: string[] = []

  /** @param hasQueue Whether the way of a visitor begins in a waiting room. */
  of(operation: Operation, connections: HttpConnections, hasQueue: boolean): Work {
    switch (operation) {
      case 'empty':
        return async () => outcomeOf(await connections.request(EMPTY), 200)
      case 'post':
        return async (n) => outcomeOf(await connections.request(cartOf('/empty', n)), 201)
      case 'join':
        return async (n) => {
          const joined = await this.#join(connections, n)
          this.#tickets.push(ticketOf(joined))
          return outcomeOf(joined, 200)
        }
      case 'poll':
        return async (n) => {
          const ticket = this.#tickets[n % this.#tickets.length]!
          return outcomeOf(await connections.request(pollOf(ticket)), 200)
        }
      case 'reserve':
        return async (n) => outcomeOf(await this.#reserve(connections, n), 201)
      case 'way':
        return async (n) => {
          const pass = hasQueue ? await this.#admission(connections, n) : undefined
          const held = await this.#reserve(connections, n, pass)
          if (outcomeOf(held, 201) === 'refused') return 'refused'
          return this.#pay(connections, JSON.parse(held.body).id)
        }
    }
  }

  async #join(connections: HttpConnections, n: number): Promise<Answer> {
    const joined = await connections.request(
      `POST /queue HTTP/1.1\r\nhost: bench\r\nx-user: ${buyerName(n)}\r\ncontent-length: 0\r\n\r\n`,
    )
    if (outcomeOf(joined, 200) === 'accepted') this.told.joined++
    return joined
  }

  /** Answers the pass. */
  async #admission(connections: HttpConnections, n: number): Promise<string> {
    const joined = await this.#join(connections, n)
    const poll = pollOf(ticketOf(joined))
    let { retryAfterMs } = JSON.parse(joined.body)
    for (;;) {
      await delay(retryAfterMs)
      const answer = await connections.request(poll)
      const pass = answer.field('stockhold-pass')
      if (pass !== undefined) return pass
      if (outcomeOf(answer, 200) === 'refused') throw new Error(`A poll was refused: ${answer.body}`)
      retryAfterMs = JSON.parse(answer.body).retryAfterMs
    }
  }

  async #reserve(connections: HttpConnections, n: number, pass?: string): Promise<Answer> {
    const held = await connections.request(cartOf('/reservations', n, pass))
    if (outcomeOf(held, 201) === 'accepted') this.told.reserved++
    return held
  }

  async #pay(connections: HttpConnections, reservation: string): Promise<Exclude<Outcome, 'failed'>> {
    const body = JSON.stringify({ reservation, payment: `paid-${reservation}` })
    const paid = await connections.request(posted('/payments', body, ''))
    if (outcomeOf(paid, 200) === 'refused' || JSON.parse(paid.body).status !== 'confirmed') return 'refused'
    this.told.confirmed++
    return 'accepted'
  }
}

const EMPTY = 'GET /empty HTTP/1.1\r\nhost: bench\r\n\r\n'

const pollOf = (ticket: string) => `GET /queue HTTP/1.1\r\nhost: bench\r\nstockhold-ticket: ${ticket}\r\n\r\n`

function cartOf(path: string, n: number, pass?: string): string {
  const by = pass === undefined ? '' : `stockhold-pass: ${pass}\r\n`
  return posted(path, CART, `x-user: ${buyerName(n)}\r\nidempotency-key: ${keyName(n)}\r\n${by}`)
}

function posted(path: string, body: string, fields: string): string {
  return `POST ${path} HTTP/1.1\r\nhost: bench\r\ncontent-type: application/json\r\n${fields}content-length: ${body.length}\r\n\r\n${body}`
}

function ticketOf(joined: Answer): string {
  const ticket = joined.field('stockhold-ticket')
  if (ticket === undefined) throw new Error(`A visitor has no ticket: ${joined.status} ${joined.body}`)
  return ticket
}

/** @throws {Error} A fault of the server is no refusal. */
function outcomeOf({ status, body }: Answer, wanted: number): Exclude<Outcome, 'failed'> {
  if (status >= 500) throw new Error(`${status}: ${body}`)
  return status === wanted ? 'accepted' : 'refused'
}
