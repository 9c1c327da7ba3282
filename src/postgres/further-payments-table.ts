import type { FurtherPayment } from '../engine/engine.js'
import type { LogOffset } from '../engine/port.js'
import type { PaymentColumns } from './page.js'
import type { SqlResult } from './pool.js'
import { PAYMENT_TYPES, paymentOf, paymentValuesOf, time } from './rows.js'
import { arrayOf, toText } from './text.js'

/** The statements on the table of payments beside the reservations' own. */
export class FurtherPaymentsTable {
  readonly #schema: string
  readonly #query: (text: string, values: unknown[]) => Promise<SqlResult>

  /** @param schema Its name, quoted. */
  constructor(schema: string, query: (text: string, values: unknown[]) => Promise<SqlResult>) {
    this.#schema = schema
    this.#query = query
  }

  /** The further payments of these reservations. */
  async of(sale: string, ids: readonly string[]): Promise<FurtherPayment[]> {
    const { rows } = await this.#query(
      `SELECT reservation, payment_id, reason FROM ${this.#schema}.further_payments
      WHERE sale = $1 AND reservation = ANY($2::text[]) AND NOT forgotten`,
      [toText(sale), ids],
    )
    return rows.map(paymentOf)
  }

  /**
   * A page of the further payments after `after`, in the order of their reservations.
   *
   * @param of Only those of a partition, up to an offset of it.
   */
  async page(
    sale: string,
    after: FurtherPayment | undefined,
    limit: number,
    of?: { readonly partition: number; readonly offset: LogOffset },
  ): Promise<FurtherPayment[]> {
    const { rows } = await this.#query(
      `SELECT reservation, payment_id, reason FROM ${this.#schema}.further_payments
      WHERE sale = $1 AND (reservation, payment_id) > ($2, $3) AND NOT forgotten
        AND ($5::int IS NULL OR (partition = $5 AND (generation, sequence) <= ($6::int, $7::bigint)))
      ORDER BY sale, reservation, payment_id LIMIT $4`,
      [
        toText(sale),
        after?.id ?? '',
        after ? toText(after.paymentId) : '',
        limit,
        of?.partition ?? null,
        of?.offset.generation ?? null,
        of?.offset.sequence ?? null,
      ],
    )
    return rows.map(paymentOf)
  }

  /** Adds further payments that the sale has. */
  async add(sale: string, partition: number, payments: PaymentColumns): Promise<void> {
    await this.#query(this.insertion('$8::int', 2, 'FROM (SELECT $1::text AS sale) AS moved,'), [
      toText(sale),
      ...paymentValuesOf(payments),
      partition,
    ])
  }

  /** Marks further payments that the sale does not have any more as forgotten. */
  async forget(sale: string, payments: readonly FurtherPayment[]): Promise<void> {
    await this.#query(
      `UPDATE ${this.#schema}.further_payments AS p SET forgotten = true
      FROM unnest($2::text[], $3::text[]) AS n (reservation, payment_id)
      WHERE p.sale = $1 AND p.reservation = n.reservation AND p.payment_id = n.payment_id`,
      [
        toText(sale),
        arrayOf(payments.map(({ id }) => id)),
        arrayOf(payments.map(({ paymentId }) => toText(paymentId))),
      ],
    )
  }

  /**
   * The statement that inserts rows, which are arrays of columns from parameter `first` on. A
   * payment that is known keeps what its payer was told first.
   */
  insertion(partition: string, first: number, from: string): string {
    const arrays = PAYMENT_TYPES.map((type, i) => `$${first + i}::${type}[]`).join(', ')
    return `
      INSERT INTO ${this.#schema}.further_payments (sale, reservation, payment_id, partition, reason, at, generation, sequence)
      SELECT moved.sale, n.reservation, n.payment_id, ${partition}, n.reason, ${time('n.at')}, n.generation, n.sequence
      ${from} unnest(${arrays}) AS n (reservation, payment_id, reason, at, generation, sequence)
      ON CONFLICT (sale, reservation, payment_id) DO UPDATE
      SET forgotten = false, generation = excluded.generation, sequence = excluded.sequence`
  }
}
