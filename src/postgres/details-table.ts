import type { LogOffset } from '../engine/port.js'
import { idsBetween } from '../engine/reservation-id.js'
import { readByIndex } from './by-index.js'
import { explain } from './failure.js'
import type { SqlPool } from './pool.js'
import { time } from './rows.js'
import { arrayOf, toText } from './text.js'

/** A table with rows that belong to a reservation, each with a name of its own. */
export interface DetailsShape<T> {
  readonly table: string
  /** The columns of the reservation's id, of the name, and of the time. */
  readonly id: string
  readonly name: string
  readonly at: string
  /** Further columns, in the order of `types`. */
  readonly values: readonly string[]
  /** Of the arrays of an insertion: id, name, values, time in epoch ms, generation, sequence. */
  readonly types: readonly string[]
  /** What a query selects. */
  readonly columns: string
  // biome-ignore lint/suspicious/noExplicitAny: what the driver gives
  readonly read: (row: any) => T
  readonly nameOf: (detail: T) => string
}

/** The statements on a table of details, which never change once they are known. */
export class DetailsTable<T extends { readonly id: string }> {
  readonly #schema: string
  readonly #pool: SqlPool
  readonly #shape: DetailsShape<T>

  /** @param schema Its name, quoted. */
  constructor(schema: string, pool: SqlPool, shape: DetailsShape<T>) {
    this.#schema = schema
    this.#pool = pool
    this.#shape = shape
  }

  nameOf(detail: T): string {
    return this.#shape.nameOf(detail)
  }

  /** How many arrays an insertion has. */
  get width(): number {
    return this.#shape.types.length
  }

  /** The details of these reservations. */
  async of(sale: string, ids: readonly string[]): Promise<T[]> {
    const { table, id, columns, read } = this.#shape
    const one = `SELECT * FROM ${this.#schema}.${table} WHERE sale = $1 AND ${id} = n.wanted AND NOT forgotten OFFSET 0`
    const text = `SELECT ${columns} FROM unnest($2::text[]) AS n (wanted) CROSS JOIN LATERAL (${one}) AS d`
    return (await readByIndex(this.#pool, text, [toText(sale), ids])).rows.map(read)
  }

  /**
   * A page of the details after `after`, in the order of their reservations.
   *
   * @param of Only those of a partition, up to an offset of it.
   */
  async page(
    sale: string,
    after: T | undefined,
    limit: number,
    of?: { readonly partition: number; readonly offset: LogOffset },
  ): Promise<T[]> {
    const { table, id, name, columns, read, nameOf } = this.#shape
    const [first, before] = of ? idsBetween(of.partition) : ['', null]
    const { rows } = await readByIndex(
      this.#pool,
      `SELECT ${columns} FROM ${this.#schema}.${table}
      WHERE sale = $1 AND (${id}, ${name}) > ($2, $3) AND NOT forgotten
        AND ($5::text IS NULL OR (${id} < $5 AND (generation, sequence) <= ($6::int, $7::bigint)))
      ORDER BY sale, ${id}, ${name} LIMIT $4`,
      [
        toText(sale),
        after?.id ?? first,
        after ? toText(nameOf(after)) : '',
        limit,
        before,
        of?.offset.generation ?? null,
        of?.offset.sequence ?? null,
      ],
    )
    return rows.map(read)
  }

  /** Adds details that the sale has. */
  async add(sale: string, partition: number, arrays: readonly string[]): Promise<void> {
    const from = 'FROM (SELECT $1::text AS sale) AS moved,'
    await this.#pool
      .query(this.insertion(`$${2 + this.width}::int`, 2, from), [toText(sale), ...arrays, partition])
      .catch(explain)
  }

  /** Marks details that the sale does not have any more as forgotten. */
  async forget(sale: string, details: readonly T[]): Promise<void> {
    const { table, id, name, nameOf } = this.#shape
    await this.#pool
      .query(
        `UPDATE ${this.#schema}.${table} AS p SET forgotten = true
        FROM unnest($2::text[], $3::text[]) AS n (id, name)
        WHERE p.sale = $1 AND p.${id} = n.id AND p.${name} = n.name`,
        [
          toText(sale),
          arrayOf(details.map((detail) => detail.id)),
          arrayOf(details.map((detail) => toText(nameOf(detail)))),
        ],
      )
      .catch(explain)
  }

  /**
   * The statement that inserts rows, which are arrays of columns from parameter `first` on. A row
   * that is known keeps its values.
   */
  insertion(partition: string, first: number, from: string): string {
    const { table, id, name, at, values, types } = this.#shape
    const arrays = types.map((type, i) => `$${first + i}::${type}[]`).join(', ')
    const own = [id, name, ...values]
    return `
      INSERT INTO ${this.#schema}.${table} (sale, partition, ${own.join(', ')}, ${at}, generation, sequence)
      SELECT moved.sale, ${partition}, ${own.map((column) => `n.${column}`).join(', ')}, ${time('n.at')}, n.generation, n.sequence
      ${from} unnest(${arrays}) AS n (${own.join(', ')}, at, generation, sequence)
      ON CONFLICT (sale, ${id}, ${name}) DO UPDATE
      SET forgotten = false, generation = excluded.generation, sequence = excluded.sequence`
  }
}
