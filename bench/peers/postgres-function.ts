import { COUNT_FOR_BUYER, INSERT_RESERVATION, PostgresPeer, TAKE_FROM_STOCK } from './postgres.js'

/** Raised for a refusal: it takes back what the transaction has done so far. */
const REFUSED = 'RF001'

const RESERVE = `
  CREATE FUNCTION reserve(text, text) RETURNS void LANGUAGE plpgsql AS $$
  BEGIN
    ${INSERT_RESERVATION};
    IF NOT FOUND THEN RETURN; END IF;
    ${COUNT_FOR_BUYER};
    IF NOT FOUND THEN RAISE EXCEPTION 'limit exceeded' USING ERRCODE = '${REFUSED}'; END IF;
    ${TAKE_FROM_STOCK};
    IF NOT FOUND THEN RAISE EXCEPTION 'sold out' USING ERRCODE = '${REFUSED}'; END IF;
  END $$`

/**
 * The conditional UPDATE in a stored function: the whole transaction in one round trip, the most
 * that this way gives.
 */
export class PostgresFunction extends PostgresPeer {
  readonly name = 'postgres-function'
  readonly label = 'PostgreSQL, conditional UPDATE in a function'

  constructor(url: string) {
    super(url, 'postgres-function')
  }

  override async create(units: number): Promise<void> {
    await super.create(units)
    await this.pool.query(RESERVE)
  }

  async reserve(buyer: string, key: string) {
    try {
      await this.pool.query({ name: 'reserve', text: 'SELECT reserve($1, $2)', values: [buyer, key] })
      return 'reserved'
    } catch (error) {
      if ((error as { code?: string }).code === REFUSED) return 'refused'
      throw error
    }
  }
}
