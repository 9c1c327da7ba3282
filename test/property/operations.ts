import { type FlashSale, type SaleRules, StockholdError } from '../../src/index.js'
import type { Answer, Reference, ReserveCall } from './reference.js'

/** One call of the public surface, and what the plain rules say of it. */
export interface Operation {
  /** Whether the call names a reservation: its place, to be taken modulo their number. */
  readonly place?: number
  send(sale: FlashSale, id: string, rules: SaleRules): Promise<Answer>
  /** @param fresh What a new reservation is called. */
  predict(reference: Reference, name: string, fresh: string): Answer
  toString(): string
}

/** Faults become answers, so that they are compared like all others. */
export async function sendTo(
  operation: Operation,
  sale: FlashSale,
  id: string,
  rules: SaleRules,
): Promise<Answer> {
  try {
    return await operation.send(sale, id, rules)
  } catch (error) {
    if (!(error instanceof StockholdError)) throw error
    return { status: 'threw', code: error.code }
  }
}

/** By the rules the sale has, or by others. */
export class Create implements Operation {
  constructor(readonly same: boolean) {}

  async send(sale: FlashSale, _id: string, rules: SaleRules) {
    const asked = this.same ? rules : { ...rules, holdMs: 1 }
    return { status: 'created', ...(await sale.create(asked)) }
  }

  predict(reference: Reference) {
    return reference.create(this.same)
  }

  toString() {
    return `create(${this.same ? 'the same' : 'other'} rules)`
  }
}

export class Reserve implements Operation {
  constructor(readonly call: ReserveCall) {}

  send(sale: FlashSale): Promise<Answer> {
    return sale.reserve(this.call) as Promise<Answer>
  }

  predict(reference: Reference, _name: string, fresh: string) {
    return reference.reserve(this.call, fresh)
  }

  toString() {
    const { buyer, items, key, holdMs } = this.call
    const cart = items.map(({ sku, quantity }) => `${quantity} ${sku}`).join(' + ')
    return `reserve(${buyer}: ${cart}${key ? `, key ${key}` : ''}${holdMs ? `, holdMs ${holdMs}` : ''})`
  }
}

export class Confirm implements Operation {
  constructor(
    readonly place: number,
    readonly options: { buyer?: string; paymentId?: string },
  ) {}

  send(sale: FlashSale, id: string): Promise<Answer> {
    return sale.confirm(id, this.options) as Promise<Answer>
  }

  predict(reference: Reference, name: string) {
    return reference.confirm(name, this.options.buyer, this.options.paymentId)
  }

  toString() {
    return `confirm(#${this.place}, ${JSON.stringify(this.options)})`
  }
}

export class Release implements Operation {
  constructor(
    readonly place: number,
    readonly options: { buyer?: string },
  ) {}

  send(sale: FlashSale, id: string): Promise<Answer> {
    return sale.release(id, this.options) as Promise<Answer>
  }

  predict(reference: Reference, name: string) {
    return reference.release(name, this.options.buyer)
  }

  toString() {
    return `release(#${this.place}, ${JSON.stringify(this.options)})`
  }
}

export class Extend implements Operation {
  constructor(
    readonly place: number,
    readonly holdMs: number,
  ) {}

  send(sale: FlashSale, id: string): Promise<Answer> {
    return sale.extend(id, { holdMs: this.holdMs }) as Promise<Answer>
  }

  predict(reference: Reference, name: string) {
    return reference.extend(name, this.holdMs)
  }

  toString() {
    return `extend(#${this.place}, ${this.holdMs} ms)`
  }
}

export class Refund implements Operation {
  constructor(
    readonly place: number,
    readonly restock: boolean,
  ) {}

  send(sale: FlashSale, id: string): Promise<Answer> {
    return sale.refund(id, { restock: this.restock }) as Promise<Answer>
  }

  predict(reference: Reference, name: string) {
    return reference.refund(name, this.restock)
  }

  toString() {
    return `refund(#${this.place}${this.restock ? ', restock' : ''})`
  }
}

export class Get implements Operation {
  constructor(readonly place: number) {}

  async send(sale: FlashSale, id: string): Promise<Answer> {
    const reservation = await sale.get(id)
    return reservation ? { status: 'found', reservation } : { status: 'not_found' }
  }

  predict(reference: Reference, name: string) {
    return reference.get(name)
  }

  toString() {
    return `get(#${this.place})`
  }
}

export class Restock implements Operation {
  constructor(
    readonly sku: string,
    readonly quantity: number,
    readonly key: string,
  ) {}

  async send(sale: FlashSale): Promise<Answer> {
    const { sku, quantity, key } = this
    return { ...(await sale.restock({ sku, quantity, key })) }
  }

  predict(reference: Reference) {
    return reference.restock(this.sku, this.quantity, this.key)
  }

  toString() {
    return `restock(${this.quantity} ${this.sku}, key ${this.key})`
  }
}

export class Control implements Operation {
  constructor(readonly action: 'pause' | 'resume' | 'end') {}

  async send(sale: FlashSale): Promise<Answer> {
    return { status: await sale[this.action]() }
  }

  predict(reference: Reference) {
    return reference.control(this.action)
  }

  toString() {
    return `${this.action}()`
  }
}

export class ReadStats implements Operation {
  async send(sale: FlashSale): Promise<Answer> {
    return { status: 'stats', ...(await sale.stats()) }
  }

  predict(reference: Reference) {
    return reference.stats()
  }

  toString() {
    return 'stats()'
  }
}
